//! The services of a runtime: all that are known, and those that wait for the start.

use std::panic::Location;

use super::dependency::Dependency;
use super::names::Names;
use super::order::{check_dependency, check_order, resolve};
use super::seams::supervisor;
use super::settings::Policy;
use super::source::Launch;
use super::state::UnitState;
use super::supervisor::{By, Entrant, drop_value};
use super::unit_core::UnitCore;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::report::RunError;
use crate::errors::serve::Problem;
use crate::lifetime::Lifetime;
use crate::scheduler::Scheduler;

/// How many services may be over before the first of them are forgotten.
const REMEMBERED: usize = 1024;

/// All services of a runtime.
#[derive(Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) units: Vec<Arc<UnitCore>>,
    pub(super) names: Names,
    /// Those that wait for the start.
    pub(super) waiting: Vec<Waiting>,
    taken: usize,
    sweep_at: usize,
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
    is_blocking: bool,
}

/// What is needed to take a service in.
pub(super) struct Application<'a> {
    pub(super) name: Option<&'a str>,
    /// What it is called if it was given no name, but for a number.
    pub(super) derived: String,
    pub(super) location: &'static Location<'static>,
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) policy: Policy,
    pub(super) after: Vec<Dependency>,
    /// Whether its runs are blocking code.
    pub(super) is_blocking: bool,
    pub(super) source: Arc<dyn Launch>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a service in; it starts as soon as it may.
    pub(super) fn take_in(&self, application: Application<'_>) -> Result<Arc<UnitCore>, Problem> {
        let lifetime = Arc::clone(&application.scheduler.lifetime);
        let after = application.after;
        let mut state = self.lock();
        for other in &after {
            check_dependency(&state, other, &lifetime)?;
        }
        let name = state.names.free(application.name, application.derived)?;
        let unit = Arc::new(UnitCore::new(
            state.taken,
            name,
            application.location,
            application.scheduler,
            application.policy,
            application.source,
        ));
        let is_blocking = application.is_blocking;
        let supervisor = supervisor(&lifetime);
        supervisor.enrol(&unit);
        let mut aftermath = None;
        if state.launched {
            let entrant = Entrant {
                unit: Arc::clone(&unit),
                after: resolve(&state, &after),
                is_blocking,
            };
            match supervisor.hand_in(&lifetime, vec![entrant]) {
                Ok(come) => aftermath = Some(come),
                Err(problem) => {
                    supervisor.strike(&unit);
                    // Before the unit, which is dropped where nothing is locked.
                    drop(state);
                    return Err(problem);
                }
            }
        } else {
            state.waiting.push(Waiting {
                unit: Arc::clone(&unit),
                after,
                is_blocking,
            });
        }
        state.taken += 1;
        let forgotten = state.add(&unit);
        drop(state);
        drop(forgotten);
        if let Some(aftermath) = aftermath {
            aftermath.come(&lifetime, By::User);
            supervisor.perform(&lifetime, By::User);
        }
        Ok(unit)
    }

    /// Says why the runtime cannot be started.
    pub(crate) fn spoil(&self, problem: RunError) {
        self.lock().problem.get_or_insert(problem);
    }

    /// Checks the order of those that wait, before anything starts; from here on a name must be known.
    pub(crate) fn seal(&self) -> Result<(), RunError> {
        let mut state = self.lock();
        if let Some(problem) = &state.problem {
            return Err(problem.clone());
        }
        check_order(&state).map_err(RunError::order)?;
        state.sealed = true;
        Ok(())
    }

    /// Starts those that wait, and those that come from here on.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor. Those that wait do so until they are dropped.
    pub(crate) fn launch(&self, lifetime: &Arc<Lifetime>) -> Result<(), std::io::Error> {
        let mut state = self.lock();
        state.launched = true;
        if state.waiting.is_empty() {
            return Ok(());
        }
        let entrant = |waiting: &Waiting| Entrant {
            unit: Arc::clone(&waiting.unit),
            after: resolve(&state, &waiting.after),
            is_blocking: waiting.is_blocking,
        };
        let entrants = state.waiting.iter().map(entrant).collect();
        // Under the lock, so that those that come from here on come after these.
        let aftermath = supervisor(lifetime).launch(lifetime, entrants)?;
        let launched = std::mem::take(&mut state.waiting);
        drop(state);
        drop(launched);
        aftermath.come(lifetime, By::User);
        supervisor(lifetime).perform(lifetime, By::User);
        Ok(())
    }

    /// Drops what waits: the runtime never starts.
    pub(crate) fn drop_unrun(&self, lifetime: &Lifetime) {
        let waiting = {
            let mut state = self.lock();
            state.launched = true;
            std::mem::take(&mut state.waiting)
        };
        let supervisor = supervisor(lifetime);
        for Waiting { unit, .. } in &waiting {
            supervisor.strike(unit);
            let end = match drop_value(unit) {
                true => UnitState::Failed,
                false => UnitState::Ended,
            };
            if let Some(change) = unit.set_state(end, lifetime.now()) {
                supervisor.watchers.publish(&change).wakers.wake();
            }
            unit.changed().notify();
        }
        supervisor.watchers.end().wake();
    }

    /// All that are known, in the order in which they were handed in.
    pub(crate) fn units(&self) -> Vec<Arc<UnitCore>> {
        self.lock().units.clone()
    }

    /// Whether there is a service of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.lock().names.find(name).is_some()
    }
}

impl State {
    /// Enters the unit; returns those that are forgotten for it.
    fn add(&mut self, unit: &Arc<UnitCore>) -> Vec<Arc<UnitCore>> {
        self.units.push(Arc::clone(unit));
        self.names.enter(unit);
        if self.units.len() < self.sweep_at.max(REMEMBERED) {
            return Vec::new();
        }
        let is_over = |unit: &Arc<UnitCore>| unit.state().is_over();
        let mut over = self.units.iter().filter(|unit| is_over(unit)).count();
        let mut forgotten = Vec::new();
        let (names, units) = (&mut self.names, &mut self.units);
        units.retain(|unit| {
            let forget = over > REMEMBERED / 2 && is_over(unit);
            if forget {
                over -= 1;
                names.forget(unit);
                forgotten.push(Arc::clone(unit));
            }
            !forget
        });
        self.sweep_at = 2 * self.units.len();
        forgotten
    }
}
