//! How far a payload has come: every bit of its state, and every change of them.
//!
//! A payload's life:
//!
//! ```text
//!            start              come_to_end (blocking code)           settle
//!   made ─────────────► STARTED ────────────────────────► ENDING ──────────────► SETTLED
//!     │                    │                                ▲                       ▲
//!     ├────────────────────┼────────────────────────────────┘                       │
//!     │                    │       come_to_end: blocking code that never ran        │
//!     └────────────────────┴────────────────────────────────────────────────────────┘
//!                            settle: dropped unrun, cancelled, ready, lost
//! ```
//!
//! Whatever is settled has its bit `STARTED` as well, so that nobody waits for its first poll.
//!
//! Beside that there are bits that are set once and stay: the payload takes a token (`HOLDS`), it is cancelled (`CANCELLED`:
//! alone, by its dropped call or its service; and at the runtime's end each that no run queue polls), a thread waits for its
//! end (`AWAITED`), somebody listens to its token (`LISTENED`), or it has children (`PARENT`). Four facts are set when it is made: whether it is blocking code, came late, has
//! an observer, or a caller.
//!
//! A payload that a run queue polls (`DRIVEN`) stands at exactly one of these points. It begins as
//! `DRIVING`, as its first poll comes without a wake: made so, if its scheduler has a queue already, else
//! by `begin_driven`.
//!
//! ```text
//!                       wake: to be enqueued
//!          idle ────────────────────────────────► QUEUED ◄──────────────┐
//!           ▲                                       │ begin_drive       │ end_drive
//!           │ end_drive                             ▼                   │
//!           └───────────────────────────────── DRIVING ─────────► DRIVING + QUEUED
//!                                                      wake: nothing to do
//! ```
//!
//! A sweep polls a holder where it is idle, and leaves it there. One that another driver takes out of a batch goes from `DRIVING` to
//! `QUEUED` before its first poll.
//!
//! The one that is told [`Wake::Enqueue`] or [`AfterPoll::IsQueued`] puts the payload into the
//! queue, and nobody else ever does. So it stands there at most once, and no wake is lost:
//! `end_drive` sees one that comes during a poll.
//!
//! # Memory order
//!
//! Every change and every read of the bits is one atomic operation of the strongest order
//! (`SeqCst`). Three handshakes rest on that. In each, either side sets its own bit first and reads
//! the other's afterwards:
//!
//! - A waiter or listener sets `AWAITED` or `LISTENED`, and who makes it a parent `PARENT`, and checks `SETTLED`
//!   afterwards. The end of the payload sets `SETTLED` and sees, in the same operation, which of them were set before.
//! - A cancel sets `CANCELLED`, or the runtime's phase, and has the payload polled afterwards. A poll
//!   by the flavour's own means registers the payload first and checks both afterwards.
//! - A cancel sets `CANCELLED` and reads `DRIVEN`, to know whom to wake. The run queue sets `DRIVEN` and
//!   reads `CANCELLED` afterwards (`Task::cancel`).
//!
//! `polling` is a hint, for the report, for a service that is out of time (`Effect::Cut`), and for whoever looks for stalls. The
//! thread that polls writes it as a turn begins and ends; whoever looks may mark the turn, and finds the mark again if that still
//! lasts. `key` is read and written under the lock of the registry that gave it.

mod settled;

pub(crate) use self::settled::Settled;
use crate::base::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::base::sync::atomic::{AtomicU8, AtomicU16, AtomicU32};

