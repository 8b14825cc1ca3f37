//! What is behind a unit: who it is, where its values come from, and how it does. `attempt` is one run of it.

mod attempt;

use std::panic::Location;
use std::time::Duration;

pub(crate) use self::attempt::Attempt;
use super::state::{UnitState, UnitStatus};
use super::supervision::Id;
use crate::base::event::{self, EventListener};
use crate::base::moment::Moment;
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak, lock};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::refusal::Reason;
use crate::lifetime::Lifetime;
use crate::scheduler::Scheduler;
use crate::task::Task;

/// What a unit is called. Its number is put to it when somebody asks, as there may be very many.
pub(super) struct Name {
    series: Arc<str>,
    number: u64,
    numbered: OnceLock<Arc<str>>,
}

impl Name {
    pub(super) fn new(series: Arc<str>, number: u64) -> Self {
        let numbered = OnceLock::new();
        Self {
            series,
            number,
            numbered,
        }
    }

    fn whole(&self) -> &Arc<str> {
        let Self { series, number, .. } = self;
        match number {
            1 => series,
            _ => (self.numbered).get_or_init(|| format!("{series}#{number}").into()),
        }
    }
}

/// A unit, whatever its service is.
pub(crate) struct UnitCore {
    pub(crate) id: Id,
    name: Name,
    pub(super) location: &'static Location<'static>,
    scheduler: Arc<Scheduler>,
    /// Where the values for its runs come from.
    pub(super) source: Arc<dyn AnySource>,
    present: Mutex<Present>,
    changed: event::Event,
}

/// How a unit does, for all who look. Its state and its next start are written under the lock of the supervisor, once that
/// knows of the unit.
struct Present {
    state: UnitState,
    was_ready: bool,
    /// It was asked to stop. Only read of one that waits for the start.
    is_unwanted: bool,
    since: Moment,
    starts: u64,
    /// Boxed, as most have none.
    last_failure: Option<Box<Failure>>,
    next_start: Option<Moment>,
    /// The payload of the present run.
    task: Option<Weak<Task>>,
}

impl UnitCore {
    pub(super) fn new(
        id: Id,
        name: Name,
        location: &'static Location<'static>,
        scheduler: Arc<Scheduler>,
        source: Arc<dyn AnySource>,
        now: Moment,
    ) -> Self {
        Self {
            id,
            name,
            location,
            scheduler,
            source,
            present: Mutex::new(Present {
                state: UnitState::Waiting,
                was_ready: false,
                is_unwanted: false,
                since: now,
                starts: 0,
                last_failure: None,
                next_start: None,
                task: None,
            }),
            changed: event::Event::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Present> {
        lock(&self.present)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        self.name.whole()
    }

    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.scheduler.lifetime
    }

    /// Who it is, in words.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            payload: Arc::clone(self.name()),
            named: true,
            service: true,
            flavour: self.scheduler.identifier().clone(),
            location: self.location,
        }
    }

    pub(super) fn failure(&self, cause: Cause) -> Failure {
        Failure::new(self.origin(), cause)
    }

    pub(crate) fn state(&self) -> UnitState {
        self.lock().state
    }

    pub(super) fn was_ready(&self) -> bool {
        self.lock().was_ready
    }

    /// Whether it was asked to stop, of one that waits for the start.
    pub(super) fn is_unwanted(&self) -> bool {
        self.lock().is_unwanted
    }

    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.lock().last_failure.as_deref().cloned()
    }

    pub(super) fn status(&self) -> UnitStatus {
        let present = self.lock();
        UnitStatus {
            name: Arc::clone(self.name()),
            flavour: self.scheduler.identifier().clone(),
            state: present.state,
            since: self.lifetime().instant(present.since),
            restarts: present.starts.saturating_sub(1),
            last_failure: present.last_failure.clone(),
            next_start: present.next_start.map(|next| self.lifetime().instant(next)),
        }
    }

    /// It was asked to stop.
    pub(super) fn set_unwanted(&self) {
        self.lock().is_unwanted = true;
    }

    pub(super) fn set_next_start(&self, next: Moment) {
        self.lock().next_start = Some(next).filter(|next| *next != Moment::NEVER);
    }

    /// Keeps a failure as the last one; returns the one before, whose error is the user's to drop.
    #[must_use]
    pub(super) fn set_failure(&self, failure: Failure) -> Option<Box<Failure>> {
        self.lock().last_failure.replace(Box::new(failure))
    }

    /// Changes the state. Returns whether it was another.
    pub(super) fn set_state(&self, state: UnitState, now: Moment) -> bool {
        let mut present = self.lock();
        present.starts += u64::from(state == UnitState::Starting);
        let is_change = present.state != state;
        if is_change {
            present.state = state;
            present.since = present.since.max(now);
            present.was_ready |= state == UnitState::Running;
        }
        is_change
    }

    /// The payload of the present run, as long as there is anything of it.
    pub(super) fn task(&self) -> Option<Arc<Task>> {
        self.lock().task.as_ref()?.upgrade()
    }

    pub(super) fn set_task(&self, task: Option<Weak<Task>>) {
        self.lock().task = task;
    }

    /// Listens to the unit's changes, and to what its run is asked.
    pub(super) fn listen(&self) -> EventListener {
        self.changed.listen()
    }

    pub(super) fn changed(&self) -> &event::Event {
        &self.changed
    }

    pub(super) fn wait(&self, time: Duration, is_it: fn(UnitState) -> bool) -> bool {
        let clock = &self.lifetime().settings.clock;
        let look = || is_it(self.state()).then_some(());
        event::wait(|| self.listen(), clock, time, look).is_some()
    }
}

/// A service's values and its flavour, whatever their types are.
pub(crate) trait AnySource: Send + Sync {
    /// Whether the runs are blocking code.
    fn is_blocking(&self) -> bool;

    /// Whether there is a value for another run.
    fn can_run(&self) -> bool;

    /// Whether there is a value that was made already.
    fn has_value(&self) -> bool;

    /// Whether the flavour is there, so that a launch waits for nothing.
    fn is_flavour_up(&self, scheduler: &Scheduler) -> bool;

    /// Starts the flavour, which may take its time.
    fn start_flavour(&self, scheduler: &Arc<Scheduler>) -> Result<(), Reason>;

    /// Hands the payload of a run to its flavour.
    fn launch(self: Arc<Self>, unit: &UnitCore, attempt: Attempt) -> Result<(), Reason>;

    /// Has the value that no run will need dropped on the flavour's thread; `false` if there is one, and that
    /// cannot be.
    fn dispose(&self, unit: &Arc<UnitCore>) -> bool;

    /// Drops the value that no run will need right here.
    fn drop_value(&self);
}
