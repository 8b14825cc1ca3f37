//! The state shared by the payloads, flavours, tokens, services and the runner of one runtime.

use std::any::Any;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::base::broadcast::Broadcast;
use crate::base::event::Wakers;
use crate::base::manual_time::Sleeper;
use crate::base::moment::{Moment, later};
use crate::base::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::SeqCst};
use crate::base::sync::channel::Sender;
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::base::teller::Teller;
use crate::errors::failure::Failure;
use crate::errors::report::RunError;
use crate::errors::straggler::Straggler;
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::group_part::GroupPart;
use crate::lifetime::holders::Holders;
use crate::lifetime::ledger::Ledger;
use crate::lifetime::phase::Phase;
use crate::lifetime::reason::{Drain, StopBegun};
use crate::lifetime::settings::RuntimeSettings;
use crate::lifetime::telling::Lines;
use crate::lifetime::tokens::Tokens;

/// A message to the runner, through the failure channel.
pub(crate) enum Note {
    /// Something failed.
    Failure(Box<Failure>),
    /// Something changed that the runner may be waiting for.
    Look,
    /// Grace is over now, whatever the clock says.
    CutShort,
    /// Something is to be looked at from this moment on.
    Watch(Weak<dyn Watched>, Instant),
}

/// What the runner looks at while it waits for something else.
pub(crate) trait Watched: Send + Sync {
    /// Looks; returns when to look again, if at all. Runs no code of the user's, and takes no more than a moment.
    fn look(&self) -> Option<Instant>;
}

/// The state that payloads, flavours, tokens and the runner of one runtime share.
pub(crate) struct Lifetime {
    phase: AtomicU8,
    /// When it came to this phase, in nanoseconds since the lifetime was made.
    phase_since: AtomicU64,
    /// Whether the lifetime ever moved from Idle to Starting.
    launched: AtomicBool,
    holders: Holders,
    /// Whether a [`Note::Look`] is on its way, so that a million ends send one.
    looking: AtomicBool,
    pub(super) notes: Sender<Note>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) lines: Lines,
    /// Tells lines: runs subscribers and loggers.
    pub(super) teller: Arc<Teller>,
    /// Runs wakers.
    pub(super) waker: Arc<Teller>,
    /// The callers that wait for a payload, to be released at the end.
    callers: Mutex<Slab<Arc<dyn Caller>>>,
    /// When the lifetime was made, on its clock.
    birth: Instant,
    /// How the stop began. Written once, before the phase says so.
    pub(super) stop: OnceLock<StopBegun>,
    pub(super) drain: Drain,
    /// Notified when the stop begins; a payload's own listeners also when that payload is over.
    pub(crate) tokens: Tokens,
    /// Those who watch what becomes of it.
    pub(super) changes: Broadcast<RuntimeChange>,
    pub(crate) services: Box<dyn Services>,
    pub(crate) settings: RuntimeSettings,
}

/// The services of one runtime.
pub(crate) trait Services: Send + Sync {
    /// Checks those that wait for the start, before anything starts.
    fn seal(&self) -> Result<(), RunError>;

    /// Starts those that wait for the start, and those that come from here on.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor.
    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()>;

    /// Drops those that wait for the start, which never comes.
    fn end_unrun(&self, lifetime: &Lifetime);

    /// Forgets all of them, as nobody can ask for them any more: a service keeps its lifetime alive.
    fn forget(&self);

    /// How many services are over. If it is read before [`served`](Self::served), the two are equal
    /// only if all were over.
    fn over(&self) -> usize;

    /// How many services were taken in.
    fn served(&self) -> usize;

    /// The stop has begun. Takes no lock of the services, and leaves everything else to their thread.
    fn poke(&self);

    /// A signal wants a reload. Takes no lock of the services, and leaves everything else to their thread.
    fn reload_aside(&self);

    /// The stop has begun. Once this returns, the first services whose turn it is have been asked, which their states
    /// show: some hundreds at most. The services' thread goes on with it.
    fn begin_stop(&self, lifetime: &Arc<Lifetime>);

    /// When the next event of a service falls due, for moving a manual clock.
    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant>;

