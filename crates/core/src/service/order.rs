//! The order of services: who comes after whom.

use std::collections::BTreeMap;

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
    let names = units.iter().take(SHOWN).map(|unit| &**unit.name());
    let names = names.collect::<Vec<_>>().join(", ");
    let names = match units.len().saturating_sub(SHOWN) {
        0 if units.is_empty() => "none".to_owned(),
        0 => names,
        more => format!("{names} and {more} more"),
    };
    format!("{who} comes after `{name}`, which is no service here (there are: {names})")
}

/// Looks whether all that wait can be started in some order.
pub(super) fn check_order(roster: &Roster) -> Result<(), String> {
    let mut after = BTreeMap::new();
    for waiting in &roster.waiting {
        let name = waiting.unit.name();
        let mut others = Vec::new();
        for other in &waiting.after {
            let unknown = || unknown(&format!("service `{name}`"), other.name(), roster);
            others.push(find(roster, other).ok_or_else(unknown)?.id);
        }
        after.insert(waiting.unit.id, (&**name, others));
    }
    match ring(after) {
        None => Ok(()),
        Some(ring) => Err(format!("services wait for each other: {ring}")),
    }
}

/// A way from a unit back to itself, if there is one. `unseen` has the name of each, and those that it comes after.
fn ring(mut unseen: BTreeMap<Id, (&str, Vec<Id>)>) -> Option<String> {
    // Each of these comes after the next one. It keeps those of its others that were not followed yet.
    let mut way = Vec::new();
    while let Some(first) = unseen.pop_first() {
        way.push(first);
        while let Some((_, (_, others))) = way.last_mut() {
            let Some(other) = others.pop() else {
                way.pop();
                continue;
            };
            if let Some(next) = unseen.remove_entry(&other) {
                way.push(next);
            } else if let Some(start) = way.iter().position(|(id, _)| *id == other) {
                let ring = way[start..].iter().chain([&way[start]]);
                let names: Vec<_> = ring.map(|(_, (name, _))| format!("`{name}`")).collect();
                return Some(names.join(" comes after "));
            }
        }
    }
    None
}
