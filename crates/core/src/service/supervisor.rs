//! The shell around [`Supervision`]: it takes events from any thread, applies what can be read at once, and has all
//! else done in order.
//!
//! Whoever brings an event takes the one lock of services, in `bring`. Under it the supervision decides, and what
//! callers can read is written (`applying`): states, requests, failures. What goes outward (launches, cancels, starts
//! of flavours) is put into a queue, which is worked off by one thread at a time, in `perform`, without the lock: by
//! whoever brought the event, up to a bound, else by the supervisor's own thread. That one brings what falls due, too.
//! Code of the user's (subscribers, wakers, destructors) runs with no lock held, and not on the supervisor's thread: it
//! is put off until the lock is released (`lifetime::Aftermath`). `closing` is the end of the runtime.
//!
//! Order of locks. Whoever holds one of these takes only such as come after it:
//!
//! 1. `Supervisor`: `Guarded`, the one lock of services.
//! 2. One of these, each alone: the `Present` of a unit; the value of a `Source`; what a group's `Members` know by name; the
//!    queue of a `Gate`; the payloads that a scheduler knows; the list of `Watchers` and one mailbox after it; the listeners of
//!    an event, that of the `Bell` included; the ledger of failures; a manual clock.
//!
//! No event is brought under a lock of a scheduler or a queue, nor under any of the second row.

mod applying;
mod closing;
mod entering;
mod grouping;
mod observing;
mod outward;
mod reloading;
mod seeing;
mod services;
mod words;

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::time::{Duration, Instant};

use slab::Slab;

pub(super) use self::closing::{drop_aside, drop_at_last};
pub(super) use self::grouping::{GroupName, GroupPlan};
use self::outward::Outward;
use self::reloading::Reloads;
pub(super) use self::seeing::Seen;
use super::roster::Roster;
use super::state::UnitState;
use super::supervision::{
    Blame, Effect, Fault, Happening, Id, Link, Newcomer, Remark, Supervision, Wish,
};
use super::unit_core::{Attempt, UnitCore};
use super::watch::{UnitChange, UnitChanges};
use crate::base::bell::Bell;
use crate::base::broadcast::Broadcast;
use crate::base::clock::Clock;
use crate::base::event;
use crate::base::identifier::Identifier;
use crate::base::joining::Joining;
use crate::base::moment::Moment;
use crate::base::panics::{contain, panic_message};
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak, lock};
use crate::errors::failure::{Cause, Failure, FailureKind, Origin};
use crate::errors::ready::ReadyError;
use crate::errors::refusal::Reason;
use crate::errors::report::RunError;
use crate::errors::serve::Problem;
use crate::errors::straggler::{Straggler, StragglerReason};
use crate::lifetime::telling::Line;
use crate::lifetime::{Aftermath, By, GroupPart, Lifetime, Phase, Services, ServicesReport};
use crate::runtime::core::Core;
use crate::task;
use crate::task::Task;

/// The services of a runtime that are not over for good, and the thread that sees to what falls due.
#[derive(Default)]
pub(crate) struct Supervisor {
    guarded: Mutex<Guarded>,
    /// Wakes the supervisor's thread.
    bell: Bell,
    /// Notified when something was done.
    done: event::Event,
    /// Whoever looks on at the changes of states.
    watchers: Broadcast<UnitChange>,
    /// How often services were taken in or started again after their end, and how often one was over. They only grow.
    served: AtomicUsize,
    over: AtomicUsize,
    /// Notified when the runtime as a whole is ready, or stops.
    readiness: event::Event,
    /// The runtime, for the groups of its payloads.
    core: OnceLock<Weak<Core>>,
    /// Notified when a reload is over.
    reloaded: event::Event,
    /// The supervisor's thread is to begin a reload.
    is_reload_wanted: AtomicBool,
}