    /// Whether the calling thread runs code of a payload of this runtime.
    fn is_inside(&self, lifetime: &Lifetime) -> bool;

    /// A manual clock was moved: waits until everything that fell due is done.
    fn catch_up(&self, lifetime: &Arc<Lifetime>);

    /// The grace time is over.
    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool);

    /// The runtime is over: ends the remaining services, and waits for their supervisor's thread until `by`, but for
    /// 100 ms at least, and for starters until `by`.
    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport;

    /// Something has changed in a group that its end may be waiting for.
    fn look_at(&self, lifetime: &Arc<Lifetime>, group: &GroupPart);

    /// A payload of a group has failed. What that means is decided inside this call.
    fn fail_in(&self, lifetime: &Arc<Lifetime>, group: &GroupPart, failure: Box<Failure>);

    /// The payload at this address of `part` has children, and has failed or is over.
    fn end_parent(&self, lifetime: &Arc<Lifetime>, address: usize, has_failed: bool);

    /// For the services, which know the type behind the trait.
    fn as_any(&self) -> &dyn Any;
}

/// The services' part of the report.
#[derive(Default)]
pub(crate) struct ServicesReport {
    pub(crate) stragglers: Vec<Straggler>,
    /// Those that may fail.
    pub(crate) excused: Vec<Straggler>,
    /// The services that waited in vain when the stop began.
    pub(crate) in_vain: Vec<String>,
    /// The last failure of each service that may fail, and has.
    pub(crate) tolerated: Vec<Failure>,
}

/// A caller that waits for a payload, and is released when the lifetime is over.
pub(crate) trait Caller: Send + Sync {
    /// Lets the caller go on, with the result if it is there. Returns the wakers that must be woken
    /// for this.
    fn give_up(&self) -> Wakers;
}

impl Lifetime {
    pub(crate) fn new(
        mut settings: RuntimeSettings,
        services: Box<dyn Services>,
        notes: Sender<Note>,
    ) -> Arc<Self> {
        settings.clock = settings.clock.of_runtime();
        let lifetime = Arc::new(Self {
            birth: settings.clock.now(),
            phase: AtomicU8::new(Phase::Idle as u8),
            phase_since: AtomicU64::new(0),
            launched: AtomicBool::new(false),
            holders: Holders::none(),
            looking: AtomicBool::new(false),
            notes,
            ledger: Mutex::default(),
            lines: Lines::new(settings.is_quiet),
            teller: Teller::new("foster teller"),
            waker: Teller::new("foster waker"),
            callers: Mutex::default(),
            stop: OnceLock::new(),
            drain: Drain::default(),
            tokens: Tokens::default(),
            changes: Broadcast::default(),
            services,
            settings,
        });
        let weak = Arc::downgrade(&lifetime);
        lifetime.settings.clock.on_advance(weak);
        lifetime
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        Phase::of_number(self.phase.load(SeqCst))
    }

    /// The present moment on the lifetime's clock.
    pub(crate) fn now(&self) -> Moment {
        self.moment(self.settings.clock.now())
    }