/// The payload has had its first poll, or its thread.
const STARTED: u16 = 1;
/// The payload took a shutdown token and counts as a holder.
const HOLDS: u16 = 1 << 1;
/// The payload is to be dropped where it awaits, or unrun.
const CANCELLED: u16 = 1 << 2;
/// The payload is over and counted.
const SETTLED: u16 = 1 << 3;
/// The payload is blocking code, which cannot be cancelled once it has started.
const BLOCKING: u16 = 1 << 4;
/// Somebody waits for the end of a payload without a caller, at a waiter that its scheduler keeps.
const AWAITED: u16 = 1 << 5;
/// The payload is blocking code that has come to its end in time for the report. Only bookkeeping remains.
const ENDING: u16 = 1 << 6;
/// The payload's task is its waker, and the run queue of its scheduler polls it.
const DRIVEN: u16 = 1 << 7;
/// The payload stands in the run queue, or will after its present poll.
const QUEUED: u16 = 1 << 8;
/// The run queue polls the payload, or is about to for the first time.
const DRIVING: u16 = 1 << 9;
/// The payload belongs to a call that came while the runtime was stopping.
const LATE: u16 = 1 << 10;
/// Somebody has listened to a token of the payload, and must be notified of its end.
const LISTENED: u16 = 1 << 11;
/// The payload has an observer.
const OBSERVED: u16 = 1 << 12;

/// The payload has children, which are to hear of its end.
const PARENT: u16 = 1 << 13;
/// A caller waits for the payload.
const CALLED: u16 = 1 << 14;

/// No code of the payload is on a thread.
const NO_TURN: u8 = 0;
/// It is: `true` as a number.
const TURN: u8 = 1;
/// And somebody has seen that.
const MARKED: u8 = 2;

/// The key of a payload that is in no registry.
const NO_KEY: u32 = u32::MAX;

/// How far one payload has come.
pub(crate) struct State {
    bits: AtomicU16,
    /// Whether the payload's code is on a thread right now: [`NO_TURN`], [`TURN`] or [`MARKED`]. Apart from the bits, as a
    /// plain store is enough.
    polling: AtomicU8,
    /// The key under which its scheduler finds the payload: in the slab of the driven payloads if
    /// it is driven, else in the slab of the others.
    key: AtomicU32,
}

/// The facts known when a payload is made.
#[derive(Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) is_blocking: bool,
    pub(crate) is_late: bool,
    pub(crate) is_observed: bool,
    /// It has a caller.
    pub(crate) is_called: bool,
    /// Its scheduler has a run queue, which polls the payload unless it is blocking code.
    pub(crate) has_queue: bool,
}

/// What a wake requires.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The payload is to be put into the run queue.
    Enqueue,
    /// Nothing: the payload is queued, or will be after its present poll, or no run queue polls it,
    /// or it is over.
    Nothing,
}

/// The state of a payload that the run queue has polled and that is not over.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterPoll {
    /// It waits for a wake.
    IsIdle,
    /// It was woken during the poll, and must be put into the run queue.
    IsQueued,
}

impl State {
    #[inline]
    pub(crate) fn new(birth: Birth) -> Self {
        let bit = |is: bool, bit| if is { bit } else { 0 };
        // The run queue is about to poll it for the first time.
        let driven = bit(birth.has_queue && !birth.is_blocking, DRIVEN | DRIVING);
        let bits = bit(birth.is_blocking, BLOCKING)
            | bit(birth.is_late, LATE)
            | bit(birth.is_observed, OBSERVED)
            | bit(birth.is_called, CALLED)
            | driven;
        Self {
            bits: AtomicU16::new(bits),
            polling: AtomicU8::new(NO_TURN),
            key: AtomicU32::new(NO_KEY),
        }
    }

    fn has(&self, bit: u16) -> bool {
        self.bits.load(SeqCst) & bit != 0
    }

    /// Sets `bit`. Returns whether it was clear before.
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

    pub(crate) fn is_parent(&self) -> bool {
        self.has(PARENT)
    }

    pub(crate) fn is_holder(&self) -> bool {
        self.has(HOLDS)
    }

    /// Whether the payload itself was cancelled: a phase may cancel all of them.
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

