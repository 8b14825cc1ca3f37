//! The services of a runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::application::{Application, Newcomer, Refusal, Taken};
use super::attempt::Attempt;
use super::attendance::Attendance;
use super::dependency::Dependency;
use super::error::Problem;
use super::hub::Told;
use super::names::{Derived, Name, Names};
use super::order::{check_dependency, check_order, resolve};
use super::state::UnitState;
use super::supervisor::Supervisor;
use super::unit_core::{Rest, UnitCore};
use crate::failure::{Cause, Failure};
use crate::joining::Joining;
use crate::lifetime::{Lifetime, Phase};
use crate::report::{RunError, Straggler};
use crate::slot::Slot;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many services may be over before the first of them are forgotten.
const REMEMBERED: usize = 1024;

/// How long the supervisor has for its end if others have used up the cancel time: it is quick, and says what
/// has become of those that did.
const CLOSING: Duration = Duration::from_millis(100);

/// All services of a runtime.
#[derive(Default)]
pub(crate) struct Registry {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) units: Vec<Arc<UnitCore>>,
    pub(super) names: Names,
    /// Those that wait for the start, with what they come after.
    pub(super) waiting: Vec<(Arc<UnitCore>, Vec<Dependency>)>,
    /// The slots of units that were unattended at first.
    unattended: Vec<Arc<Slot>>,
    /// The shortest stop time of such a unit.
    shortest_stop: Option<Duration>,
    taken: usize,
    sweep_at: usize,
    /// From here on names must be known.
    pub(super) sealed: bool,
    launched: bool,
    /// Why the runtime cannot be started.
    problem: Option<RunError>,
    supervisor: Option<JoinHandle<()>>,
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a service in; it starts as soon as it may.
    pub(crate) fn take_in(
        self: &Arc<Self>,
        application: Application<'_>,
    ) -> Result<Taken, Refusal> {
        let mut state = self.lock();
        let lifetime = &application.slot.lifetime;
        let known = application
            .after
            .iter()
            .try_for_each(|dependency| check_dependency(&state, dependency, lifetime));
        let name = known
            .and_then(|()| state.free_name(application.name, application.derived))
            .and_then(|name| {
                if state.launched {
                    self.ensure_supervisor(&mut state, lifetime)?;
                }
                Ok(name)
            });
        let name = match name {
            Ok(name) => name,
            Err(problem) => {
                return Err(Refusal::new(problem, None));
            }
        };
        let may_start = state.launched && application.after.is_empty();
        let is_attended = application.asks_something(may_start);
        let has_start_to_watch = !is_attended && application.has_start_timeout();
        let stop_time = application.stop_time();
        // An unattended one starts at once. Where nobody looks on it need not be told that it did.
        let is_waiting = is_attended || !may_start || lifetime.hub.watchers.are_there();
        let state_now = match is_waiting {
            true => UnitState::Waiting,
            false => UnitState::Starting,
        };
        let has_source = is_attended || !may_start || application.is_made;
        let rest = has_source.then(|| Rest::new((application.source)()));
        let unit = Arc::new(UnitCore::new(
            state.taken,
            name,
            application.slot,
            Attendance::new(is_attended, may_start),
            state_now,
            application.policy,
            rest,
        ));
        state.taken += 1;
        let hub = &unit.lifetime().hub;
        // Counted before it is told of, so that a runtime that ends when it is idle does not.
        hub.count_taken(is_attended);
        if !is_attended {
            state.note_unattended(unit.slot(), stop_time);
        }
        if !state.launched {
            state
                .waiting
                .push((Arc::clone(&unit), application.after.to_vec()));
        } else if is_attended && !state.announce(&unit, application.after, may_start) {
            hub.count_over(true);
            return Err(Refusal::new(Problem::Stopping, Some(unit)));
        }
        let swept = state.add(&unit, application.name.is_some());
        drop(state);
        drop(swept);
        if has_start_to_watch {
            unit.hub().watch_start(&unit);
        }
        Ok(Taken {
            unit,
            may_start,
            is_waiting,
        })
    }

    /// Starts the supervisor for the first service; refuses it if the runtime stops. Under the same lock the
    /// service is entered, so that the stop finds it, or is found here.
    fn ensure_supervisor(
        self: &Arc<Self>,
        state: &mut State,
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        if lifetime.phase() >= Phase::Stopping {
            return Err(Problem::Stopping);
        }
        if state.supervisor.is_some() {
            return Ok(());
        }
        if !lifetime.hold_for_services() {
            return Err(Problem::Stopping);
        }
        match self.supervise(lifetime) {
            Ok(thread) => state.supervisor = Some(thread),
            Err(error) => {
                lifetime.release();
                lifetime.look();
                return Err(Problem::Thread(error));
            }
        }
        Ok(())
    }

    fn supervise(self: &Arc<Self>, lifetime: &Arc<Lifetime>) -> std::io::Result<JoinHandle<()>> {
        let supervisor = Supervisor::new(Arc::clone(lifetime), Arc::clone(self));
        let thread = thread::Builder::new()
            .name("foster supervisor".to_owned())
            .spawn(move || supervisor.run())?;
        lifetime.hub.open();
        Ok(thread)
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

    /// Starts the supervisor on those that wait, if there are any, and those that come from here on.
    pub(crate) fn launch(self: &Arc<Self>, lifetime: &Arc<Lifetime>) -> Result<(), std::io::Error> {
        let mut state = self.lock();
        state.launched = true;
        let waiting = std::mem::take(&mut state.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let (mut held, mut newcomers) = (Vec::new(), Vec::new());
        for (unit, after) in waiting {
            if unit.attendance.is_there() {
                let after = resolve(&state, &after);
                newcomers.push(Newcomer { unit, after });
            } else {
                held.push(unit);
            }
        }
        if lifetime.hub.push(Told::Served(held, newcomers)).is_ok() && lifetime.hold_for_services()
        {
            state.supervisor = Some(
                self.supervise(lifetime)
                    .inspect_err(|_| lifetime.release())?,
            );
        }
        Ok(())
    }

    /// Drops what waits: the runtime never starts.
    pub(crate) fn drop_unrun(&self) {
        let waiting = {
            let mut state = self.lock();
            state.launched = true;
            std::mem::take(&mut state.waiting)
        };
        for (unit, _) in &waiting {
            let is_attended = unit.attendance.is_there();
            unit.lifetime().hub.count_over(is_attended);
            drop_value(unit);
            unit.set_state(UnitState::Ended);
        }
        if let Some((unit, _)) = waiting.first() {
            unit.lifetime().hub.watchers.end();
        }
    }

    /// The runtime is over: ends the supervisor, and waits for it until `by`.
    pub(crate) fn close(&self, lifetime: &Lifetime, by: Instant) -> Vec<Straggler> {
        // Under the lock, so that one that starts right now is found.
        let supervisor = self.lock().supervisor.take();
        let mut stragglers = Vec::new();
        if let Some(supervisor) = supervisor {
            let _ = lifetime.hub.push(Told::Close);
            if !Joining::start(vec![supervisor]).wait(by.max(Instant::now() + CLOSING)) {
                stragglers.push(Straggler::of_flavour(
                    const { crate::Identifier::new("foster::supervisor") },
                ));
            }
        }
        // Whoever comes now is refused.
        lifetime.hub.close();
        let starters = lifetime.hub.take_starters();
        if !starters.is_empty() {
            // One that would not end is known by its flavour, which would not start.
            Joining::start(starters).wait(by);
        }
        lifetime.hub.watchers.end();
        stragglers
    }

    /// All that are known, in the order in which they were handed in.
    pub(crate) fn units(&self) -> Vec<Arc<UnitCore>> {
        self.lock().units.clone()
    }

    /// The shortest stop time that any unit had which was unattended at first.
    pub(super) fn shortest_stop(&self) -> Option<Duration> {
        self.lock().shortest_stop
    }

    /// Those that are alive and that the supervisor does not see to, in the same order, of the slots that
    /// `are_meant`.
    pub(super) fn unattended(&self, are_meant: impl Fn(&Slot) -> bool) -> Vec<Arc<UnitCore>> {
        let state = self.lock();
        let slots: Vec<_> = state
            .unattended
            .iter()
            .filter(|slot| are_meant(slot))
            .collect();
        if slots.is_empty() {
            // There may be many units.
            return Vec::new();
        }
        let is_meant = |unit: &&Arc<UnitCore>| {
            unit.attendance.is_none() && slots.iter().any(|slot| Arc::ptr_eq(slot, unit.slot()))
        };
        state.units.iter().filter(is_meant).cloned().collect()
    }

    /// Whether there is a service of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lock().find(name).is_some()
    }
}

