//! The order of services: who comes after whom.

use std::collections::BTreeMap;

use super::Roster;
use crate::base::ring::ring;
use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;
use crate::service::dependency::{Dependency, Other};
use crate::service::unit_core::UnitCore;

impl Roster {
    /// The units that a unit comes after. All of them are known.
    pub(in crate::service) fn resolve(&self, after: &[Dependency]) -> Vec<Arc<UnitCore>> {
        let others = after.iter().filter_map(|other| self.find(other));
        let mut units: Vec<_> = others.map(Arc::clone).collect();
        units.sort_by_key(|unit| unit.id);
        units.dedup_by_key(|unit| unit.id);
        units
    }

    fn find<'a>(&'a self, other: &'a Dependency) -> Option<&'a Arc<UnitCore>> {
        match &other.0 {
            Other::Unit(unit) => Some(unit),
            Other::Name(name) => self.names.find(name),
        }
    }

    /// Looks whether a new unit can come after `others`.
    pub(in crate::service) fn check_dependencies(
        &self,
        others: &[Dependency],
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        for other in others {
            let name = other.name();
            let text = match self.find(other) {
                Some(unit) if !Arc::ptr_eq(unit.lifetime(), lifetime) => {
                    format!("it comes after `{name}`, which is another runtime's")
                }
                // A name may still come.
                _ if !self.is_sealed => continue,
                None => self.unknown("it", name),
                Some(unit) if unit.state().is_over() && !unit.was_ready() => {
                    format!("it comes after `{name}`, which is over without having been ready")
                }
                Some(_) => continue,
            };
            return Err(Problem::Order(text));
        }
        Ok(())
    }

    fn unknown(&self, who: &str, name: &str) -> String {
        const SHOWN: usize = 20;
        let units = &self.units;
        let names = units.iter().take(SHOWN).map(|unit| &**unit.name());
        let names = names.collect::<Vec<_>>().join(", ");
        let names = match units.len().saturating_sub(SHOWN) {
            0 if units.is_empty() => "none".to_owned(),
            0 => names,
            more => format!("{names} and {more} more"),
        };
        format!("{who} comes after `{name}`, which is no service here (there are: {names})")
    }

    /// From here on a name must be known: looks whether all that wait can be started in some order.
    pub(in crate::service) fn seal(&mut self) -> Result<(), RunError> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        self.check_order().map_err(RunError::order)?;
        self.is_sealed = true;
        Ok(())
    }

    fn check_order(&self) -> Result<(), String> {
        let mut after = BTreeMap::new();
        for enlisted in &self.enlisted {
            let name = enlisted.unit.name();
            let mut others = Vec::new();
            for other in &enlisted.after {
                let unknown = || self.unknown(&format!("service `{name}`"), other.name());
                others.push(self.find(other).ok_or_else(unknown)?.id);
            }
            after.insert(enlisted.unit.id, (&**name, others));
        }
        let Some(ring) = ring(after) else {
            return Ok(());
        };
        let names: Vec<_> = ring.iter().map(|name| format!("`{name}`")).collect();
        let ring = names.join(" comes after ");
        Err(format!("services wait for each other: {ring}"))
    }
}