/// What the one lock of services guards.
#[derive(Default)]
struct Guarded {
    supervision: Supervision<Box<Failure>>,
    reloads: Reloads,
    /// All that are known, those that are over included.
    roster: Roster,
    /// Those that are not over for good, by their place.
    units: Slab<Arc<UnitCore>>,
    /// The last unit's: the first has 1, as 0 is the runtime itself among its parts.
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
    /// How many of those that came before the start have not been ready, and are not over.
    unready: usize,
    was_ready: bool,
    report: ServicesReport,
    /// Units that are over with a value that could not be dropped on its flavour.
    left: Vec<Arc<UnitCore>>,
    /// The groups that payloads have made, by the addresses of their tasks.
    families: HashMap<usize, Arc<UnitCore>>,
    /// Groups in which threads are about to take their tokens, and until when.
    settling: Vec<(Instant, Arc<UnitCore>)>,
    is_closed: bool,
}

impl Supervisor {
    /// One for a runtime with this grace time, whose services have `reload_timeout` to answer a reload.
    pub(crate) fn new(grace: Duration, reload_timeout: Duration) -> Self {
        let guarded = Guarded {
            supervision: Supervision::new(grace, fastrand::u64(..)),
            reloads: Reloads::new(reload_timeout),
            ..Guarded::default()
        };
        Self {
            guarded: Mutex::new(guarded),
            ..Self::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        lock(&self.guarded)
    }

    /// Wants something of a unit; what can be seen of that is seen when this returns.
    pub(super) fn ask(&self, unit: &UnitCore, wish: Wish) {
        if wish != Wish::Restart {
            self.close_unit(unit);
        }
        let asked = Happening::Asked(unit.id, wish);
        self.bring(unit.lifetime(), By::User, asked, &[]);
    }

    /// Brings what somebody wants of units, of which this is one.
    pub(super) fn bring_wish(&self, unit: &UnitCore, wish: Happening<Box<Failure>>) {
        self.bring(unit.lifetime(), By::User, wish, &[]);
    }

    /// Starts a unit that is over, or will be as it was asked to; what can be seen of that is seen when this returns.
    pub(super) fn start(&self, unit: &UnitCore) -> Result<(), Problem> {
        self.may_start(unit)?;
        self.bring_wish(unit, Happening::Wanted(vec![unit.id]));
        Ok(())
    }

    /// Looks whether a unit may be started; it is not unwanted any more then.
    pub(super) fn may_start(&self, unit: &UnitCore) -> Result<(), Problem> {
        if unit.is_gone() {
            return Err(Problem::Over);
        }
        if unit.lifetime().phase() >= Phase::Stopping {
            return Err(Problem::Stopping);
        }
        if let Some(closed) = unit.closed_path() {
            return Err(Problem::GroupStopping(closed));
        }
        if self.has_forgotten(unit) {
            return Err(Problem::Over);
        }
        unit.set_unwanted(false);
        Ok(())
    }

    /// Whether a unit is over for good, though it is startable: what is in a group that nobody has a handle of any more rests
    /// for nobody.
    fn has_forgotten(&self, unit: &UnitCore) -> bool {
        let guarded = self.lock();
        let known = guarded.units.get(unit.id.index());
        unit.state().is_over() && known.is_none_or(|known| known.id != unit.id)
    }

    /// Whether the runtime as a whole was ready, or never is.
    pub(super) fn all_ready(&self, lifetime: &Lifetime) -> Option<Result<(), ReadyError>> {
        let unready = {
            // The phase is looked at under the lock, as where a unit becomes ready: what is found here stays true.
            let guarded = self.lock();
            if guarded.was_ready {
                return Some(Ok(()));
            }
            let stops = lifetime.phase() >= Phase::Stopping;
            stops.then(|| guarded.unready_names())?
        };
        Some(Err(ReadyError::stopping(unready).because(lifetime.cause())))
    }

    /// The names of those for which the runtime as a whole waits.
    pub(super) fn unready(&self) -> Vec<String> {
        self.lock().unready_names()
    }

    pub(super) fn listen_for_ready(&self) -> event::EventListener {
        self.readiness.listen()
    }

    /// As [`ask`](Self::ask) for a stop, but at once.
    pub(super) fn cancel(&self, unit: &UnitCore) {
        self.close_unit(unit);
        let cancelled = Happening::Cancelled(unit.id);
        self.bring(unit.lifetime(), By::User, cancelled, &[]);
    }

    /// Says why the runtime cannot be started.
    pub(super) fn spoil(&self, problem: RunError) {
        self.lock().roster.problem.get_or_insert(problem);
    }

    /// All that are known, in the order in which they were handed in.
    pub(super) fn units(&self) -> Vec<Arc<UnitCore>> {
        self.lock().roster.units.values().cloned().collect()
    }

    /// The last one that has or had this name.
    pub(super) fn find(&self, name: &str) -> Option<Arc<UnitCore>> {
        self.lock().roster.names.find(name).cloned()
    }

    /// Tells changes from here on.
    pub(super) fn watch(&self, lifetime: &Lifetime, capacity: usize) -> UnitChanges {
        // Under the lock, so that no change is told that could be seen before.
        let _guarded = self.lock();
        let clock = lifetime.settings.clock.clone();
        let is_over = lifetime.phase() == Phase::Over;
        let mailbox = self.watchers.add(capacity, is_over);
        UnitChanges::new(mailbox, clock)
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
        if guarded.is_outdated(&event) {
            return;
        }
        let Some(event) = guarded.supervision.take_quietly(event) else {
            return;
        };
        let aftermath = self.handle(&mut guarded, lifetime, lifetime.now(), event, about);
        self.go_on(guarded, lifetime, by, aftermath);
    }

    /// Does what was put off: the aftermath of an event, and what goes outward.
    pub(super) fn go_on<'a>(
        &'a self,
        mut guarded: MutexGuard<'a, Guarded>,
        lifetime: &Arc<Lifetime>,
        by: By,
        aftermath: Aftermath,
    ) {
        let goes_outward = !guarded.outward.is_empty();
        if !aftermath.is_empty() {
            drop(guarded);
            aftermath.come(lifetime, by);
            if !goes_outward {
                return;
            }
            guarded = self.lock();
        }
        self.perform(guarded, lifetime, by);
    }

