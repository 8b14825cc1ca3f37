//! The order of services: who comes after whom.

use std::collections::HashMap;

use super::dependency::{Dependency, Other};
use super::registry::{State, Waiting};
use super::unit_core::UnitCore;
use crate::base::sync::Arc;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;

/// The units that a unit comes after. All of them are known.
pub(super) fn resolve(state: &State, after: &[Dependency]) -> Vec<Arc<UnitCore>> {
    let mut units: Vec<_> = after
        .iter()
        .filter_map(|other| find(state, other))
        .collect();
    units.sort_by_key(|unit| unit.id);
    units.dedup_by_key(|unit| unit.id);
    units
}

fn find(state: &State, other: &Dependency) -> Option<Arc<UnitCore>> {
    match &other.0 {
        Other::Unit(unit) => Some(Arc::clone(unit)),
        Other::Name(name) => state.names.find(name).cloned(),
    }
}

/// Looks whether `other` can be what a new unit comes after.
pub(super) fn check_dependency(
    state: &State,
    other: &Dependency,
    lifetime: &Arc<Lifetime>,
) -> Result<(), Problem> {
    let name = other.name();
    if let Other::Unit(unit) = &other.0 {
        if !Arc::ptr_eq(unit.lifetime(), lifetime) {
            let text = format!("it comes after `{name}`, which is another runtime's");
            return Err(Problem::Order(text));
        }
    }
    if !state.sealed {
        // A name may still come.
        return Ok(());
    }
    match find(state, other) {
        None => Err(Problem::Order(unknown("it", name, state))),
        Some(unit) if unit.state().is_over() && !unit.was_ready() => Err(Problem::Order(format!(
            "it comes after `{name}`, which is over without having been ready"
        ))),
        Some(_) => Ok(()),
    }
}

fn unknown(who: &str, name: &str, state: &State) -> String {
    const SHOWN: usize = 20;
    let mut names: Vec<_> = state.units.iter().map(|unit| &**unit.name()).collect();
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    let names = match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    };
    format!("{who} comes after `{name}`, which is no service here (there are: {names})")
}

/// Looks whether all that wait can be started in some order.
pub(super) fn check_order(state: &State) -> Result<(), String> {
    let mut after = HashMap::new();
    for Waiting {
        unit,
        after: others,
        ..
    } in &state.waiting
    {
        let mut ids = Vec::new();
        for other in others {
            match find(state, other) {
                Some(other) => ids.push(other.id),
                None => {
                    let who = format!("service `{}`", unit.name());
                    return Err(unknown(&who, other.name(), state));
                }
            }
        }
        after.insert(unit.id, (unit, ids));
    }
    // Those that nothing holds up are taken away, until none is left or all that are left hold up
    // each other.
    let mut waiters: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut pending = HashMap::new();
    for (id, (_, others)) in &after {
        pending.insert(*id, others.len());
        for other in others {
            waiters.entry(*other).or_default().push(*id);
        }
    }
    let mut free: Vec<_> = pending
        .iter()
        .filter(|(_, pending)| **pending == 0)
        .map(|(id, _)| *id)
        .collect();
    while let Some(id) = free.pop() {
        pending.remove(&id);
        for waiter in waiters.remove(&id).unwrap_or_default() {
            if let Some(left) = pending.get_mut(&waiter) {
                *left -= 1;
                if *left == 0 {
                    free.push(waiter);
                }
            }
        }
    }
    let Some(first) = pending.keys().min() else {
        return Ok(());
    };
    // From any of them the way leads into a ring, and round it.
    let mut way = vec![*first];
    loop {
        let (_, others) = &after[&way[way.len() - 1]];
        let next = others.iter().find(|other| pending.contains_key(other));
        let next = *next.expect("what is left waits for something that is left");
        let seen = way.iter().position(|id| *id == next);
        way.push(next);
        if let Some(seen) = seen {
            let ring: Vec<_> = way[seen..]
                .iter()
                .map(|id| format!("`{}`", after[id].0.name()))
                .collect();
            return Err(format!(
                "services wait for each other: {}",
                ring.join(" comes after ")
            ));
        }
    }
}
