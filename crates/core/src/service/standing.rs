//! How a unit does: the state that it is in, what has become of it before, and who is told of a change.

use std::time::{Duration, Instant};

use super::course::Step;
use super::state::{Status, UnitState, UnitStatus};
use super::unit_core::{Intent, UnitCore, age};
use super::watch::{News, UnitChange};
use crate::event::{self, EventListener};
use crate::failure::Failure;
use crate::lifetime::Phase;
use crate::sync::Arc;
use crate::sync::atomic::Ordering::Relaxed;

/// What has become of a unit's earlier runs.
#[derive(Default)]
pub(super) struct Past {
    restarts: u64,
    last_failure: Option<Failure>,
    /// The runtime was told of that one, which is none of a run.
    is_fatal: bool,
    next_start: Option<Instant>,
    /// A failure that its policy may make a restart of, until that is decided.
    absorbed: Option<Failure>,
}

impl UnitCore {
    pub(crate) fn state(&self) -> UnitState {
        // Whoever sees a state finds that those who look on were told.
        let _own = self.lock();
        let state = self.kept_state();
        match self.stopped_since() {
            Some(_) if !state.is_over() => UnitState::Stopping,
            _ => state,
        }
    }

    /// The state, to be looked at under the lock.
    fn kept_state(&self) -> UnitState {
        UnitState::kept_as(self.state.load(Relaxed))
    }

    pub(crate) fn status(&self) -> UnitStatus {
        let (mut state, since, stopped) = {
            let own = self.lock();
            (self.kept_state(), own.since, self.stopped_since())
        };
        let mut since = self.lifetime().moment(since);
        if let Some(stopped) = stopped.filter(|_| !state.is_over()) {
            state = UnitState::Stopping;
            since = since.max(self.lifetime().moment(stopped));
        }
        let past = self.past();
        let past = past.as_deref();
        UnitStatus {
            name: Arc::clone(self.shared_name()),
            flavour: self.slot().identifier().clone(),
            status: Status {
                state,
                since,
                restarts: past.map_or(0, |past| past.restarts),
                last_failure: past.and_then(|past| past.last_failure.clone()),
                next_start: past.and_then(|past| past.next_start),
            },
        }
    }

    /// How old the runtime was when its stop by itself asked this unit to end, which nobody sees to, or did when
    /// it ended, and nobody watches.
    pub(super) fn stopped_since(&self) -> Option<u64> {
        let stop = self.lifetime().stop_begun()?;
        (!stop.is_watched && !self.attendance.is_there()).then_some(stop.age)
    }

    /// The supervisor sees to the unit from here on; whether it did not before, and the unit is alive. What the
    /// stop has asked of it is not taken back.
    pub(super) fn attend(&self) -> bool {
        let asked = {
            // Whoever looks meanwhile waits for the lock.
            let mut own = self.lock();
            if !self.attendance.attend() {
                return false;
            }
            // Looked at afterwards: all that was seen of the stop before that is kept.
            let stop = self.lifetime().stop_begun();
            let stop = stop.filter(|stop| !stop.is_watched);
            if let Some(stop) = stop {
                self.course.take(Step::Requested);
                self.state.store(UnitState::Stopping as u8, Relaxed);
                own.since = own.since.max(stop.age);
            }
            stop.is_some()
        };
        if asked {
            self.notify();
        }
        true
    }

    /// How old the runtime is when a unit to which nobody sees has to be ready, if it is not yet.
    pub(super) fn start_due(&self) -> Option<u64> {
        let time = self.policy().start_timeout()?.as_nanos();
        let own = self.lock();
        let is_ready = !matches!(self.kept_state(), UnitState::Waiting | UnitState::Starting);
        if is_ready || !self.attendance.is_none() {
            return None;
        }
        own.since.checked_add(u64::try_from(time).ok()?)
    }

