//! The shell around [`Supervision`]: it takes events from any thread, applies what can be read at once, and has all
//! else done in order.
//!
//! Whoever brings an event takes the one lock of services, in `bring`. Under it the supervision decides, and what
//! callers can read is written (`applying`): states, requests, failures. What goes outward (launches, cancels, starts
//! of flavours) is put into a queue, which is worked off by one thread at a time, in `perform`, without the lock: by
//! whoever brought the event, up to a bound, else by the supervisor's own thread. That one brings what falls due, too.
//! Code of the user's (subscribers, wakers, destructors) runs with no lock held, and not on the supervisor's thread: it
//! is put off until the lock is released (`aftermath`). `closing` is the end of the runtime.
//!
//! Order of locks. Whoever holds one of these takes only such as come after it:
//!
//! 1. `Registry`: names, and who waits for the start.
//! 2. `Supervisor`: `Guarded`, the one lock of services.
//! 3. One of these, each alone: the `Status` of a unit; the value of a `Source`; the list of `Watchers` and one mailbox
//!    after it; the listeners of an event, that of the `Bell` included; the ledger of failures.
//!
//! No event is brought under a lock of a scheduler or a queue, nor under any of the third row.

mod aftermath;
mod applying;
mod bell;
mod closing;
mod outward;
mod words;

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::{Duration, Instant};

use slab::Slab;

pub(super) use self::aftermath::Aftermath;
use self::bell::Bell;
pub(super) use self::closing::drop_at_last;
use self::outward::Outward;
use super::policy::Policy;
use super::supervision::{
    Blame, Effect, Fault, Happening, Id, Newcomer, Remark, RunId, Supervision,
};
use super::unit_core::UnitCore;
use super::watch::Watchers;
use super::{Attempt, UnitChanges, UnitState};
use crate::base::clock::Clock;
use crate::base::event::{self, Wakers};
use crate::base::identifier::Identifier;
use crate::base::joining::Joining;
use crate::base::moment::Moment;
use crate::base::panics::{contain, panic_message};
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::{Cause, Failure, FailureKind, Origin};
use crate::errors::refusal::Reason;
use crate::errors::report::{Straggler, StragglerReason};
use crate::errors::serve::Problem;
use crate::lifetime::telling::Line;
use crate::lifetime::{Lifetime, Phase, Services, ServicesReport, Untold};
use crate::task;
use crate::task::Task;

/// How long whoever moves a manual clock waits for all that fell due to be done, at most, in real time.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(1);

/// On whose thread something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A thread that runs code of the user's anyway.
    User,
    /// One of Foster's own, which must not wait for such code.
    Foster,
}

/// The services of a runtime that are not over, and the thread that sees to what falls due.
#[derive(Default)]
pub(crate) struct Supervisor {
    guarded: Mutex<Guarded>,
    /// Wakes the supervisor's thread.
    bell: Bell,
    /// Notified when something was done.
    done: event::Event,
    pub(super) watchers: Watchers,
    /// How many services were taken in, and how many are over. They only grow.
    served: AtomicUsize,
    over: AtomicUsize,
}

/// What the one lock of services guards.
#[derive(Default)]
struct Guarded {
    supervision: Supervision<Box<Failure>>,
    /// By their place.
    units: Slab<Entry>,
    /// The next unit's.
    serial: u64,
    /// Empty, between two events.
    effects: Vec<Effect<Box<Failure>>>,
    outward: VecDeque<Outward>,
    /// Some thread performs what is in `outward`.
    is_performed: bool,
    /// Somebody waits for something to be done.
    is_awaited: bool,
    thread: Option<JoinHandle<()>>,
    /// The grace time goes on until the stop of all services is over.
    holds_grace: bool,
    /// For each flavour the thread that started it last.
    starters: HashMap<usize, JoinHandle<()>>,
    report: ServicesReport,
    /// Units that are over with a value that could not be dropped on its flavour.
    left: Vec<Arc<UnitCore>>,
    is_closed: bool,
}

/// A unit, and its present run.
struct Entry {
    unit: Arc<UnitCore>,
    run: Option<Attempt>,
}

/// A service that may start, its policy, and those that it comes after.
pub(super) type Entrant = (Arc<UnitCore>, Option<Box<Policy>>, Vec<Arc<UnitCore>>);

