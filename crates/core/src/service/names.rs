//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;

use rustc_hash::FxHashMap;

use super::unit_core::UnitCore;
use crate::base::sync::Arc;
use crate::errors::serve::Problem;

/// What a service is called that was given no name, but for a number: after its type, in the way in which modules are
/// written, or after the place that hands it in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Base {
    Type(String),
    Place(&'static str, u32),
}

impl Base {
    /// That of a service of type `S` that is handed in at `location`.
    pub(super) fn of<S>(location: &'static Location<'static>) -> Self {
        match of_type(type_name::<S>()) {
            Some(name) => Self::Type(name),
            None => Self::Place(location.file(), location.line()),
        }
    }

    /// The name of the service that was the first to have it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Type(own) => own.clone(),
            Self::Place(file, line) => format!("{file}:{line}"),
        }
    }
}

/// The names that were derived from one base: none is given twice.
struct Derived {
    /// How many there were.
    number: u32,
    /// The last of them.
    name: String,
    /// How long the first of them is, with which all others begin.
    length: usize,
}

impl Derived {
    fn new(base: &Base) -> Self {
        let (number, name) = (0, base.name());
        let length = name.len();
        Self {
            number,
            name,
            length,
        }
    }

    fn next(&mut self) -> &str {
        self.number += 1;
        if self.number > 1 {
            self.name.truncate(self.length);
            self.name.push('#');
            push_number(&mut self.name, self.number);
        }
        &self.name
    }
}

/// By hand, as each service may have such a name.
fn push_number(text: &mut String, number: u32) {
    let (mut digits, mut first, mut left) = (['0'; 10], 10, number);
    while left > 0 {
        first -= 1;
        digits[first] = char::from(b'0' + (left % 10) as u8);
        left /= 10;
    }
    text.extend(&digits[first..]);
}

fn of_type(type_name: &str) -> Option<String> {
    let path = &type_name[..type_name.find('<').unwrap_or(type_name.len())];
    let colon = path.bytes().rposition(|byte| byte == b':');
    let name = &path[colon.map_or(0, |colon| colon + 1)..];
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
    derived: FxHashMap<Base, Derived>,
}

impl Names {
    /// The last one that has or had this name.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        self.known.get(name)
    }

    /// The name that the next service may have: the one that it was `given`, else one that is derived.
    pub(super) fn free(&mut self, given: Option<&str>, base: &Base) -> Result<Arc<str>, Problem> {
        let is_free = |name: &str| self.known.get(name).is_none_or(|one| one.state().is_over());
        if let Some(name) = given {
            return is_free(name).then(|| name.into()).ok_or(Problem::Name);
        }
        let derived = self.derived.entry(base.clone());
        let derived = derived.or_insert_with(|| Derived::new(base));
        loop {
            let name = derived.next();
            if is_free(name) {
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