    /// Whether the payload stands in the run queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.has(QUEUED)
    }

    /// Marks the first poll, or the start of the thread. Returns whether this call is the first.
    #[must_use]
    pub(crate) fn start(&self) -> bool {
        self.set(STARTED)
    }

    /// Takes a token that counts. Returns whether it is the first one.
    #[must_use]
    pub(crate) fn take_token(&self) -> bool {
        self.set(HOLDS)
    }

    /// Cancels the payload. Returns whether this call is the first.
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

    /// The payload has children.
    pub(crate) fn become_parent(&self) {
        self.set(PARENT);
    }

    /// The code of a blocking payload has come to its end.
    pub(crate) fn come_to_end(&self) {
        let is_first = self.set(ENDING);
        debug_assert!(is_first, "code comes to its end once");
    }

    /// Marks the payload as over. The first call returns the bits at the end.
    #[must_use]
    pub(crate) fn settle(&self) -> Option<Settled> {
        let before = self.bits.fetch_or(SETTLED | STARTED, SeqCst);
        (before & SETTLED == 0).then_some(Settled(before))
    }

    /// From here on the run queue polls the payload, and is about to do so for the first time.
    pub(crate) fn begin_driven(&self) {
        if !self.is_driven() {
            let before = self.bits.fetch_or(DRIVEN | DRIVING, SeqCst);
            debug_assert_eq!(before & (DRIVEN | DRIVING | BLOCKING), 0);
        }
    }

    /// Something other than the run queue polls the payload, before the run queue has.
    pub(crate) fn leave_driven(&self) {
        if self.is_driven() {
            let before = self.bits.fetch_and(!(DRIVEN | DRIVING), SeqCst);
            debug_assert_eq!(before & (DRIVING | STARTED), DRIVING);
        }
    }

    /// The run queue has taken the payload out and is about to poll it.
    pub(crate) fn begin_drive(&self) {
        // One operation for both bits, as their values are known.
        let before = self.bits.fetch_xor(QUEUED | DRIVING, SeqCst);
        debug_assert_eq!(before & (DRIVEN | QUEUED | DRIVING), DRIVEN | QUEUED);
    }

    /// Another driver takes the payload, which waits for its first poll, out of a batch and into the queue.
    pub(crate) fn leave_batch(&self) {
        // As if it were woken in that poll.
        self.bits.fetch_or(QUEUED, SeqCst);
        let after = self.end_drive();
        debug_assert_eq!(after, AfterPoll::IsQueued);
    }

    /// The run queue has polled the payload, which is not over.
    pub(crate) fn end_drive(&self) -> AfterPoll {
        let before = self.bits.fetch_and(!DRIVING, SeqCst);
        debug_assert_eq!(before & (DRIVEN | DRIVING), DRIVEN | DRIVING);
        match before & QUEUED == 0 {
            true => AfterPoll::IsIdle,
            false => AfterPoll::IsQueued,
        }
    }

    /// Wakes the payload.
    pub(crate) fn wake(&self) -> Wake {
        let before = self.bits.fetch_or(QUEUED, SeqCst);
        match before & (DRIVEN | QUEUED | DRIVING | SETTLED) == DRIVEN {
            true => Wake::Enqueue,
            false => Wake::Nothing,
        }
    }

    pub(crate) fn set_polling(&self, polling: bool) {
        self.polling.store(u8::from(polling), Release);
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.polling.load(Acquire) != NO_TURN
    }

    /// Marks the present turn, if there is one. `Some(true)` if it was marked before.
    pub(crate) fn mark_turn(&self) -> Option<bool> {
        let marked = self.polling.compare_exchange(TURN, MARKED, AcqRel, Acquire);
        match marked {
            Ok(_) => Some(false),
            Err(NO_TURN) => None,
            Err(_) => Some(true),
        }
    }

    /// Sets the key under which its scheduler finds the payload.
    pub(crate) fn set_key(&self, key: usize) {
        // A registry of four thousand million payloads does not fit into memory.
        let key = u32::try_from(key).unwrap_or(NO_KEY);
        self.key.store(key, Relaxed);
    }

    /// As [`set_key`](Self::set_key), before `is_settled` is read: whoever ends the payload settles it before it reads the key.
    pub(crate) fn publish_key(&self, key: usize) {
        self.key.store(u32::try_from(key).unwrap_or(NO_KEY), SeqCst);
    }

    pub(crate) fn key(&self) -> Option<usize> {
        let key = self.key.load(SeqCst);
        (key != NO_KEY).then_some(key as usize)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
