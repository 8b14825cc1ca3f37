//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::panic::Location;
use std::ptr;

use heck::ToSnakeCase;
use rustc_hash::FxHashMap;

use crate::base::sync::Arc;
use crate::errors::serve::Problem;
use crate::service::unit_core::{Name, UnitCore};

/// What a service of type `S` is called that was given no name, but for a number: after its type, in the way in which
/// modules are written, or after the place that hands it in.
pub(in crate::service) fn derived<S>(location: &Location<'_>) -> String {
    let of_place = || format!("{}:{}", location.file(), location.line());
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
pub(in crate::service) struct Names {
    series: FxHashMap<Arc<str>, Series>,
    /// What was derived, by what derives it and the place: many services may be handed in at one.
    derived: FxHashMap<(usize, usize), Arc<str>>,
}

/// Derives a name, without a number, for the place that hands a service in.
pub(in crate::service) type Derive = fn(&Location<'_>) -> String;

#[derive(Default)]
struct Series {
    /// The last number that was derived: none is twice.
    last: u64,
    /// Those whose number was derived, in order. There may be very many: a hash map takes three times the room.
    derived: Vec<(u64, Arc<UnitCore>)>,
    /// Those that were given their name, by number. Each came after one in `derived` that has the same.
    given: FxHashMap<u64, Arc<UnitCore>>,
}

/// The series of a name, and its number in there.
fn parts(name: &str) -> (&str, u64) {
    let numbered = || {
        let (series, digits) = name.rsplit_once('#')?;
        // Not `x#1` or `x#02`, which are names of their own.
        let is_plain = !digits.starts_with(['0', '+']);
        let number = digits.parse().ok();
        Some((series, number.filter(|number| *number > 1 && is_plain)?))
    };
    numbered().unwrap_or((name, 1))
}

impl Names {
    /// The last one that has or had this name.
    pub(in crate::service) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        let (series, number) = parts(name);
        self.series.get(series)?.get(number)
    }

    /// Makes and enters a unit, with the name that it was `given`, else with one that is derived.
    pub(in crate::service) fn enter(
        &mut self,
        given: Option<&str>,
        (derive, location): (Derive, &'static Location<'static>),
        make: impl FnOnce(Name) -> Arc<UnitCore>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let is_free = |unit: Option<&Arc<UnitCore>>| unit.is_none_or(|unit| unit.state().is_over());
        let Some(name) = given else {
            let place = (derive as usize, ptr::from_ref(location) as usize);
            let derived = self.derived.entry(place).or_insert_with(|| {
                let name: Arc<str> = derive(location).into();
                self.series.entry(Arc::clone(&name)).or_default();
                name
            });
            let series = self.series.get_mut(derived);
            let series = series.expect("one with a derived name is never forgotten");
            // Beyond the last one there are only such as were given.
            let is_free = |number: &u64| is_free(series.given.get(number));
            let number = (series.last + 1..).find(is_free);
            let number = number.expect("numbers do not end");
            let unit = make(Name::new(Arc::clone(derived), number));
            series.last = number;
            series.given.remove(&number);
            series.derived.push((number, Arc::clone(&unit)));
            return Ok(unit);
        };
        let (base, number) = parts(name);
        let series = self.series.entry(base.into()).or_default();
        if !is_free(series.get(number)) {
            return Err(Problem::Name);
        }
        let unit = make(Name::new(name.into(), 1));
        // The one that had the name stays with all others.
        series.given.insert(number, Arc::clone(&unit));
        Ok(unit)
    }

    /// Forgets these, which are in the order in which they came.
    pub(in crate::service) fn forget(&mut self, units: &[Arc<UnitCore>]) {
        let find = |id| units.binary_search_by_key(&id, |unit| unit.id);
        self.series.retain(|_, series| {
            series.derived.retain(|(_, unit)| find(unit.id).is_err());
            series.given.retain(|_, unit| find(unit.id).is_err());
            // What was derived is not derived again.
            series.last > 0 || !series.given.is_empty()
        });
    }
}

impl Series {
    fn get(&self, number: u64) -> Option<&Arc<UnitCore>> {
        let place = || self.derived.binary_search_by_key(&number, |unit| unit.0);
        let derived = || Some(&self.derived[place().ok()?].1);
        self.given.get(&number).or_else(derived)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
