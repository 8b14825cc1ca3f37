//! A unit: one service that a runtime has taken.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::PayloadOf;
use super::attempt::Run;
use super::attendance::Attendance;
use super::hub::{Hub, Told};
use super::names::Name;
use super::settings::Policy;
use super::source::{Launch, Runs, Source};
use super::state::{Status, UnitState, UnitStatus};
use super::watch::{News, UnitChange};
use crate::event::Event;
use crate::failure::{Failure, Origin};
use crate::lifetime::{Lifetime, Phase};
use crate::slot::Slot;
use crate::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use crate::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What a user wants of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Intent {
    None,
    Restart,
    Stop,
}

/// A unit, whatever its service is.
pub(crate) struct UnitCore {
    pub(crate) id: usize,
    pub(super) name: Name,
    location: &'static Location<'static>,
    slot: Arc<Slot>,
    rest: OnceLock<Box<Rest>>,
    pub(super) attendance: Attendance,
    pub(super) first_run: Run,
    intent: AtomicU8,
    was_ready: AtomicBool,
    status: Mutex<Status>,
    pub(super) changed: Event,
}

/// What most units never have: there may be many of them, and memory is the most of what one costs.
#[derive(Default)]
pub(super) struct Rest {
    policy: Option<Box<Policy>>,
    /// Absent as long as the first run has the only value.
    source: OnceLock<Arc<dyn Launch>>,
    /// The name of one of many, once somebody has asked for it.
    name: OnceLock<Arc<str>>,
}

impl Rest {
    pub(super) fn new(policy: Option<Box<Policy>>, source: Option<Arc<dyn Launch>>) -> Self {
        Self {
            policy,
            source: source.map_or_else(OnceLock::new, OnceLock::from),
            name: OnceLock::new(),
        }
    }
}

impl UnitCore {
    pub(super) fn new(
        id: usize,
        name: Name,
        location: &'static Location<'static>,
        slot: Arc<Slot>,
        attendance: Attendance,
        state: UnitState,
        rest: Option<Rest>,
    ) -> Self {
        let since = slot.lifetime.settings.clock.now();
        Self {
            id,
            name,
            location,
            slot,
            rest: rest.map_or_else(OnceLock::new, |rest| OnceLock::from(Box::new(rest))),
            attendance,
            first_run: Run::new(),
            intent: AtomicU8::new(Intent::None as u8),
            was_ready: AtomicBool::new(false),
            status: Mutex::new(Status::new(state, since)),
            changed: Event::new(),
        }
    }

    fn rest(&self) -> &Rest {
        self.rest.get_or_init(Box::default)
    }

    pub(crate) fn name(&self) -> &str {
        self.shared_name()
    }

    fn shared_name(&self) -> &Arc<str> {
        match self.name.whole() {
            Some(name) => name,
            None => self
                .rest()
                .name
                .get_or_init(|| self.name.to_string().into()),
        }
    }

