//! What services are called: as they were told, or after their type or their place, and numbered.

use std::any::type_name;
use std::collections::BTreeMap;
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
    if matches!(name, "FnService" | "FnOnceService") || !is_name {
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
    /// Of services that were handed in without a name, at one place in the code: it stays, so that no number of theirs is
    /// twice. Any other is forgotten with the last that is in it.
    is_of_place: bool,
    /// The last number that was derived.
    last: u64,
    /// Those whose number was derived, in order. There may be very many: a hash map takes three times the room.
    derived: BTreeMap<u64, Arc<UnitCore>>,
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

    /// All that are known by name, in no order.
    pub(in crate::service) fn all<'a>(&'a self) -> impl Iterator<Item = &'a Arc<UnitCore>> {
        let all = |series: &'a Series| series.derived.values().chain(series.given.values());
        self.series.values().flat_map(all)
    }

    /// Makes and enters a unit, with the name that it was `given`, else with one that is derived.
    pub(in crate::service) fn enter(
        &mut self,
        given: Option<&str>,
        (derive, location): (Derive, &'static Location<'static>),
        make: impl FnOnce(Name) -> Arc<UnitCore>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let Some(name) = given else {
            let place = (derive as usize, ptr::from_ref(location) as usize);
            let derived = self.derived.entry(place);
            let derived = Arc::clone(derived.or_insert_with(|| derive(location).into()));
            self.series
                .entry(Arc::clone(&derived))
                .or_default()
                .is_of_place = true;
            return Ok(self.number(derived, make));
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

    /// As [`enter`](Self::enter), of a unit in `group`, whose path its name begins with.
    pub(in crate::service) fn enter_in(
        &mut self,
        group: &UnitCore,
        given: Option<&str>,
        (derive, location): (Derive, &'static Location<'static>),
        make: impl FnOnce(Name) -> Arc<UnitCore>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let path = group.name();
        if let Some(name) = given {
            return self.enter(Some(&format!("{path}/{name}")), (derive, location), make);
        }
        let key: Arc<str> = format!("{path}/{}", derive(location)).into();
        let series = self.series.entry(Arc::clone(&key)).or_default();
        if !std::mem::replace(&mut series.is_of_place, true) {
            if let Some(members) = group.members() {
                members.add_series(Arc::clone(&key));
            }
        }
        Ok(series.number(key, make))
    }

    /// Makes and enters a group that has the next number in this series.
    pub(in crate::service) fn number(
        &mut self,
        key: Arc<str>,
        make: impl FnOnce(Name) -> Arc<UnitCore>,
    ) -> Arc<UnitCore> {
        let series = self.series.entry(Arc::clone(&key)).or_default();
        series.number(key, make)
    }

    /// Forgets a unit or a group.
    pub(in crate::service) fn forget(&mut self, unit: &UnitCore) {
        let (base, number) = unit.series();
        // One that was given as `x#2` is in the series `x`.
        let given = Some(parts(base)).filter(|_| number == 1);
        for (base, number) in given.into_iter().chain([(base, number)]) {
            let Some(series) = self.series.get_mut(base) else {
                continue;
            };
            let is_it =
                |known: Option<&Arc<UnitCore>>| known.is_some_and(|known| known.id == unit.id);
            if is_it(series.given.get(&number)) {
                series.given.remove(&number);
            }
            if is_it(series.derived.get(&number)) {
                series.derived.remove(&number);
            }
            self.tidy(base);
        }
    }

    /// The group is over that these places have handed in to.
    pub(in crate::service) fn forget_places(&mut self, names: &[Arc<str>]) {
        for name in names {
            if let Some(series) = self.series.get_mut(name) {
                series.is_of_place = false;
                self.tidy(name);
            }
        }
    }

    /// Forgets a series if nothing is in it.
    fn tidy(&mut self, base: &str) {
        let is_left = |series: &Series| {
            series.is_of_place || !series.derived.is_empty() || !series.given.is_empty()
        };
        if self.series.get(base).is_some_and(|series| !is_left(series)) {
            self.series.remove(base);
        }
    }
}

/// Whether the name of this one may be another's.
fn is_free(unit: Option<&Arc<UnitCore>>) -> bool {
    unit.is_none_or(|unit| unit.is_gone())
}

impl Series {
    /// Makes and enters a unit or a group that has the next number.
    fn number(&mut self, key: Arc<str>, make: impl FnOnce(Name) -> Arc<UnitCore>) -> Arc<UnitCore> {
        // Beyond the last one there are only such as were given.
        let is_free = |number: &u64| is_free(self.given.get(number));
        let number = (self.last + 1..).find(is_free);
        let number = number.expect("numbers do not end");
        let unit = make(Name::new(key, number));
        self.last = number;
        self.given.remove(&number);
        self.derived.insert(number, Arc::clone(&unit));
        unit
    }

    fn get(&self, number: u64) -> Option<&Arc<UnitCore>> {
        let derived = || self.derived.get(&number);
        self.given.get(&number).or_else(derived)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