    /// `instant` as a moment of the lifetime.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        Moment::after_birth(instant.saturating_duration_since(self.birth))
    }

    /// `moment` on the lifetime's clock; far in the future if it is never.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        later(self.birth, moment.since_birth())
    }

    /// Moves from exactly `from` to `to`; `false` if the phase was another one.
    pub(crate) fn advance(&self, from: Phase, to: Phase) -> bool {
        let (from, to) = (from as u8, to as u8);
        let has_moved = self
            .phase
            .compare_exchange(from, to, SeqCst, SeqCst)
            .is_ok();
        if has_moved {
            self.note_phase();
        }
        has_moved
    }

    fn note_phase(&self) {
        let age = self.age().as_nanos();
        let age = u64::try_from(age).unwrap_or(u64::MAX);
        self.phase_since.store(age, SeqCst);
    }

    /// For how long it has been in its phase.
    pub(crate) fn phase_age(&self) -> Duration {
        let since = Duration::from_nanos(self.phase_since.load(SeqCst));
        self.age().saturating_sub(since)
    }

    /// For how long it has been there.
    pub(crate) fn age(&self) -> Duration {
        self.settings
            .clock
            .now()
            .saturating_duration_since(self.birth)
    }

    /// Moves from Idle to Starting; `false` if the stop came first.
    pub(crate) fn launch(&self) -> bool {
        let launched = self.advance(Phase::Idle, Phase::Starting);
        if launched {
            self.launched.store(true, SeqCst);
        }
        launched
    }

    /// Whether the runtime was started before the stop began.
    pub(crate) fn was_launched(&self) -> bool {
        self.launched.load(SeqCst)
    }

    /// Has the runner check for changes.
    pub(crate) fn look(&self) {
        if !self.looking.swap(true, SeqCst) {
            self.tell(Note::Look);
        }
    }

    /// The runner is about to check: later changes need a new note.
    pub(crate) fn looked(&self) {
        self.looking.store(false, SeqCst);
    }

    /// Has the runner look at something at `at`, on the system's clock.
    pub(crate) fn watch_from(&self, what: Weak<dyn Watched>, at: Instant) {
        self.tell(Note::Watch(what, at));
    }

    pub(crate) fn cut_short(&self) {
        self.tell(Note::CutShort);
    }

    pub(super) fn tell(&self, note: Note) {
        // An error means that the runner is gone, and there is nothing left to do.
        let _ = self.notes.send(note);
    }

    /// Counts a holder; `false` if the grace time is over.
    #[must_use]
    pub(crate) fn hold(&self) -> bool {
        self.holders.hold()
    }

    /// A counted holder has ended.
    pub(crate) fn release(&self) {
        self.holders.release();
    }

    /// Whether the stop waits for a holder.
    pub(crate) fn is_held(&self) -> bool {
        self.holders.is_held()
    }

    /// How many holders there are outside of groups. All services together are one.
    pub(crate) fn held(&self) -> usize {
        self.holders.count()
    }

    /// Ends the grace time if there are no holders. Returns whether it did.
    #[must_use]
    pub(crate) fn end_grace_if_unheld(&self) -> bool {
        self.holders.end_grace_if_unheld()
    }

    /// Ends the grace time, whether there are holders or not.
    pub(crate) fn end_grace(&self) {
        self.holders.end_grace();
    }

    /// Releases `caller` at the end of the lifetime, unless something else does before.
    pub(crate) fn watch(&self, caller: Arc<dyn Caller>) -> usize {
        let key = self.callers().insert(Arc::clone(&caller));
        // `end` may have come before the insertion, and does not come twice.
        if self.phase() == Phase::Over {
            caller.give_up().wake();
        }
        key
    }

    pub(crate) fn unwatch(&self, key: usize) {
        // Bound to a name so that it is dropped after the lock.
        let _caller = self.callers().try_remove(key);
    }

    /// The lifetime is over: releases every caller that still waits.
    pub(crate) fn end(self: &Arc<Self>) {
        self.phase.store(Phase::Over as u8, SeqCst);
        self.note_phase();
        let callers: Vec<_> = self
            .callers()
            .iter()
            .map(|(_, caller)| Arc::clone(caller))
            .collect();
        let mut wakers = self.tokens.notify_threads();
        wakers.append(self.changes.end());
        for caller in callers {
            wakers.append(caller.give_up());
        }
        self.wake_aside(wakers);
    }

    /// Waits for the end of the threads that run user code aside, at most until `by`; that of the clock has a moment at
    /// least.
    pub(crate) fn join_aside(&self, by: Instant) {
        self.teller.join(by);
        self.waker.join(by);
        self.settings.clock.end(by);
    }

    /// How many callers would be released at the end.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn watched(&self) -> usize {
        self.callers().len()
    }

    fn callers(&self) -> MutexGuard<'_, Slab<Arc<dyn Caller>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleeper for Lifetime {
    fn next_due(&self) -> Option<Instant> {
        let services = self.services.next_due(self);
        services.into_iter().chain(self.drain_deadline()).min()
    }

    fn is_inside(&self) -> bool {
        self.services.is_inside(self)
    }

    fn wake(self: Arc<Self>) {
        self.end_drain_in_time();
        self.look();
        self.services.catch_up(&self);
    }
}
