//! All services that a runtime knows: their `names`, their `order`, and those that wait for the start.

mod names;
mod order;

use std::collections::BTreeMap;

pub(super) use self::names::{Derive, Names, derived};
use super::dependency::Dependency;
use super::policy::Policy;
use super::unit_core::{Members, UnitCore};
use crate::base::sync::Arc;
use crate::errors::report::RunError;

/// How many services may be over before the first of them are forgotten.
const REMEMBERED: usize = 1024;

#[derive(Default)]
pub(super) struct Roster {
    /// By their serial numbers, and so in the order in which they were handed in.
    pub(super) units: BTreeMap<u64, Arc<UnitCore>>,
    pub(super) names: Names,
    /// Those that wait for the start.
    pub(super) enlisted: Vec<Enlisted>,
    /// How many of those that are over are not known any more.
    forgotten: usize,
    /// From here on names must be known.
    pub(super) is_sealed: bool,
    pub(super) is_launched: bool,
    /// Why the runtime cannot be started.
    pub(super) problem: Option<RunError>,
}

/// A service that waits for the start.
pub(super) struct Enlisted {
    pub(super) unit: Arc<UnitCore>,
    pub(super) after: Vec<Dependency>,
    pub(super) part_of: Vec<Dependency>,
    pub(super) policy: Option<Box<Policy>>,
}

impl Roster {
    /// A group is over: nothing of it or of what was in it is known any more. Returns the services that were.
    #[must_use]
    pub(super) fn forget_group(&mut self, group: &UnitCore) -> Vec<Arc<UnitCore>> {
        self.names.forget(group);
        let (series, units) = group.members().map(Members::take_known).unwrap_or_default();
        let known = units.iter().filter_map(|unit| self.units.remove(unit));
        let forgotten: Vec<_> = known.collect();
        for unit in &forgotten {
            self.names.forget(unit);
        }
        self.names.forget_places(&series);
        self.forgotten += forgotten.len();
        forgotten
    }

    /// Enters the unit; returns those that are forgotten for it. `over` is how many were over until now.
    #[must_use]
    pub(super) fn add(&mut self, unit: &Arc<UnitCore>, over: usize) -> Vec<Arc<UnitCore>> {
        self.units.insert(unit.id.serial, Arc::clone(unit));
        if let Some(members) = members_around(unit) {
            members.add_unit(unit.id);
        }
        let mut forgotten = Vec::new();
        let known = over.saturating_sub(self.forgotten);
        // All are looked at for it, so that is rare where many are not over.
        if known <= REMEMBERED.max(self.units.len() / 2) {
            return forgotten;
        }
        let is_over = |unit: &Arc<UnitCore>| unit.is_gone();
        let known = self.units.values().filter(|unit| is_over(unit)).count();
        let mut surplus = known.saturating_sub(REMEMBERED / 2);
        self.units.retain(|_, unit| {
            let forgets = surplus > 0 && is_over(unit);
            if forgets {
                surplus -= 1;
                forgotten.push(Arc::clone(unit));
            }
            !forgets
        });
        for unit in &forgotten {
            self.names.forget(unit);
            if let Some(members) = members_around(unit) {
                members.forget_unit(unit.id);
            }
        }
        // Those that were struck are over, and were never known.
        self.forgotten = (over + forgotten.len()).saturating_sub(known);
        forgotten
    }
}

/// What is known of the group that a unit is in.
fn members_around(unit: &UnitCore) -> Option<&Members> {
    unit.parent.as_ref()?.members()
}
