//! What is behind a unit: who it is, and how it does.

use std::panic::Location;
use std::time::Duration;

use super::seams::supervisor;
use super::settings::Policy;
use super::source::Launch;
use super::state::{Status, UnitState, UnitStatus};
use super::supervision::{Event, Id, Wish};
use super::supervisor::By;
use super::watch::UnitChange;
use crate::base::event::{self, EventListener};
use crate::base::moment::Moment;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::{Failure, Origin};
use crate::lifetime::Lifetime;
use crate::scheduler::Scheduler;

/// A unit, whatever its service is.
pub(crate) struct UnitCore {
    pub(crate) id: Id,
    name: Arc<str>,
    location: &'static Location<'static>,
    scheduler: Arc<Scheduler>,
    policy: Policy,
    source: Arc<dyn Launch>,
    /// Written under the lock of the supervisor, once that knows of the unit.
    standing: Mutex<Standing>,
    changed: event::Event,
}

/// How a unit does, for all who look.
struct Standing {
    state: UnitState,
    since: Moment,
    was_ready: bool,
    restarts: u64,
    last_failure: Option<Failure>,
    next_start: Option<Moment>,
    /// What was wanted of it before the start.
    wish: Option<Wish>,
}

impl UnitCore {
    pub(super) fn new(
        id: Id,
        name: Arc<str>,
        location: &'static Location<'static>,
        scheduler: Arc<Scheduler>,
        policy: Policy,
        source: Arc<dyn Launch>,
    ) -> Self {
        Self {
            id,
            name,
            location,
            standing: Mutex::new(Standing {
                state: UnitState::Waiting,
                since: scheduler.lifetime.now(),
                was_ready: false,
                restarts: 0,
                last_failure: None,
                next_start: None,
                wish: None,
            }),
            scheduler,
            policy,
            source,
            changed: event::Event::new(),
        }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn scheduler(&self) -> &Arc<Scheduler> {
        &self.scheduler
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.scheduler.lifetime
    }

    /// Where the values for its runs come from.
    pub(super) fn source(&self) -> &Arc<dyn Launch> {
        &self.source
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

    pub(crate) fn state(&self) -> UnitState {
        self.standing().state
    }

    pub(super) fn was_ready(&self) -> bool {
        self.standing().was_ready
    }

    pub(super) fn wish(&self) -> Option<Wish> {
        self.standing().wish
    }

    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.standing().last_failure.clone()
    }

    pub(super) fn status(&self) -> UnitStatus {
        let lifetime = self.lifetime();
        let standing = self.standing();
        UnitStatus {
            name: Arc::clone(&self.name),
            flavour: self.scheduler.identifier().clone(),
            status: Status {
                state: standing.state,
                since: lifetime.instant(standing.since),
                restarts: standing.restarts,
                last_failure: standing.last_failure.clone(),
                next_start: standing
                    .next_start
                    .filter(|next| *next != Moment::NEVER)
                    .map(|next| lifetime.instant(next)),
            },
        }
    }

    /// Wants something of the unit; what can be seen of that is seen when this returns.
    pub(super) fn ask(&self, wish: Wish) {
        {
            let mut standing = self.standing();
            if standing.wish != Some(Wish::Stop) {
                standing.wish = Some(wish);
            }
        }
        let lifetime = self.lifetime();
        let event = Event::Asked(self.id, wish);
        supervisor(lifetime).bring(lifetime, By::User, event);
    }

    /// The next run is about to begin.
    pub(super) fn set_run(&self, number: u64) {
        let mut standing = self.standing();
        standing.restarts = number - 1;
        standing.next_start = None;
    }

    pub(super) fn set_next_start(&self, next: Moment) {
        self.standing().next_start = Some(next);
    }

    /// Keeps a failure as the last one; returns the one before, whose error is the user's to drop.
    #[must_use]
    pub(super) fn set_failure(&self, failure: Failure) -> Option<Failure> {
        self.standing().last_failure.replace(failure)
    }

    /// Changes the state. Returns the change, for those who look on, unless there is none.
    pub(super) fn set_state(&self, state: UnitState, now: Moment) -> Option<UnitChange> {
        let mut standing = self.standing();
        if standing.state == state {
            return None;
        }
        standing.state = state;
        standing.since = standing.since.max(now);
        standing.was_ready |= state == UnitState::Running;
        if state != UnitState::Delayed {
            standing.next_start = None;
        }
        Some(UnitChange {
            name: Arc::clone(&self.name),
            state,
            at: self.lifetime().instant(standing.since),
            restarts: standing.restarts,
            failure: standing.last_failure.clone(),
        })
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

pub(super) fn is_ready(state: UnitState) -> bool {
    state == UnitState::Running
}
