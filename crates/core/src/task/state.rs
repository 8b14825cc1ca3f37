//! How far one payload has come: all bits of its state, and every change of them.
//!
//! A payload's life:
//!
//! ```text
//!            start              come_to_end (blocking code)           settle
//!   made ─────────────► STARTED ────────────────────────► ENDING ──────────────► SETTLED
//!     │                    │                                                        ▲
//!     └────────────────────┴────────────────────────────────────────────────────────┘
//!                            settle: dropped unrun, cancelled, ready, lost
//! ```
//!
//! Beside that, and each at most once: it takes a token (`HOLDS`), is cancelled alone (`CANCELLED`), somebody waits
//! for its end (`AWAITED`) or listens to its token (`LISTENED`). Whether it is blocking code, came late, or is somebody's
//! who observes it is said when it is made.
//!
//! A payload that a run queue polls (`DRIVEN`) stands in exactly one of these places:
//!
//! ```text
//!                       wake: to be enqueued
//!          idle ────────────────────────────────► QUEUED
//!           ▲                                       │ begin_drive
//!           │ end_drive                             ▼
//!           └───────────────────────────────── DRIVING ◄── begin_driven
//!                                               │    ▲
//!                            wake: nothing to do│    │ begin_drive
//!                                               ▼    │
//!                                      DRIVING + QUEUED ── end_drive ──► QUEUED
//! ```
//!
//! Who has it polled puts it into the queue exactly where [`Wake::Enqueue`] or [`AfterPoll::IsQueued`] says so; nothing
//! else ever does. So it stands there at most once, and no wake is lost: one that comes during a poll is seen by
//! `end_drive`.
//!
//! # Memory order
//!
//! Every change is one atomic operation of the strongest order (`SeqCst`), and so is every look at the bits. Two
//! handshakes rest on that, each of the form "say it first, and look at the other's word afterwards":
//!
//! - who waits for the end or listens sets `AWAITED` or `LISTENED` and looks for `SETTLED` afterwards; who ends the payload
//!   sets `SETTLED` and sees in the same operation which of the two were set before;
//! - who cancels sets `CANCELLED`, or the runtime's phase, and has the payload polled afterwards; who polls registers it
//!   first and looks for both afterwards.
//!
//! `polling` is a hint for the report, written by the thread that polls alone. `key` is read and written under the lock
//! of the registry that gave it.

use crate::base::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::base::sync::atomic::{AtomicBool, AtomicU16, AtomicU32};

/// The payload has had its first poll, or its thread.
const STARTED: u16 = 1;
/// The payload took a shutdown token, and counts as a holder.
const HOLDS: u16 = 1 << 1;
/// The payload is to be dropped where it awaits, or unrun.
const CANCELLED: u16 = 1 << 2;
/// The payload is over and accounted for.
const SETTLED: u16 = 1 << 3;
/// The payload is blocking code, which cannot be cancelled once it has started.
const BLOCKING: u16 = 1 << 4;
/// Somebody waits for the end of a payload without a caller, at a waiter that its scheduler keeps.
const AWAITED: u16 = 1 << 5;
/// The payload's code has come to its end. Only bookkeeping remains.
const ENDING: u16 = 1 << 6;
/// The payload is woken by its own task, and polled by the run queue of its scheduler.
const DRIVEN: u16 = 1 << 7;
/// The payload stands in the run queue, or will when it has been polled.
const QUEUED: u16 = 1 << 8;
/// The run queue polls the payload.
const DRIVING: u16 = 1 << 9;
/// The payload is a call's that came while the runtime was stopping.
const LATE: u16 = 1 << 10;
/// Somebody has listened to a token of the payload, and is to hear of its end.
const LISTENED: u16 = 1 << 11;
/// Somebody observes the payload's life.
const OBSERVED: u16 = 1 << 12;

/// The key of a payload that is in no registry.
const NO_KEY: u32 = u32::MAX;

/// How far one payload has come.
pub(crate) struct State {
    bits: AtomicU16,
    /// Whether the payload's code is on some thread right now. Apart from the bits, as a plain store is enough.
    polling: AtomicBool,
    /// Under which key its scheduler finds it: in the slab of those that a run queue polls if it is driven, else in
    /// that of all others.
    key: AtomicU32,
}

/// What is known of a payload as it is made.
#[derive(Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) is_blocking: bool,
    pub(crate) is_late: bool,
    pub(crate) is_observed: bool,
    /// Its scheduler has a run queue, which will poll it unless it is blocking code.
    pub(crate) has_queue: bool,
}

/// What a wake asks for.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The payload is to be put into the run queue.
    Enqueue,
    /// Nothing: it is there, or will be after its present poll, or no run queue polls it, or it is over.
    Nothing,
}

/// Where a payload is that the run queue has polled, and that is not over.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterPoll {
    /// It waits to be woken.
    IsIdle,
    /// It was woken meanwhile, and is to be put into the run queue.
    IsQueued,
}

/// What a payload had come to when it was over.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct Settled(u16);

