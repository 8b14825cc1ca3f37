//! All services that a runtime knows: their `names`, their `order`, and those that wait for the start.

mod names;
mod order;

pub(super) use self::names::{Derive, Names, derived};
use super::dependency::Dependency;
use super::policy::Policy;
use super::unit_core::UnitCore;
use crate::base::sync::Arc;
use crate::errors::report::RunError;

/// How many services may be over before the first of them are forgotten.
const REMEMBERED: usize = 1024;

#[derive(Default)]
pub(super) struct Roster {
    /// In the order in which they were handed in.
    pub(super) units: Vec<Arc<UnitCore>>,
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
    pub(super) policy: Option<Box<Policy>>,
}

impl Roster {
    /// Enters the unit; returns those that are forgotten for it. `over` is how many were over until now.
    pub(super) fn add(&mut self, unit: &Arc<UnitCore>, over: usize) -> Vec<Arc<UnitCore>> {
        self.units.push(Arc::clone(unit));
        let mut forgotten = Vec::new();
        let known = over.saturating_sub(self.forgotten);
        // All are looked at for it, so that is rare where many are not over.
        if known <= REMEMBERED.max(self.units.len() / 2) {
            return forgotten;
        }
        let is_over = |unit: &Arc<UnitCore>| unit.state().is_over();
        let known = self.units.iter().filter(|unit| is_over(unit)).count();
        let mut surplus = known.saturating_sub(REMEMBERED / 2);
        self.units.retain(|unit| {
            let forgets = surplus > 0 && is_over(unit);
            if forgets {
                surplus -= 1;
                forgotten.push(Arc::clone(unit));
            }
            !forgets
        });
        self.names.forget(&forgotten);
        // Those that were struck are over, and were never known.
        self.forgotten = (over + forgotten.len()).saturating_sub(known);
        forgotten
    }
}