impl Supervisor {
    /// One for a runtime with this grace time.
    pub(crate) fn new(grace: Duration) -> Self {
        let guarded = Guarded {
            supervision: Supervision::new(grace, fastrand::u64(..)),
            ..Guarded::default()
        };
        Self {
            guarded: Mutex::new(guarded),
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes and enters a unit that waits for the start.
    pub(super) fn enrol(
        &self,
        lifetime: &Lifetime,
        make: impl FnOnce(Id, Instant) -> UnitCore,
    ) -> Arc<UnitCore> {
        self.enter(&mut self.lock(), lifetime.settings.clock.now(), make)
    }

    /// Makes and enters a unit. Counted before the supervision hears of it, so that a runtime that ends when it is idle
    /// does not.
    fn enter(
        &self,
        guarded: &mut Guarded,
        now: Instant,
        make: impl FnOnce(Id, Instant) -> UnitCore,
    ) -> Arc<UnitCore> {
        self.served.fetch_add(1, SeqCst);
        let serial = guarded.serial;
        guarded.serial += 1;
        let place = guarded.units.vacant_key() as u32;
        let unit = Arc::new(make(Id { serial, place }, now));
        let (entered, run) = (Arc::clone(&unit), None);
        guarded.units.insert(Entry { unit: entered, run });
        unit
    }

    /// Forgets a unit that is not handed in after all.
    pub(super) fn strike(&self, unit: &UnitCore) {
        // Bound to a name so that it is dropped after the lock.
        let _entry = self.lock().units.try_remove(unit.id.index());
        self.over.fetch_add(1, SeqCst);
    }

    /// Tells changes from here on.
    pub(super) fn watch(&self, lifetime: &Lifetime, capacity: usize) -> UnitChanges {
        // Under the lock, so that no change is told that could be seen before.
        let _guarded = self.lock();
        let clock = lifetime.settings.clock.clone();
        let is_over = lifetime.phase() == Phase::Over;
        self.watchers.add(capacity, clock, is_over)
    }

    /// Takes in what has happened, on the thread of `by`. `about` are units that it is about and that may be over by now.
    pub(super) fn bring(
        &self,
        lifetime: &Arc<Lifetime>,
        by: By,
        event: Happening<Box<Failure>>,
        about: &[Arc<UnitCore>],
    ) {
        let mut guarded = self.lock();
        if guarded.is_closed {
            drop(guarded);
            return closing::too_late(lifetime, event);
        }
        let Some(event) = guarded.supervision.note(event) else {
            return;
        };
        let aftermath = self.handle(&mut guarded, lifetime, lifetime.now(), event, about);
        drop(guarded);
        self.go_on(lifetime, by, aftermath);
    }

    /// Does what was put off until nothing is locked.
    pub(super) fn go_on(&self, lifetime: &Arc<Lifetime>, by: By, aftermath: Aftermath) {
        let goes_outward = aftermath.goes_outward;
        aftermath.come(lifetime, by);
        if goes_outward {
            self.perform(lifetime, by);
        }
    }

    /// Makes a unit and takes it in, whose service may start. With what comes of it the caller [goes on](Self::go_on)
    /// where nothing is locked.
    ///
    /// # Errors
    ///
    /// If the runtime stops, or there is no thread for its supervisor.
    pub(super) fn hand_in(
        &self,
        lifetime: &Arc<Lifetime>,
        make: impl FnOnce(Id, Instant) -> UnitCore,
        policy: Option<Box<Policy>>,
        after: Vec<Arc<UnitCore>>,
    ) -> Result<(Arc<UnitCore>, Aftermath), Problem> {
        let mut guarded = self.lock();
        if guarded.is_closed || lifetime.phase() >= Phase::Stopping {
            return Err(Problem::Stopping);
        }
        self.ensure_thread(&mut guarded, lifetime)?;
        let now = lifetime.settings.clock.now();
        let unit = self.enter(&mut guarded, now, make);
        let event = Happening::HandedIn(vec![newcomer(&unit, false, policy, &after)]);
        let now = lifetime.moment(now);
        let aftermath = self.handle(&mut guarded, lifetime, now, event, &after);
        Ok((unit, aftermath))
    }

    /// As [`hand_in`](Self::hand_in), for those that waited for the start: if the runtime stops they are over at once.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor. They are not taken in then.
    pub(super) fn launch(
        &self,
        lifetime: &Arc<Lifetime>,
        entrants: impl Iterator<Item = Entrant>,
    ) -> std::io::Result<Aftermath> {
        let mut guarded = self.lock();
        if let Err(Problem::Thread(error)) = self.ensure_thread(&mut guarded, lifetime) {
            return Err(error);
        }
        let (mut newcomers, mut about) = (Vec::new(), Vec::new());
        for (unit, policy, after) in entrants {
            newcomers.push(newcomer(&unit, unit.is_unwanted(), policy, &after));
            about.extend(after);
        }
        let (now, event) = (lifetime.now(), Happening::HandedIn(newcomers));
        Ok(self.handle(&mut guarded, lifetime, now, event, &about))
    }

    /// Makes sure that the thread is there, and that the runtime's stop waits for its services.
    fn ensure_thread(
        &self,
        guarded: &mut Guarded,
        lifetime: &Arc<Lifetime>,
    ) -> Result<(), Problem> {
        if guarded.thread.is_some() {
            return Ok(());
        }
        if !lifetime.hold() {
            return Err(Problem::Stopping);
        }
        let on_thread = Arc::clone(lifetime);
        let thread = Builder::new().name("foster supervisor".to_owned());
        let thread = thread
            .spawn(move || supervise(&on_thread))
            .map_err(|error| {
                lifetime.release();
                lifetime.look();
                Problem::Thread(error)
            })?;
        guarded.thread = Some(thread);
        guarded.holds_grace = true;
        Ok(())
    }

    /// The next moment at which something falls due, if there is one; none at all once the runtime is over.
    fn next_moment(&self) -> Option<Option<Moment>> {
        let guarded = self.lock();
        (!guarded.is_closed).then(|| guarded.supervision.next_due())
    }

    /// Brings what falls due, until the runtime is over.
    fn bring_what_is_due(&self, lifetime: &Arc<Lifetime>) {
        while let Some(due) = self.next_moment() {
            self.bell.wait(lifetime, due);
            self.bring(lifetime, By::Foster, Happening::Due, &[]);
        }
    }

    /// Something was done. To be said under the lock.
    fn say_done(&self, guarded: &mut Guarded) {
        if std::mem::take(&mut guarded.is_awaited) {
            self.done.notify();
        }
    }

    /// Waits in real time until `is_done`, at most until `by`. What it was looked at is locked still.
    fn wait_until(
        &self,
        by: Instant,
        is_done: impl Fn(&Guarded) -> bool,
    ) -> MutexGuard<'_, Guarded> {
        let look = || {
            let mut guarded = self.lock();
            guarded.is_awaited = !is_done(&guarded);
            Some(guarded).filter(|guarded| !guarded.is_awaited)
        };
        let left = by.saturating_duration_since(Instant::now());
        let waited = self.done.wait(&Clock::system(), left, look);
        waited.unwrap_or_else(|| self.lock())
    }

    /// Whether the value of a run that is at its end is kept for another one.
    pub(super) fn keeps_value(&self, run: RunId) -> bool {
        self.lock().supervision.keeps_value(run)
    }
}

/// The supervisor of a runtime.
pub(super) fn supervisor(lifetime: &Lifetime) -> &Supervisor {
    let supervisor = lifetime.services.as_any().downcast_ref();
    supervisor.expect("a lifetime is made with a supervisor")
}

impl Services for Supervisor {
    fn over(&self) -> usize {
        self.over.load(SeqCst)
    }

