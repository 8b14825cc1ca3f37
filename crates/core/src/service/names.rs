//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;

use rustc_hash::FxHashMap;

use super::error::Problem;
use super::unit_core::UnitCore;
use crate::sync::Arc;

/// What a service without a name is called after.
#[derive(Clone, Copy)]
pub(crate) struct Derived {
    type_name: &'static str,
    location: &'static Location<'static>,
}

/// Where what a [`Derived`] consists of is. Two that are alike may be in two places, but no place has two.
type Place = (usize, usize, usize);

impl Derived {
    /// The name of a service of type `S` that was handed in at `location`.
    pub(crate) fn of<S>(location: &'static Location<'static>) -> Self {
        let type_name = type_name::<S>();
        Self {
            type_name,
            location,
        }
    }

    fn place(&self) -> Place {
        let location = std::ptr::from_ref(self.location).addr();
        (
            self.type_name.as_ptr().addr(),
            self.type_name.len(),
            location,
        )
    }

    /// The type's name, in the way in which modules are written; the place if it has none.
    pub(crate) fn name(&self) -> String {
        let path = self.type_name.split('<').next().unwrap_or_default();
        let name = path.rsplit("::").next().unwrap_or(path);
        let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if name == "FnService" || !is_name {
            return format!("{}:{}", self.location.file(), self.location.line());
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
        snake
    }
}

/// The names of all services of a runtime.
#[derive(Default)]
pub(super) struct Names {
    units: FxHashMap<Arc<str>, Arc<UnitCore>>,
    /// Which series a derived name belongs to: looked up for every service without a name.
    derived: FxHashMap<Place, usize>,
    /// The same by the name itself, which several types and places may share.
    bases: FxHashMap<String, usize>,
    series: Vec<Series>,
}

/// The services that are called after one thing: `beat`, `beat#2`, …
struct Series {
    /// The name that was given last; none is given twice.
    name: String,
    /// How many were given.
    given: usize,
}

impl Series {
    fn next(&mut self) -> &str {
        self.given += 1;
        match self.given {
            1 => {}
            2 => self.name.push_str("#2"),
            // Most services without a name are one of many.
            _ => count_up(&mut self.name),
        }
        &self.name
    }
}

/// Adds one to the number at the end of `text`.
fn count_up(text: &mut String) {
    let digits = text.trim_end_matches('9').len();
    let nines = text.len() - digits;
    text.truncate(digits);
    match text.pop() {
        Some(digit @ '0'..='8') => text.push(char::from(digit as u8 + 1)),
        other => {
            text.extend(other);
            text.push('1');
        }
    }
    text.extend(std::iter::repeat_n('0', nines));
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<UnitCore>> {
        self.units.get(name)
    }

    /// The name that the next service may have.
    pub(super) fn free(
        &mut self,
        given: Option<&str>,
        derived: Derived,
    ) -> Result<Arc<str>, Problem> {
        if let Some(name) = given {
            return match is_taken(&self.units, name) {
                true => Err(Problem::Name),
                false => Ok(name.into()),
            };
        }
        let index = match self.derived.get(&derived.place()) {
            Some(index) => *index,
            None => self.add(derived),
        };
        let series = &mut self.series[index];
        loop {
            let name = series.next();
            if !is_taken(&self.units, name) {
                return Ok(name.into());
            }
        }
    }

    fn add(&mut self, derived: Derived) -> usize {
        let base = derived.name();
        let index = self.bases.get(&base).copied().unwrap_or_else(|| {
            self.bases.insert(base.clone(), self.series.len());
            self.series.push(Series {
                name: base,
                given: 0,
            });
            self.series.len() - 1
        });
        self.derived.insert(derived.place(), index);
        index
    }

    pub(super) fn enter(&mut self, unit: &Arc<UnitCore>) {
        self.units.insert(Arc::clone(&unit.name), Arc::clone(unit));
    }

    /// Forgets the unit, unless its name is another's by now.
    pub(super) fn forget(&mut self, unit: &Arc<UnitCore>) {
        let named = self.units.get(&unit.name);
        if named.is_some_and(|named| Arc::ptr_eq(named, unit)) {
            self.units.remove(&unit.name);
        }
    }
}

fn is_taken(units: &FxHashMap<Arc<str>, Arc<UnitCore>>, name: &str) -> bool {
    let unit = units.get(name);
    unit.is_some_and(|unit| !unit.state().is_over())
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_series_counts() {
        let mut series = Series {
            name: "beat9".to_owned(),
            given: 0,
        };
        let names: Vec<_> = (0..100).map(|_| series.next().to_owned()).collect();
        assert_eq!(names[0], "beat9");
        for (index, name) in names.iter().enumerate().skip(1) {
            assert_eq!(*name, format!("beat9#{}", index + 1));
        }
    }

    #[test]
    fn a_type_gives_its_name() {
        let named = |type_name| {
            let location = Location::caller();
            Derived {
                type_name,
                location,
            }
            .name()
        };
        assert_eq!(named("a::b::Beat"), "beat");
        assert_eq!(named("a::HttpServer<a::b::Beat>"), "http_server");
        assert_eq!(named("a::HTTPServer"), "http_server");
        assert_eq!(named("Beat2"), "beat2");
        assert_eq!(named("a::status_page"), "status_page");
        for nameless in ["a::main::{{closure}}", "a::FnService<a::b::Beat>"] {
            assert!(named(nameless).contains("names.rs:"), "{nameless}");
        }
    }
}