    pub(crate) fn policy(&self) -> &Policy {
        let rest = self.rest.get();
        rest.and_then(|rest| rest.policy.as_deref())
            .unwrap_or(Policy::SILENT)
    }

    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.slot.lifetime
    }

    fn hub(&self) -> &Hub {
        &self.slot.lifetime.hub
    }

    /// Where the values for further runs come from, if there may be any.
    pub(crate) fn source(&self) -> Option<&Arc<dyn Launch>> {
        self.rest.get()?.source.get()
    }

    /// The same, for the unit of a service `S`, and made if it is not there.
    pub(super) fn source_of<S>(&self) -> &Source<S>
    where
        S: Runs<PayloadOf<S>> + Send,
    {
        let source = self
            .rest()
            .source
            .get_or_init(|| Arc::new(Source::<S>::new(None, None)));
        let source = source.as_any().downcast_ref();
        source.expect("a unit has values of one type")
    }

    /// The same, if there is a value for another run.
    pub(crate) fn next_source(&self) -> Option<&Arc<dyn Launch>> {
        self.source().filter(|source| source.can_run())
    }

    /// Who it is, in words.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            payload: Arc::clone(self.shared_name()),
            named: true,
            service: true,
            flavour: self.slot.identifier().clone(),
            location: self.location,
        }
    }

    pub(crate) fn intent(&self) -> Intent {
        match self.intent.load(SeqCst) {
            0 => Intent::None,
            1 => Intent::Restart,
            _ => Intent::Stop,
        }
    }

    /// The restart that was asked for has come, or is no matter.
    pub(crate) fn clear_restart(&self) {
        let _ =
            self.intent
                .compare_exchange(Intent::Restart as u8, Intent::None as u8, SeqCst, SeqCst);
    }

    pub(super) fn ask(self: &Arc<Self>, intent: Intent) {
        if self.state().is_over() {
            return;
        }
        match intent {
            Intent::Restart => {
                let asked = self.intent.compare_exchange(
                    Intent::None as u8,
                    Intent::Restart as u8,
                    SeqCst,
                    SeqCst,
                );
                if asked.is_err() {
                    return;
                }
            }
            _ => self.intent.store(intent as u8, SeqCst),
        }
        // Before the supervisor hears of it: who asked must not find it running any more.
        self.change(|status| is_ready(status.state).then(|| status.state = UnitState::Stopping));
        // Refused only when the runtime is over, and the unit with it.
        let _ = self.hub().push(Told::Asked(Arc::clone(self)));
    }

    pub(crate) fn was_ready(&self) -> bool {
        self.was_ready.load(SeqCst) || self.attendance.has_ended_ready()
    }

    pub(crate) fn set_was_ready(&self) {
        self.was_ready.store(true, SeqCst);
    }

    pub(crate) fn state(&self) -> UnitState {
        let state = self.lock().state;
        match self.stopped_since() {
            Some(_) if !state.is_over() => UnitState::Stopping,
            _ => state,
        }
    }

    pub(crate) fn status(&self) -> UnitStatus {
        let mut status = self.lock().clone();
        if let Some(since) = self.stopped_since() {
            status.stop(since);
        }
        UnitStatus {
            name: Arc::clone(self.shared_name()),
            flavour: self.slot.identifier().clone(),
            status,
        }
    }

    /// When the runtime's stop by itself asked this unit to end, which nobody sees to and nobody watches.
    pub(super) fn stopped_since(&self) -> Option<Instant> {
        let stop = self.lifetime().stop_begun()?;
        (!stop.is_watched && self.attendance.is_none()).then_some(stop.began)
    }

    pub(crate) fn set_failure(&self, failure: Failure) {
        let replaced = self.lock().past().last_failure.replace(failure);
        // Its error is the user's.
        drop(replaced);
    }

    pub(crate) fn set_state(&self, state: UnitState) {
        self.change(|status| {
            (status.state != state).then(|| {
                status.state = state;
                status.forget_next_start();
            })
        });
    }

    /// Ready, unless it was asked to end meanwhile.
    pub(crate) fn set_running(&self) {
        self.change(|status| {
            (status.state == UnitState::Starting).then(|| {
                // Under the lock: who asks says so first, and changes the state afterwards.
                status.state = match self.intent() {
                    Intent::None => UnitState::Running,
                    _ => UnitState::Stopping,
                };
            })
        });
    }

    pub(crate) fn set_starting(&self, restarts: u64) {
        self.change(|status| {
            status.state = UnitState::Starting;
            if restarts > 0 {
                status.past().restarts = restarts;
            }
            status.forget_next_start();
            Some(())
        });
    }

    /// Asked to end, unless it is over.
    pub(super) fn set_stopping(&self) {
        self.change(|status| {
            let goes_on = !status.state.is_over() && status.state != UnitState::Stopping;
            goes_on.then(|| status.state = UnitState::Stopping)
        });
    }

    /// The run of an unattended unit has ended: `failed` if the runtime was told of a failure.
    pub(super) fn end_unattended(&self, returned: bool, failed: bool) {
        if returned {
            // One that came to its end in its first poll was ready for a moment.
            self.set_running();
        }
        self.set_state(match failed {
            true => UnitState::Failed,
            false => UnitState::Ended,
        });
        let lifetime = self.lifetime();
        let hub = self.hub();
        hub.count_over(false);
        // The last one of them does it.
        if lifetime.settings.until_idle && hub.over() == hub.served() {
            lifetime.look();
        }
        if lifetime.phase() >= Phase::Stopping && !hub.has_unattended() {
            hub.poke();
        }
    }

    /// The first run is launched, unless that has met the stop.
    pub(crate) fn set_launched(&self) {
        self.change(|status| {
            (status.state == UnitState::Waiting).then(|| status.state = UnitState::Starting)
        });
    }

    pub(crate) fn set_delayed(&self, until: Instant) {
        self.change(|status| {
            status.state = UnitState::Delayed;
            status.past().next_start = Some(until);
            Some(())
        });
    }

    /// Changes the status, and tells all who wait or look on if it did.
    fn change(&self, change: impl FnOnce(&mut Status) -> Option<()>) {
        let news = {
            let mut status = self.lock();
            if change(&mut status).is_none() {
                return;
            }
            status.since = self.lifetime().settings.clock.now();
            // Under the lock, so that the changes of a unit are told in their order.
            self.hub()
                .watchers
                .are_there()
                .then(|| self.publish(&status))
        };
        if let Some(news) = news {
            news.tell();
        }
        self.changed.notify();
    }

    #[cold]
    fn publish(&self, status: &Status) -> News {
        self.hub().watchers.publish(&UnitChange {
            name: Arc::clone(self.shared_name()),
            state: status.state,
            at: status.since,
            restarts: status.restarts(),
            failure: status.last_failure().cloned(),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait(&self, time: Duration, is_it: fn(UnitState) -> bool) -> bool {
        let clock = &self.lifetime().settings.clock;
        let look = || is_it(self.state()).then_some(());
        self.changed.wait(clock, time, look).is_some()
    }

    /// Wakes who waits, as a manual clock has moved.
    pub(crate) fn wake_waiters(&self) {
        self.changed.notify();
    }
}

pub(super) fn is_ready(state: UnitState) -> bool {
    state == UnitState::Running
}
