//! The order of services: who comes after whom.

use std::collections::BTreeMap;
use std::iter::successors;

use super::Roster;
use crate::base::ring::ring;
use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;
use crate::service::dependency::{Dependency, Other};
use crate::service::supervision::{Id, Link};
use crate::service::unit_core::UnitCore;

impl Roster {
    /// The units that a unit in `parent` comes after, each once, and what they are to it. All of them are known.
    pub(in crate::service) fn resolve(
        &self,
        parent: Option<&Arc<UnitCore>>,
        after: &[Dependency],
    ) -> (Vec<Arc<UnitCore>>, Vec<Link>) {
        let mut links: BTreeMap<_, (_, Link)> = BTreeMap::new();
        for dependency in after {
            let Some(unit) = self.find(parent, dependency) else {
                continue;
            };
            let link = Link {
                other: unit.id,
                was_ready: unit.was_ready(),
                is_needed: !unit.may_fail || dependency.is_required,
            };
            let (_, known) = links.entry(unit.id).or_insert((Arc::clone(unit), link));
            known.is_needed |= link.is_needed;
        }
        links.into_values().unzip()
    }

    /// Which units these are, all of them known.
    pub(in crate::service) fn ids(
        &self,
        parent: Option<&Arc<UnitCore>>,
        units: &[Dependency],
    ) -> Vec<Id> {
        let found = units.iter().filter_map(|unit| self.find(parent, unit));
        found.map(|unit| unit.id).collect()
    }

    /// Looks whether a new unit in `parent` can be a part of `wholes`.
    pub(in crate::service) fn check_wholes(
        &self,
        parent: Option<&Arc<UnitCore>>,
        wholes: &[Dependency],
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        for whole in wholes {
            let name = whole.name();
            let text = match self.find(parent, whole) {
                Some(unit) if !Arc::ptr_eq(unit.lifetime(), lifetime) => {
                    format!("it is a part of `{name}`, which is another runtime's")
                }
                None if self.is_sealed => self.unknown("it is a part of", name),
                Some(unit) if unit.is_gone() => format!("it is a part of `{name}`, which is over"),
                _ => continue,
            };
            return Err(Problem::Order(text));
        }
        Ok(())
    }

    /// What something in `parent` calls so: a name is first looked for beside it, then around it, and so on.
    pub(in crate::service) fn find<'a>(
        &'a self,
        parent: Option<&Arc<UnitCore>>,
        other: &'a Dependency,
    ) -> Option<&'a Arc<UnitCore>> {
        let name = match &other.other {
            Other::Unit(unit) => return Some(unit),
            Other::Name(name) => name,
        };
        let around = successors(parent, |group| group.parent.as_ref());
        let mut paths = around.map(|group| format!("{}/{name}", group.name()));
        let beside = paths.find_map(|path| self.names.find(&path));
        beside.or_else(|| self.names.find(name))
    }

    /// Looks whether a new unit in `parent` can come after `others`.
    pub(in crate::service) fn check_dependencies(
        &self,
        parent: Option<&Arc<UnitCore>>,
        others: &[Dependency],
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        for other in others {
            let name = other.name();
            let text = match self.find(parent, other) {
                Some(unit) if !Arc::ptr_eq(unit.lifetime(), lifetime) => {
                    format!("it comes after `{name}`, which is another runtime's")
                }
                // Each would end before the other one.
                Some(unit) if parent.is_some_and(|parent| parent.is_or_is_inside(unit)) => {
                    format!("it comes after `{name}`, and is in it")
                }
                // A name may still come.
                _ if !self.is_sealed => continue,
                None => self.unknown("it comes after", name),
                Some(unit)
                    if unit.is_gone()
                        && !unit.was_ready()
                        && (!unit.may_fail || other.is_required) =>
                {
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
        let mut all: Vec<_> = self.names.all().collect();
        all.sort_unstable_by_key(|unit| unit.id);
        let names = all.iter().take(SHOWN).map(|unit| &**unit.name());
        let names = names.collect::<Vec<_>>().join(", ");
        let names = match all.len().saturating_sub(SHOWN) {
            0 if all.is_empty() => "none".to_owned(),
            0 => names,
            more => format!("{names} and {more} more"),
        };
        format!("{who} `{name}`, which is no service or group here (there are: {names})")
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
            let (name, parent) = (enlisted.unit.name(), enlisted.unit.parent.as_ref());
            let mut others = Vec::new();
            for other in &enlisted.after {
                let unknown =
                    || self.unknown(&format!("service `{name}` comes after"), other.name());
                others.push(self.find(parent, other).ok_or_else(unknown)?.id);
            }
            for whole in &enlisted.part_of {
                match self.find(parent, whole) {
                    Some(unit) if unit.id == enlisted.unit.id => {
                        return Err(format!("service `{name}` is a part of itself"));
                    }
                    Some(_) => {}
                    None => {
                        let who = format!("service `{name}` is a part of");
                        return Err(self.unknown(&who, whole.name()));
                    }
                }
            }
            // A group ends with what is in it.
            others.extend(parent.map(|parent| parent.id));
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
