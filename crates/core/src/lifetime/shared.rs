//! The state shared by the payloads, flavours, tokens, services and the runner of one runtime.

use std::any::Any;
use std::time::Instant;

use slab::Slab;

use crate::base::clock::{Sleeper, later};
use crate::base::event::Wakers;
use crate::base::moment::Moment;
use crate::base::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use crate::base::sync::channel::Sender;
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use crate::base::teller::Teller;
use crate::errors::failure::Failure;
use crate::errors::report::{RunError, Straggler};
use crate::lifetime::holders::Holders;
use crate::lifetime::ledger::Ledger;
use crate::lifetime::phase::Phase;
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
}

/// The state that payloads, flavours, tokens and the runner of one runtime share.
pub(crate) struct Lifetime {
    phase: AtomicU8,
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
    stop: OnceLock<StopBegun>,
    /// Notified when the stop begins; a payload's own listeners also when that payload is over.
    pub(crate) tokens: Tokens,
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

    /// The stop has begun. Once this returns, the first services whose turn it is have been asked, which their states
    /// show: some hundreds at most. The services' thread goes on with it.
    fn begin_stop(&self, lifetime: &Arc<Lifetime>);

    /// When the next event of a service falls due, for moving a manual clock.
    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant>;

    /// A manual clock was moved: waits until everything that fell due is done.
    fn catch_up(&self, lifetime: &Arc<Lifetime>);

    /// The grace time is over.
    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool);

    /// The runtime is over: ends the remaining services, and waits for their supervisor's thread until `by`, but for
    /// 100 ms at least, and for starters until `by`.
    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport;

    /// For the services, which know the type behind the trait.
    fn as_any(&self) -> &dyn Any;
}

/// The services' part of the report.
#[derive(Default)]
pub(crate) struct ServicesReport {
    pub(crate) stragglers: Vec<Straggler>,
    /// The services that waited in vain when the stop began.
    pub(crate) in_vain: Vec<String>,
}

/// A caller that waits for a payload, and is released when the lifetime is over.
pub(crate) trait Caller: Send + Sync {
    /// Lets the caller go on, with the result if it is there. Returns the wakers that must be woken
    /// for this.
    fn give_up(&self) -> Wakers;
}

/// How the stop of a runtime began.
#[derive(Debug, Clone, Copy)]
struct StopBegun {
    /// When, on the clock.
    began: Instant,
    /// When, in real time, if a failure began it.
    failing_since: Option<Instant>,
}

impl Lifetime {
    pub(crate) fn new(
        settings: RuntimeSettings,
        services: Box<dyn Services>,
        notes: Sender<Note>,
    ) -> Arc<Self> {
        let lifetime = Arc::new(Self {
            birth: settings.clock.now(),
            phase: AtomicU8::new(Phase::Idle as u8),
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
            tokens: Tokens::default(),
            services,
            settings,
        });
        let weak = Arc::downgrade(&lifetime);
        lifetime.settings.clock.on_advance(weak);
        lifetime
    }

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
        self.phase
            .compare_exchange(from as u8, to as u8, SeqCst, SeqCst)
            .is_ok()
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

    /// Begins the stop, unless it has begun. From here on adopts are refused, and every token but those
    /// of services says that the end is requested. Returns whether the stop began here.
    ///
    /// Wakers run inside this call, so no thread of Foster's calls it: see
    /// [`stop_aside`](Self::stop_aside).
    pub(crate) fn stop(self: &Arc<Self>) -> bool {
        let begun = self.flip(None);
        if begun {
            let wakers = self.announce();
            self.services.begin_stop(self);
            wakers.wake();
        }
        begun
    }

    /// As [`stop`](Self::stop), but wakers run on another thread.
    pub(crate) fn stop_aside(self: &Arc<Self>) -> bool {
        let begun = self.flip(None);
        if begun {
            self.wake_aside(self.announce());
        }
        begun
    }

    /// When a failure began the stop, in real time. `None` if none did.
    pub(crate) fn failing_since(&self) -> Option<Instant> {
        self.stop.get()?.failing_since
    }

    /// Begins the stop, unless it has begun. A failure passes its time in `failing_since`.
    pub(super) fn flip(&self, failing_since: Option<Instant>) -> bool {
        loop {
            let phase = self.phase();
            if phase >= Phase::Stopping {
                return false;
            }
            // Before the phase, which the runner checks first. If another thread was first, both came at this
            // moment, and either may count as the cause.
            let began = self.settings.clock.now();
            let _ = self.stop.set(StopBegun {
                began,
                failing_since,
            });
            if self.advance(phase, Phase::Stopping) {
                return true;
            }
        }
    }

    /// The end of the grace time. It counts from the moment of the stop and not from when the
    /// runner sees the stop, so that a test with a manual clock need not wait for the runner.
    pub(crate) fn grace_deadline(&self) -> Instant {
        let began = self.stop.get().map(|stop| stop.began);
        let began = began.unwrap_or_else(|| self.settings.clock.now());
        later(began, self.settings.grace)
    }

    /// Releases everyone who waits for the stop. Those with wakers are left to the caller: they are
    /// returned.
    pub(super) fn announce(&self) -> Wakers {
        self.look();
        self.services.poke();
        self.tokens.notify_threads()
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
        let callers: Vec<_> = self
            .callers()
            .iter()
            .map(|(_, caller)| Arc::clone(caller))
            .collect();
        let mut wakers = self.tokens.notify_threads();
        for caller in callers {
            wakers.append(caller.give_up());
        }
        self.wake_aside(wakers);
    }

    /// Waits for the end of the threads that run user code aside, at most until `by`.
    pub(crate) fn join_aside(&self, by: Instant) {
        self.teller.join(by);
        self.waker.join(by);
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
        self.services.next_due(self)
    }

    fn wake(self: Arc<Self>) {
        self.look();
        self.tokens.notify_threads().wake();
        self.services.catch_up(&self);
    }
}