impl Settled {
    fn had(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    pub(crate) fn had_started(self) -> bool {
        self.had(STARTED)
    }

    pub(crate) fn was_holder(self) -> bool {
        self.had(HOLDS)
    }

    pub(crate) fn was_late(self) -> bool {
        self.had(LATE)
    }

    /// Whether somebody waits at a waiter that the scheduler keeps: whoever comes later sees that it is over.
    pub(crate) fn was_awaited(self) -> bool {
        self.had(AWAITED)
    }

    /// Whether somebody listens to a token: whoever comes later sees that it is over.
    pub(crate) fn was_listened(self) -> bool {
        self.had(LISTENED)
    }

    pub(crate) fn was_observed(self) -> bool {
        self.had(OBSERVED)
    }
}

impl State {
    #[inline]
    pub(crate) fn new(birth: Birth) -> Self {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        // The run queue is about to poll it, for the first time.
        let driven = bit(birth.has_queue && !birth.is_blocking, DRIVEN | DRIVING);
        let bits = bit(birth.is_blocking, BLOCKING)
            | bit(birth.is_late, LATE)
            | bit(birth.is_observed, OBSERVED)
            | driven;
        Self {
            bits: AtomicU16::new(bits),
            polling: AtomicBool::new(false),
            key: AtomicU32::new(NO_KEY),
        }
    }

    fn has(&self, bit: u16) -> bool {
        self.bits.load(SeqCst) & bit != 0
    }

    /// Sets `bit`; whether it was clear before.
    fn set(&self, bit: u16) -> bool {
        self.bits.fetch_or(bit, SeqCst) & bit == 0
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.has(BLOCKING)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.has(LATE)
    }

    pub(crate) fn is_observed(&self) -> bool {
        self.has(OBSERVED)
    }

    pub(crate) fn is_started(&self) -> bool {
        self.has(STARTED)
    }

    pub(crate) fn is_holder(&self) -> bool {
        self.has(HOLDS)
    }

    /// Whether it was cancelled alone.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.has(ENDING)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.has(SETTLED)
    }

    pub(crate) fn is_driven(&self) -> bool {
        self.has(DRIVEN)
    }

    /// Whether it stands in the run queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.has(QUEUED)
    }

    /// Has its first poll, or its thread. Whether this is the first to say so.
    #[must_use]
    pub(crate) fn start(&self) -> bool {
        self.set(STARTED)
    }

    /// Takes a token that counts. Whether this is the first one.
    #[must_use]
    pub(crate) fn take_token(&self) -> bool {
        self.set(HOLDS)
    }

    /// Is cancelled alone. Whether this is the first to ask for it.
    #[must_use]
    pub(crate) fn cancel(&self) -> bool {
        self.set(CANCELLED)
    }

    /// Somebody waits for the end, at a waiter that the scheduler keeps.
    pub(crate) fn waiter(&self) {
        self.set(AWAITED);
    }

    /// Somebody listens to a token.
    pub(crate) fn listen(&self) {
        self.set(LISTENED);
    }

    /// The code of a blocking payload has come to its end.
    pub(crate) fn come_to_end(&self) {
        let is_first = self.set(ENDING);
        debug_assert!(is_first, "code comes to its end once");
    }

    /// Is over. What it had come to, if this is the first to say so.
    #[must_use]
    pub(crate) fn settle(&self) -> Option<Settled> {
        let before = self.bits.fetch_or(SETTLED | STARTED, SeqCst);
        (before & SETTLED == 0).then_some(Settled(before))
    }

    /// From here on the run queue polls it, which it is about to do for the first time.
    pub(crate) fn begin_driven(&self) {
        if !self.is_driven() {
            let before = self.bits.fetch_or(DRIVEN | DRIVING, SeqCst);
            debug_assert_eq!(before & (DRIVEN | DRIVING | BLOCKING), 0);
        }
    }

    /// It is polled by other means than the run queue, before that has had its turn.
    pub(crate) fn leave_driven(&self) {
        if self.is_driven() {
            let before = self.bits.fetch_and(!(DRIVEN | DRIVING), SeqCst);
            debug_assert_eq!(before & (DRIVING | STARTED), DRIVING);
        }
    }

    /// The run queue has taken it out, and is about to poll it.
    pub(crate) fn begin_drive(&self) {
        // One operation for both bits: they are known.
        let before = self.bits.fetch_xor(QUEUED | DRIVING, SeqCst);
        debug_assert_eq!(before & (DRIVEN | QUEUED | DRIVING), DRIVEN | QUEUED);
    }

    /// The run queue has polled it, and it is not over.
    pub(crate) fn end_drive(&self) -> AfterPoll {
        let before = self.bits.fetch_and(!DRIVING, SeqCst);
        debug_assert_eq!(before & (DRIVEN | DRIVING), DRIVEN | DRIVING);
        match before & QUEUED == 0 {
            true => AfterPoll::IsIdle,
            false => AfterPoll::IsQueued,
        }
    }

    /// Is woken.
    pub(crate) fn wake(&self) -> Wake {
        let before = self.bits.fetch_or(QUEUED, SeqCst);
        match before & (DRIVEN | QUEUED | DRIVING | SETTLED) == DRIVEN {
            true => Wake::Enqueue,
            false => Wake::Nothing,
        }
    }

    pub(crate) fn set_polling(&self, polling: bool) {
        self.polling.store(polling, Release);
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.polling.load(Acquire)
    }

    /// Says under which key its scheduler finds it.
    pub(crate) fn set_key(&self, key: usize) {
        // A registry of four thousand million payloads does not fit into memory.
        let key = u32::try_from(key).unwrap_or(NO_KEY);
        self.key.store(key, Relaxed);
    }

    pub(crate) fn key(&self) -> Option<usize> {
        let key = self.key.load(Relaxed);
        (key != NO_KEY).then_some(key as usize)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