    fn served(&self) -> usize {
        self.served.load(SeqCst)
    }

    fn poke(&self) {
        self.bell.ring();
    }

    fn look(&self, lifetime: &Arc<Lifetime>) {
        if self.lock().thread.is_some() {
            self.bring(lifetime, By::User, Happening::Due, &[]);
        }
    }

    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant> {
        let due = self.lock().supervision.next_due()?;
        Some(lifetime.instant(due))
    }

    fn settle(&self, lifetime: &Arc<Lifetime>) {
        let guarded = self.lock();
        let units = guarded.units.iter();
        let units: Vec<_> = units.map(|(_, entry)| Arc::clone(&entry.unit)).collect();
        let has_thread = guarded.thread.is_some();
        drop(guarded);
        // Whoever waits by this clock looks at it again.
        for unit in units {
            unit.changed().notify();
        }
        self.watchers.wake().wake();
        if !has_thread {
            return;
        }
        self.bring(lifetime, By::User, Happening::Due, &[]);
        // A payload of this runtime would wait for itself, if its own flavour is to do something.
        let is_inside = task::current()
            .is_some_and(|task| std::ptr::eq(Arc::as_ptr(task.lifetime()), &**lifetime));
        if !is_inside {
            let by = Instant::now() + CAUGHT_UP_WITHIN;
            drop(self.wait_until(by, |guarded| guarded.has_caught_up(lifetime)));
        }
    }

    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool) {
        self.bring(
            lifetime,
            By::Foster,
            Happening::GraceOver { by_signal },
            &[],
        );
    }

    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport {
        self.close_by(lifetime, by)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Guarded {
    /// Whether nothing is to be done that has fallen due.
    fn has_caught_up(&self, lifetime: &Lifetime) -> bool {
        let is_done = self.outward.is_empty() && !self.is_performed;
        self.is_closed || is_done && self.supervision.is_up_to_date(lifetime.now())
    }
}

/// What the supervision has to know of a unit that comes after these others.
fn newcomer(
    unit: &UnitCore,
    is_unwanted: bool,
    policy: Option<Box<Policy>>,
    after: &[Arc<UnitCore>],
) -> Newcomer {
    let others = after.iter().map(|other| (other.id, other.was_ready()));
    Newcomer {
        id: unit.id,
        policy,
        after: others.collect(),
        is_blocking: unit.source.is_blocking(),
        flavour: unit.scheduler().number(),
        is_flavour_up: unit.source.is_flavour_up(unit.scheduler()),
        is_unwanted,
    }
}

/// The supervisor's thread. It runs nothing of the user's that could panic; still, services must not go on unwatched.
fn supervise(lifetime: &Arc<Lifetime>) {
    let watch = || supervisor(lifetime).bring_what_is_due(lifetime);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(watch)) {
        let origin = Origin {
            payload: "supervisor".into(),
            named: false,
            service: false,
            flavour: const { Identifier::new("foster") },
            location: Location::caller(),
        };
        let cause = Cause::lost(format!("it panicked: {}", panic_message(panic)));
        lifetime.fail(Failure::new(origin, cause));
    }
}