    /// The next moment at which something falls due, if there is one; none at all once the runtime is over.
    fn next_moment(&self) -> Option<Option<Moment>> {
        let guarded = self.lock();
        (!guarded.is_closed).then(|| guarded.next_due())
    }

    /// Brings what falls due, until the runtime is over.
    fn bring_what_is_due(&self, lifetime: &Arc<Lifetime>) {
        while let Some(due) = self.next_moment() {
            let left = due.unwrap_or(Moment::NEVER).since(lifetime.now());
            match self.settles_in() {
                // In real time, as threads settle in that.
                Some(settling) => self.bell.wait(&Clock::system(), settling.min(left)),
                None => self.bell.wait(&lifetime.settings.clock, left),
            }
            self.look_at_settled(lifetime);
            self.begin_wanted_reload(lifetime);
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
}

/// The supervisor of a runtime.
pub(super) fn supervisor(lifetime: &Lifetime) -> &Supervisor {
    let supervisor = lifetime.services.as_any().downcast_ref();
    supervisor.expect("a lifetime is made with a supervisor")
}

/// Which group it is to the supervision.
fn id_of(part: &GroupPart) -> Id {
    Id {
        serial: part.number,
        place: part.place,
    }
}

/// The supervisor's thread. It runs nothing of the user's that could panic; still, services must not go on unwatched.
fn supervise(lifetime: &Arc<Lifetime>) {
    let watch = || supervisor(lifetime).bring_what_is_due(lifetime);
    if let Err(panic) = catch_unwind(AssertUnwindSafe(watch)) {
        let flavour = const { Identifier::new("foster") };
        let origin = Origin::new(Some("supervisor".into()), Location::caller(), flavour);
        let cause = Cause::lost(format!("it panicked: {}", panic_message(panic)));
        lifetime.fail(Failure::new(origin, cause));
    }
}
