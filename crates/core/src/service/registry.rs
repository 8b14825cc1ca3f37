//! The services of a runtime: all that are known, and those that wait for the start.

use std::any::Any;
use std::panic::Location;

use super::names::Names;
use super::order::{check_dependency, check_order, resolve};
use super::policy::Policy;
use super::source::AnySource;
use super::supervisor::{Aftermath, By, supervisor};
use super::unit_core::UnitCore;
use super::{Dependency, Settings};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::report::RunError;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;
use crate::runtime::{Core, Roll};
use crate::scheduler::Scheduler;

/// How many services may be over before the first of them are forgotten.
const REMEMBERED: usize = 1024;

/// All services of a runtime.
#[derive(Default)]
pub(crate) struct Registry {
    roster: Mutex<Roster>,
}

#[derive(Default)]
pub(super) struct Roster {
    pub(super) units: Vec<Arc<UnitCore>>,
    pub(super) names: Names,
    /// Those that wait for the start.
    pub(super) waiting: Vec<Waiting>,
    /// How many of those that are over are not known any more.
    forgotten: usize,
    /// From here on names must be known.
    pub(super) sealed: bool,
    launched: bool,
    /// Why the runtime cannot be started.
    problem: Option<RunError>,
}

/// A service that waits for the start.
pub(super) struct Waiting {
    pub(super) unit: Arc<UnitCore>,
    pub(super) after: Vec<Dependency>,
    policy: Option<Box<Policy>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Roster> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a service in; it starts as soon as it may. If its settings have no name, it has one that is `derived`.
    pub(super) fn take_in(
        &self,
        settings: &Settings,
        derived: fn(&Location<'_>) -> String,
        location: &'static Location<'static>,
        scheduler: &Arc<Scheduler>,
        source: Arc<dyn AnySource>,
    ) -> Result<Arc<UnitCore>, Problem> {
        let (lifetime, supervisor) = (&scheduler.lifetime, supervisor(&scheduler.lifetime));
        // Left in here if it is refused, and dropped where nothing is locked.
        let mut source = Some(source);
        let mut roster = self.lock();
        for other in &settings.after {
            check_dependency(&roster, other, lifetime)?;
        }
        let name = roster
            .names
            .free(settings.name.as_deref(), || derived(location))?;
        let new = |id, now| {
            let source = source.take().expect("it is made once");
            UnitCore::new(id, name, location, Arc::clone(scheduler), source, now)
        };
        let policy = settings.policy.said();
        let (unit, aftermath) = if roster.launched {
            let after = resolve(&roster, &settings.after);
            supervisor.hand_in(lifetime, new, policy, after)?
        } else {
            let (unit, after) = (supervisor.enrol(lifetime, new), settings.after.clone());
            roster.waiting.push(Waiting {
                unit: Arc::clone(&unit),
                after,
                policy,
            });
            (unit, Aftermath::default())
        };
        let forgotten = roster.add(&unit, lifetime.services.over());
        drop(roster);
        drop(forgotten);
        supervisor.go_on(lifetime, By::User, aftermath);
        Ok(unit)
    }

    /// Says why the runtime cannot be started.
    pub(crate) fn spoil(&self, problem: RunError) {
        self.lock().problem.get_or_insert(problem);
    }

    /// All that are known, in the order in which they were handed in.
    pub(crate) fn units(&self) -> Vec<Arc<UnitCore>> {
        self.lock().units.clone()
    }
}

/// All services that a runtime knows.
pub(super) fn registry(core: &Core) -> &Registry {
    let registry = core.roll.as_any().downcast_ref();
    registry.expect("a runtime is made with a registry")
}

impl Roll for Registry {
    /// From here on a name must be known.
    fn seal(&self) -> Result<(), RunError> {
        let mut roster = self.lock();
        if let Some(problem) = &roster.problem {
            return Err(problem.clone());
        }
        check_order(&roster).map_err(RunError::order)?;
        roster.sealed = true;
        Ok(())
    }

    /// Without a thread for the supervisor those that wait do so until they are dropped.
    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()> {
        let mut roster = self.lock();
        roster.launched = true;
        if roster.waiting.is_empty() {
            return Ok(());
        }
        let entrants = roster.waiting.iter().map(|waiting| {
            let after = resolve(&roster, &waiting.after);
            (Arc::clone(&waiting.unit), waiting.policy.clone(), after)
        });
        // Under the lock, so that those that come from here on come after these.
        let aftermath = supervisor(lifetime).launch(lifetime, entrants)?;
        let launched = std::mem::take(&mut roster.waiting);
        drop(roster);
        drop(launched);
        supervisor(lifetime).go_on(lifetime, By::User, aftermath);
        Ok(())
    }

    fn drop_unrun(&self, lifetime: &Lifetime) {
        let waiting = {
            let mut roster = self.lock();
            roster.launched = true;
            std::mem::take(&mut roster.waiting)
        };
        let supervisor = supervisor(lifetime);
        for Waiting { unit, .. } in &waiting {
            supervisor.end_unrun(unit);
        }
        supervisor.watchers.end().wake();
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Roster {
    /// Enters the unit; returns those that are forgotten for it. `over` is how many were over until now.
    fn add(&mut self, unit: &Arc<UnitCore>, over: usize) -> Vec<Arc<UnitCore>> {
        self.units.push(Arc::clone(unit));
        self.names.enter(unit);
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
                self.names.forget(unit);
                forgotten.push(Arc::clone(unit));
            }
            !forgets
        });
        // Those that were struck are over, and were never known.
        self.forgotten = (over + forgotten.len()).saturating_sub(known);
        forgotten
    }
}