impl State {
    /// Tells the supervisor of a service; whether it is there. Whoever hands in one that may start launches
    /// its first run, as the supervisor has enough to do.
    fn announce(&self, unit: &Arc<UnitCore>, after: &[Dependency], may_start: bool) -> bool {
        let lifetime = unit.lifetime();
        let told = if may_start {
            if unit.policy().start_timeout().is_some() {
                Attempt::First(Arc::clone(unit)).await_begin();
            }
            Told::Launched(Arc::clone(unit), lifetime.settings.clock.now())
        } else {
            Told::ServedOne(Newcomer {
                unit: Arc::clone(unit),
                after: resolve(self, after),
            })
        };
        lifetime.hub.push(told).is_ok()
    }

    /// The service of that name.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<UnitCore>> {
        self.names.find(name, &self.units)
    }

    /// The name that the next service may have.
    fn free_name(&mut self, given: Option<&str>, derived: Derived) -> Result<Name, Problem> {
        self.names.free(given, derived, &self.units)
    }

    fn note_unattended(&mut self, slot: &Arc<Slot>, stop_time: Option<Duration>) {
        self.shortest_stop = self.shortest_stop.into_iter().chain(stop_time).min();
        if !self.unattended.iter().any(|known| Arc::ptr_eq(known, slot)) {
            self.unattended.push(Arc::clone(slot));
        }
    }

    /// Enters the unit; returns those that are forgotten for it.
    fn add(&mut self, unit: &Arc<UnitCore>, is_named: bool) -> Vec<Arc<UnitCore>> {
        self.units.push(Arc::clone(unit));
        if is_named {
            self.names.enter(unit);
        }
        if self.units.len() < self.sweep_at.max(REMEMBERED) {
            return Vec::new();
        }
        self.sweep_at = 2 * self.units.len();
        if unit.lifetime().hub.over() <= REMEMBERED / 2 {
            return Vec::new();
        }
        let mut over = self
            .units
            .iter()
            .filter(|unit| unit.state().is_over())
            .count();
        let mut forgotten = Vec::new();
        let (names, units) = (&mut self.names, &mut self.units);
        units.retain(|unit| {
            let forget = over > REMEMBERED / 2 && unit.state().is_over();
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

/// Drops the value of a unit that no run will need; its panic is a failure.
pub(crate) fn drop_value(unit: &UnitCore) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| {
        unit.source().map(|source| source.drop_value())
    })) {
        let failure = Failure::new(unit.origin(), Cause::panic(panic));
        unit.set_fatal(failure.clone());
        unit.lifetime().fail(failure);
    }
}
