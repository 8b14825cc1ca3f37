//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;

use rustc_hash::FxHashMap;

use crate::base::sync::Arc;
use crate::errors::serve::Problem;
use crate::service::unit_core::UnitCore;

/// What a service of type `S` is called that was given no name, but for a number: after its type, in the way in which
/// modules are written, or after the place that hands it in.
pub(in crate::service) fn derived<S>(location: &Location<'_>) -> String {
    let of_place = || {
        let mut name = String::with_capacity(64);
        name.push_str(location.file());
        name.push(':');
        push_number(&mut name, location.line());
        name
    };
    of_type(type_name::<S>()).unwrap_or_else(of_place)
}

/// By hand, as each service may have such a name: `write!` is a twentieth of a start.
fn push_number(text: &mut String, number: u32) {
    let mut power = 1;
    while number / power >= 10 {
        power *= 10;
    }
    while power > 0 {
        text.push(char::from(b'0' + (number / power % 10) as u8));
        power /= 10;
    }
}

fn of_type(type_name: &str) -> Option<String> {
    let path = &type_name[..type_name.find('<').unwrap_or(type_name.len())];
    let colon = path.bytes().rposition(|byte| byte == b':');
    let name = &path[colon.map_or(0, |colon| colon + 1)..];
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if name == "FnService" || !is_name {
        return None;
    }
    let (mut snake, mut before) = (String::with_capacity(64), '_');
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let is_before_word = characters.peek().is_some_and(|next| next.is_lowercase());
        let may_begin_word = before != '_' && (!before.is_uppercase() || is_before_word);
        if character.is_uppercase() && may_begin_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
        before = character;
    }
    Some(snake)
}

/// The names of all services of a runtime.
#[derive(Default)]
pub(in crate::service) struct Names {
    /// The last one that has or had each name.
    known: FxHashMap<Arc<str>, Arc<UnitCore>>,
    /// How many names were derived from each: none is given twice.
    derived: FxHashMap<String, u32>,
}

impl Names {
    /// The last one that has or had this name.
    pub(in crate::service) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        self.known.get(name)
    }

    /// The name that the next service may have: the one that it was `given`, else one that is derived.
    pub(in crate::service) fn free(
        &mut self,
        given: Option<&str>,
        derived: impl FnOnce() -> String,
    ) -> Result<Arc<str>, Problem> {
        let is_free = |name: &str| self.known.get(name).is_none_or(|one| one.state().is_over());
        if let Some(name) = given {
            return is_free(name).then(|| name.into()).ok_or(Problem::Name);
        }
        let mut name = derived();
        let length = name.len();
        let number = match self.derived.get_mut(&name) {
            Some(number) => number,
            None => self.derived.entry(name.clone()).or_default(),
        };
        loop {
            *number += 1;
            if *number > 1 {
                name.truncate(length);
                name.push('#');
                push_number(&mut name, *number);
            }
            if is_free(&name) {
                return Ok(name.into());
            }
        }
    }

    pub(in crate::service) fn enter(&mut self, unit: &Arc<UnitCore>) {
        self.known.insert(Arc::clone(unit.name()), Arc::clone(unit));
    }

    /// Forgets the unit, unless its name is another's by now.
    pub(in crate::service) fn forget(&mut self, unit: &Arc<UnitCore>) {
        let named = self.known.get(unit.name());
        if named.is_some_and(|named| Arc::ptr_eq(named, unit)) {
            self.known.remove(unit.name());
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