    /// When its present run has begun, as far as the state knows.
    pub(super) fn since(&self) -> Instant {
        self.lifetime().moment(self.lock().since)
    }

    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.past()?.last_failure.clone()
    }

    pub(crate) fn set_failure(&self, failure: Failure) {
        let replaced = self.rest().past().last_failure.replace(failure);
        // Its error is the user's.
        drop(replaced);
    }

    /// The same, of a failure of which the runtime is told, and which is none of a run.
    pub(super) fn set_fatal(&self, failure: Failure) {
        self.set_failure(failure);
        self.rest().past().is_fatal = true;
    }

    /// Keeps a failure of the present run, unless it has one, until it is decided what becomes of the unit.
    pub(super) fn absorb(&self, failure: Failure) {
        let mut past = self.rest().past();
        let late = match past.absorbed {
            None => past.absorbed.replace(failure),
            Some(_) => Some(failure),
        };
        drop(past);
        // Its error is the user's.
        drop(late);
    }

    pub(super) fn has_absorbed(&self) -> bool {
        self.past().is_some_and(|past| past.absorbed.is_some())
    }

    pub(super) fn take_absorbed(&self) -> Option<Failure> {
        self.past()?.absorbed.take()
    }

    pub(crate) fn set_state(&self, state: UnitState) {
        let is_fatal = || self.past().is_some_and(|past| past.is_fatal);
        let state = match state {
            UnitState::Ended if is_fatal() => UnitState::Failed,
            _ => state,
        };
        self.change(|before| {
            (before != state).then(|| {
                self.forget_next_start();
                state
            })
        });
    }

    /// Ready, unless it was asked to end meanwhile.
    pub(crate) fn set_running(&self) {
        self.change(|before| self.make_ready(before));
    }

    /// The same, unless the supervisor sees to the unit by now: then another run may have followed.
    pub(super) fn set_running_unattended(&self) {
        self.change(|before| {
            // Under the lock, under which the supervisor begins to see to it.
            match self.attendance.is_none() {
                true => self.make_ready(before),
                false => None,
            }
        });
    }

    fn make_ready(&self, before: UnitState) -> Option<UnitState> {
        // Under the lock: who asks says so first, and changes the state afterwards.
        (before == UnitState::Starting).then(|| match self.intent() {
            Intent::None => UnitState::Running,
            _ => UnitState::Stopping,
        })
    }

    pub(crate) fn set_starting(&self, restarts: u64) {
        self.change(|_| {
            if restarts > 0 {
                self.rest().past().restarts = restarts;
            }
            self.forget_next_start();
            Some(UnitState::Starting)
        });
    }

    /// Asked to end, unless it is over.
    pub(super) fn set_stopping(&self) {
        self.change(|before| {
            let goes_on = !before.is_over() && before != UnitState::Stopping;
            goes_on.then_some(UnitState::Stopping)
        });
    }

    /// The first run is launched, unless that has met the stop.
    pub(crate) fn set_launched(&self) {
        self.change(|before| (before == UnitState::Waiting).then_some(UnitState::Starting));
    }

    pub(crate) fn set_delayed(&self, until: Instant) {
        self.change(|_| {
            self.rest().past().next_start = Some(until);
            Some(UnitState::Delayed)
        });
    }

    fn forget_next_start(&self) {
        if let Some(mut past) = self.past() {
            past.next_start = None;
        }
    }

    /// The run of an unattended unit has ended: `failed` if the runtime was told of a failure.
    pub(super) fn end_unattended(&self, returned: bool, failed: bool) {
        let hub = self.hub();
        if returned && hub.watchers.are_there() {
            // One that came to its end in its first poll was ready for a moment.
            self.set_running();
        }
        self.set_state(match failed {
            true => UnitState::Failed,
            false => UnitState::Ended,
        });
        let lifetime = self.lifetime();
        hub.count_over(false);
        // The last one of them does it.
        if lifetime.settings.until_idle && hub.over() == hub.served() {
            lifetime.look();
        }
        if lifetime.phase() >= Phase::Stopping && !hub.has_unattended() {
            hub.poke();
        }
    }

    /// Changes the state to what `change` makes of it, and tells all who wait or look on if it did.
    pub(super) fn change(&self, change: impl FnOnce(UnitState) -> Option<UnitState>) {
        let (news, listened, _record) = {
            let mut own = self.lock();
            let Some(state) = change(self.kept_state()) else {
                return;
            };
            let is_watched = self.hub().watchers.are_there();
            let age = age(
                self.lifetime(),
                Some(self.policy()),
                self.attendance.is_there() || is_watched,
            );
            // What was seen of the stop is exact.
            let stopped = self.stopped_since().unwrap_or_default();
            own.since = own.since.max(age).max(stopped);
            let record = if state.is_over() {
                own.record.take()
            } else {
                None
            };
            self.state.store(state as u8, Relaxed);
            // Under the lock, so that the changes of a unit are told in their order.
            let news = is_watched.then(|| self.publish(state, own.since));
            (news, self.listened.load(Relaxed), record)
        };
        if let Some(news) = news {
            news.tell();
        }
        if listened {
            self.changed.notify();
        }
    }

    #[cold]
    fn publish(&self, state: UnitState, since: u64) -> News {
        let past = self.past();
        let past = past.as_deref();
        self.hub().watchers.publish(&UnitChange {
            name: Arc::clone(self.shared_name()),
            state,
            at: self.lifetime().moment(since),
            restarts: past.map_or(0, |past| past.restarts),
            failure: past.and_then(|past| past.last_failure.clone()),
        })
    }

    /// Listens to the unit's changes, and to what its run is asked.
    pub(super) fn listen(&self) -> EventListener {
        let listener = self.changed.listen();
        // Under the lock, as every change is: whoever changes something either sees this, and notifies the
        // listener that is there by now, or has changed it before the listener's next look.
        let _own = self.lock();
        self.listened.store(true, Relaxed);
        listener
    }

    /// Wakes who listens, as something has changed.
    pub(crate) fn notify(&self) {
        let listened = {
            let _own = self.lock();
            self.listened.load(Relaxed)
        };
        if listened {
            self.changed.notify();
        }
    }

    pub(super) fn wait(&self, time: Duration, is_it: fn(UnitState) -> bool) -> bool {
        let clock = &self.lifetime().settings.clock;
        let look = || is_it(self.state()).then_some(());
        event::wait(|| self.listen(), clock, time, look).is_some()
    }
}
