//! The order of services: who comes after whom.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::dependency::{Dependency, Other};
use super::registry::Roster;
use super::supervision::Id;
use super::unit_core::UnitCore;
use crate::base::sync::Arc;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;

/// The units that a unit comes after. All of them are known.
pub(super) fn resolve(roster: &Roster, after: &[Dependency]) -> Vec<Arc<UnitCore>> {
    let others = after.iter().filter_map(|other| find(roster, other));
    let mut units: Vec<_> = others.map(Arc::clone).collect();
    units.sort_by_key(|unit| unit.id);
    units.dedup_by_key(|unit| unit.id);
    units
}

fn find<'a>(roster: &'a Roster, other: &'a Dependency) -> Option<&'a Arc<UnitCore>> {
    match &other.0 {
        Other::Unit(unit) => Some(unit),
        Other::Name(name) => roster.names.find(name),
    }
}

/// Looks whether `other` can be what a new unit comes after.
pub(super) fn check_dependency(
    roster: &Roster,
    other: &Dependency,
    lifetime: &Arc<Lifetime>,
) -> Result<(), Problem> {
    let name = other.name();
    let text = match find(roster, other) {
        Some(unit) if !Arc::ptr_eq(unit.lifetime(), lifetime) => {
            format!("it comes after `{name}`, which is another runtime's")
        }
        // A name may still come.
        _ if !roster.sealed => return Ok(()),
        None => unknown("it", name, roster),
        Some(unit) if unit.state().is_over() && !unit.was_ready() => {
            format!("it comes after `{name}`, which is over without having been ready")
        }
        Some(_) => return Ok(()),
    };
    Err(Problem::Order(text))
}

fn unknown(who: &str, name: &str, roster: &Roster) -> String {
    const SHOWN: usize = 20;
    let units = &roster.units;
    let names: Vec<_> = units
        .iter()
        .take(SHOWN)
        .map(|unit| &**unit.name())
        .collect();
    let names = match (names.is_empty(), units.len().saturating_sub(SHOWN)) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    };
    format!("{who} comes after `{name}`, which is no service here (there are: {names})")
}

/// Looks whether all that wait can be started in some order.
pub(super) fn check_order(roster: &Roster) -> Result<(), String> {
    let mut after = BTreeMap::new();
    for waiting in &roster.waiting {
        let mut others = Vec::new();
        for other in &waiting.after {
            let unknown = || {
                let who = format!("service `{}`", waiting.unit.name());
                unknown(&who, other.name(), roster)
            };
            others.push(find(roster, other).ok_or_else(unknown)?.id);
        }
        after.insert(waiting.unit.id, (&waiting.unit, others));
    }
    let Some(ring) = ring(&after) else {
        return Ok(());
    };
    let names: Vec<_> = ring
        .iter()
        .map(|id| format!("`{}`", after[id].0.name()))
        .collect();
    let ring = names.join(" comes after ");
    Err(format!("services wait for each other: {ring}"))
}

/// A way from a unit back to itself, if there is one.
fn ring(after: &BTreeMap<Id, (&Arc<UnitCore>, Vec<Id>)>) -> Option<Vec<Id>> {
    // Whether it is known that no ring can be reached from a unit. The others that were seen are on the way.
    let mut is_free = FxHashMap::default();
    for first in after.keys() {
        let mut way = Vec::new();
        let mut next = (!is_free.contains_key(first)).then_some(*first);
        loop {
            if let Some(id) = next.take() {
                is_free.insert(id, false);
                way.push((id, after[&id].1.iter()));
            }
            let Some((last, others)) = way.last_mut() else {
                break;
            };
            match others.next() {
                None => {
                    is_free.insert(*last, true);
                    way.pop();
                }
                Some(other) => match is_free.get(other) {
                    Some(true) => {}
                    Some(false) => {
                        let way = way.iter().map(|(id, _)| *id);
                        let ring = way.skip_while(|id| id != other);
                        return Some(ring.chain([*other]).collect());
                    }
                    None => next = Some(*other),
                },
            }
        }
    }
    None
}
