//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;

use rustc_hash::FxHashMap;

use super::error::Problem;
use super::unit_core::UnitCore;
use crate::sync::Arc;

/// The name of a service of type `S` that was given none and was handed in at `location`: the type's name, in the
/// way in which modules are written; the place if it has none.
pub(super) fn derive<S>(location: &'static Location<'static>) -> String {
    of_type(type_name::<S>()).unwrap_or_else(|| numbered(location.file(), ':', location.line()))
}

/// A text with a number behind it. By hand, as each service has such a name.
fn numbered(text: &str, mark: char, number: u32) -> String {
    let mut numbered = String::with_capacity(text.len() + 11);
    numbered.push_str(text);
    numbered.push(mark);
    let digits = number.checked_ilog10().unwrap_or_default();
    let powers = (0..=digits).rev().map(|digit| 10_u32.pow(digit));
    numbered.extend(powers.filter_map(|power| char::from_digit(number / power % 10, 10)));
    numbered
}

fn of_type(type_name: &str) -> Option<String> {
    let path = type_name.split('<').next().unwrap_or_default();
    let name = path.rsplit(':').next().unwrap_or(path);
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if name == "FnService" || !is_name {
        return None;
    }
    let characters: Vec<_> = name.chars().collect();
    let mut snake = String::new();
    for (index, character) in characters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| characters[index]);
        let behind = characters.get(index + 1);
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before != '_'
                    && (!before.is_uppercase()
                        || behind.is_some_and(|behind| behind.is_lowercase()))
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    Some(snake)
}

/// The names of all services of a runtime.
#[derive(Default)]
pub(super) struct Names {
    /// The last one that has or had each name.
    known: FxHashMap<Arc<str>, Arc<UnitCore>>,
    /// How many names were derived from each: none is given twice.
    derived: FxHashMap<String, u32>,
}

impl Names {
    /// The last one that has or had this name.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        self.known.get(name)
    }

    /// The name that the next service may have: the one that it was `given`, else one that is derived.
    pub(super) fn free(&mut self, given: Option<&str>, derived: &str) -> Result<Arc<str>, Problem> {
        let is_free = |name: &str| self.known.get(name).is_none_or(|one| one.state().is_over());
        if let Some(name) = given {
            return is_free(name).then(|| name.into()).ok_or(Problem::Name);
        }
        if !self.derived.contains_key(derived) {
            self.derived.insert(derived.to_owned(), 0);
        }
        let number = self.derived.get_mut(derived).expect("it is there by now");
        loop {
            *number += 1;
            let name = match *number {
                1 => derived.to_owned(),
                number => numbered(derived, '#', number),
            };
            if is_free(&name) {
                return Ok(name.into());
            }
        }
    }

    pub(super) fn enter(&mut self, unit: &Arc<UnitCore>) {
        self.known.insert(Arc::clone(unit.name()), Arc::clone(unit));
    }

    /// Forgets the unit, unless its name is another's by now.
    pub(super) fn forget(&mut self, unit: &Arc<UnitCore>) {
        let named = self.known.get(unit.name());
        if named.is_some_and(|named| Arc::ptr_eq(named, unit)) {
            self.known.remove(unit.name());
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
