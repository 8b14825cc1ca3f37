//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::fmt;
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

/// What a service is called. Not written down as long as nobody asks, if it was not given.
pub(crate) struct Name {
    called: Arc<Called>,
    /// Which of those it is that are called after one thing: `beat`, `beat#2`, …
    number: usize,
}

/// What services are called, and where they were handed in: what many of them share is kept once.
struct Called {
    /// The whole name if it was given, else what it was derived from.
    base: Arc<str>,
    location: &'static Location<'static>,
}

impl Name {
    /// The name, if it has no number.
    pub(super) fn whole(&self) -> Option<&Arc<str>> {
        (self.number == 1).then_some(&self.called.base)
    }

    /// Where the service was handed in.
    pub(super) fn location(&self) -> &'static Location<'static> {
        self.called.location
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whole() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}#{}", self.called.base, self.number),
        }
    }
}

/// What `text` is derived from, if it is the name of one of many, and which of them it is.
fn split(text: &str) -> (&str, usize) {
    let numbered = text.rsplit_once('#').and_then(|(base, digits)| {
        let number = digits.parse().ok().filter(|number| *number > 1)?;
        // `beat#02` and `beat#+2` are names like any other.
        (digits.starts_with(|first: char| matches!(first, '1'..='9'))).then_some((base, number))
    });
    numbered.unwrap_or((text, 1))
}

/// The names of all services of a runtime.
#[derive(Default)]
pub(super) struct Names {
    given: FxHashMap<Arc<str>, Arc<UnitCore>>,
    /// Which series a derived name belongs to: looked up for every service without a name.
    derived: FxHashMap<Place, (usize, Arc<Called>)>,
    /// The same by what the names begin with, which several types and places may share.
    bases: FxHashMap<Arc<str>, usize>,
    series: Vec<Series>,
}

/// The services that are called after one thing.
struct Series {
    base: Arc<str>,
    /// How many names there are; none is given twice.
    numbers: usize,
    /// A service was given a name that looks like one of these.
    contested: bool,
}

impl Names {
    /// The last one of `units`, which are all that are known, that has or had this name.
    pub(super) fn find<'a>(
        &'a self,
        name: &str,
        units: &'a [Arc<UnitCore>],
    ) -> Option<&'a Arc<UnitCore>> {
        self.given.get(name).or_else(|| {
            let (base, number) = split(name);
            let series = &self.series[*self.bases.get(base)?];
            let is_it = |unit: &&Arc<UnitCore>| {
                unit.name.number == number && Arc::ptr_eq(&unit.name.called.base, &series.base)
            };
            units.iter().rev().find(is_it)
        })
    }

    /// The name that the next service may have, beside `units`.
    pub(super) fn free(
        &mut self,
        given: Option<&str>,
        derived: Derived,
        units: &[Arc<UnitCore>],
    ) -> Result<Name, Problem> {
        match given {
            Some(name) => self.free_given(name, derived.location, units),
            None => Ok(self.next(derived)),
        }
    }

    fn free_given(
        &mut self,
        name: &str,
        location: &'static Location<'static>,
        units: &[Arc<UnitCore>],
    ) -> Result<Name, Problem> {
        let namesake = self.find(name, units);
        if namesake.is_some_and(|unit| !unit.state().is_over()) {
            return Err(Problem::Name);
        }
        let series = self.bases.get(split(name).0);
        if let Some(series) = series {
            self.series[*series].contested = true;
        }
        let base = name.into();
        Ok(Name {
            called: Arc::new(Called { base, location }),
            number: 1,
        })
    }

    /// The next derived name.
    fn next(&mut self, derived: Derived) -> Name {
        let known = self.derived.get(&derived.place()).cloned();
        let (index, called) = known.unwrap_or_else(|| self.add(derived));
        let series = &mut self.series[index];
        let mut name = Name { called, number: 0 };
        loop {
            series.numbers += 1;
            name.number = series.numbers;
            if !series.contested {
                return name;
            }
            let text = name.to_string();
            let namesake = self.given.get(&*text);
            if namesake.is_none_or(|unit| unit.state().is_over()) {
                self.given.remove(&*text);
                return name;
            }
        }
    }

    fn add(&mut self, derived: Derived) -> (usize, Arc<Called>) {
        let base: Arc<str> = derived.name().into();
        let index = self.bases.get(&base).copied().unwrap_or_else(|| {
            let contested = self.given.keys().any(|name| split(name).0 == &*base);
            self.bases.insert(Arc::clone(&base), self.series.len());
            self.series.push(Series {
                base,
                numbers: 0,
                contested,
            });
            self.series.len() - 1
        });
        let called = Arc::new(Called {
            base: Arc::clone(&self.series[index].base),
            location: derived.location,
        });
        let entry = (index, called);
        self.derived.insert(derived.place(), entry.clone());
        entry
    }

    /// Enters a unit that was given its name.
    pub(super) fn enter(&mut self, unit: &Arc<UnitCore>) {
        let name = Arc::clone(&unit.name.called.base);
        self.given.insert(name, Arc::clone(unit));
    }

    /// Forgets the unit, unless its name is another's by now.
    pub(super) fn forget(&mut self, unit: &Arc<UnitCore>) {
        // What begins another name was given to nobody.
        let named = self.given.get(&unit.name.called.base);
        if named.is_some_and(|named| Arc::ptr_eq(named, unit)) {
            self.given.remove(&unit.name.called.base);
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_many_if_it_says_so_in_our_way() {
        for (text, base, number) in [
            ("beat", "beat", 1),
            ("beat#2", "beat", 2),
            ("src/main#1.rs:12#30", "src/main#1.rs:12", 30),
        ] {
            assert_eq!(split(text), (base, number), "{text}");
            let called = Arc::new(Called {
                base: base.into(),
                location: Location::caller(),
            });
            assert_eq!(Name { called, number }.to_string(), text);
        }
        for whole in ["beat#", "beat#1", "beat#0", "beat#02", "beat#+2", "#x", ""] {
            assert_eq!(split(whole), (whole, 1), "{whole}");
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
