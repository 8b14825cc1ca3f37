//! What is behind a unit: who it is, and how it does.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::source::AnySource;
use super::state::Status;
use super::supervision::{Happening, Id, Wish};
use super::supervisor::{By, supervisor};
use super::{UnitChange, UnitState, UnitStatus};
use crate::base::event::{self, EventListener};
use crate::base::moment::Moment;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::lifetime::Lifetime;
use crate::scheduler::Scheduler;

/// A unit, whatever its service is.
pub(crate) struct UnitCore {
    pub(crate) id: Id,
    name: Arc<str>,
    pub(super) location: &'static Location<'static>,
    scheduler: Arc<Scheduler>,
    /// Where the values for its runs come from.
    pub(super) source: Arc<dyn AnySource>,
    /// For all who look. Written under the lock of the supervisor, once that knows of the unit.
    status: Mutex<Status>,
    changed: event::Event,
}

impl UnitCore {
    pub(super) fn new(
        id: Id,
        name: Arc<str>,
        location: &'static Location<'static>,
        scheduler: Arc<Scheduler>,
        source: Arc<dyn AnySource>,
        now: Instant,
    ) -> Self {
        Self {
            id,
            name,
            location,
            status: Mutex::new(Status::new(now)),
            scheduler,
            source,
            changed: event::Event::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
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
            payload: Arc::clone(&self.name),
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

    /// Whether it was asked to stop.
    pub(super) fn is_unwanted(&self) -> bool {
        self.lock().is_unwanted
    }

    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.lock().last_failure.as_deref().cloned()
    }

    pub(super) fn status(&self) -> UnitStatus {
        UnitStatus {
            name: Arc::clone(&self.name),
            flavour: self.scheduler.identifier().clone(),
            status: self.lock().clone(),
        }
    }

    /// The last change, for those who look on.
    pub(super) fn change(&self) -> UnitChange {
        UnitChange(self.status())
    }

    /// Wants something of the unit; what can be seen of that is seen when this returns.
    pub(super) fn ask(&self, wish: Wish) {
        if wish == Wish::Stop {
            // Known to whoever hands it in, too, if it waits for the start.
            self.lock().is_unwanted = true;
        }
        let lifetime = self.lifetime();
        let event = Happening::Asked(self.id, wish);
        supervisor(lifetime).bring(lifetime, By::User, event, &[]);
    }

    pub(super) fn set_next_start(&self, next: Moment) {
        let next = (next != Moment::NEVER).then(|| self.lifetime().instant(next));
        self.lock().next_start = next;
    }

    /// Keeps a failure as the last one; returns the one before, whose error is the user's to drop.
    #[must_use]
    pub(super) fn set_failure(&self, failure: Failure) -> Option<Box<Failure>> {
        self.lock().last_failure.replace(Box::new(failure))
    }

    /// Changes the state. Returns whether it was another.
    pub(super) fn set_state(&self, state: UnitState, now: Moment) -> bool {
        let now = self.lifetime().instant(now);
        let mut status = self.lock();
        status.starts += u64::from(state == UnitState::Starting);
        let is_change = status.state != state;
        if is_change {
            status.state = state;
            status.since = status.since.max(now);
            status.was_ready |= state == UnitState::Running;
        }
        is_change
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
