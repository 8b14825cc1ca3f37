//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;

use heck::ToSnakeCase;
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
        name.push_str(itoa::Buffer::new().format(location.line()));
        name
    };
    of_type(type_name::<S>()).unwrap_or_else(of_place)
}

fn of_type(type_name: &str) -> Option<String> {
    let path = &type_name[..type_name.find('<').unwrap_or(type_name.len())];
    let colon = path.bytes().rposition(|byte| byte == b':');
    let name = &path[colon.map_or(0, |colon| colon + 1)..];
    let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
    if name == "FnService" || !is_name {
        return None;
    }
    Some(name.to_snake_case())
}

/// The names of all services of a runtime: `x`, `x#2`, `x#3` and so on are in one series.
#[derive(Default)]
pub(in crate::service) struct Names(FxHashMap<Box<str>, Series>);

#[derive(Default)]
struct Series {
    /// The last number that was derived: none is twice.
    last: u64,
    /// The last unit that has or had each of the names.
    units: FxHashMap<u64, Arc<UnitCore>>,
}

/// The series of a name, and its number in there.
fn parts(name: &str) -> (&str, u64) {
    let numbered = || {
        let (series, digits) = name.rsplit_once('#')?;
        // Not `x#1` or `x#02`, which are names of their own.
        let is_plain = !digits.starts_with(['0', '+']);
        let number = digits
            .parse()
            .ok()
            .filter(|number| *number > 1 && is_plain)?;
        Some((series, number))
    };
    numbered().unwrap_or((name, 1))
}

impl Names {
    /// The last one that has or had this name.
    pub(in crate::service) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        let (series, number) = parts(name);
        self.0.get(series)?.units.get(&number)
    }

    /// Makes and enters a unit, with the name that it was `given`, else with one that is derived.
    pub(in crate::service) fn enter(
        &mut self,
        given: Option<&str>,
        derived: impl FnOnce() -> String,
        make: impl FnOnce(Arc<str>) -> Arc<UnitCore>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let (series, number, name) = match given {
            Some(name) => {
                let (series, number) = parts(name);
                let series = self.series(series);
                if !series.is_free(number) {
                    return Err(Problem::Name);
                }
                (series, number, name.into())
            }
            None => {
                let mut name = derived();
                let series = self.series(&name);
                let free = |number: &u64| series.is_free(*number);
                let number = (series.last + 1..).find(free);
                series.last = number.expect("numbers do not end");
                if series.last > 1 {
                    name.push('#');
                    name.push_str(itoa::Buffer::new().format(series.last));
                }
                let number = series.last;
                (series, number, name.into())
            }
        };
        let unit = make(name);
        // The one that had the name stays with all others.
        series.units.insert(number, Arc::clone(&unit));
        Ok(unit)
    }

    fn series(&mut self, name: &str) -> &mut Series {
        // Not by an entry, which would have to own the name each time.
        if !self.0.contains_key(name) {
            self.0.insert(name.into(), Series::default());
        }
        self.0.get_mut(name).expect("it is there by now")
    }

    /// Forgets the unit, unless its name is another's by now.
    pub(in crate::service) fn forget(&mut self, unit: &Arc<UnitCore>) {
        let (name, number) = parts(unit.name());
        let series = self.series(name);
        let known = series.units.get(&number);
        if known.is_some_and(|known| Arc::ptr_eq(known, unit)) {
            series.units.remove(&number);
        }
        // What was derived is not derived again.
        if series.units.is_empty() && series.last == 0 {
            self.0.remove(name);
        }
    }
}

impl Series {
    fn is_free(&self, number: u64) -> bool {
        let unit = self.units.get(&number);
        unit.is_none_or(|unit| unit.state().is_over())
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
