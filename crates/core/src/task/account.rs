//! One payload's account: who it is and how far it has come.

use std::borrow::Cow;
use std::panic::Location;

use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::base::sync::atomic::{AtomicBool, AtomicU16, AtomicU32};
use crate::errors::failure::Origin;
use crate::lifetime::{Lifetime, Phase};
use crate::scheduler::Slot;
use crate::service::Attempt;

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

/// Somebody waits for the end of a payload without a caller, at a gate that its slot keeps.
const GATED: u16 = 1 << 5;

/// Nothing of the payload's code is left to run: what is missing is its account alone.
const ENDING: u16 = 1 << 6;

/// The payload is woken by its own record, and polled by the run queue of its slot.
const DRIVEN: u16 = 1 << 7;
/// The payload stands in the run queue, or will when it has been polled.
const QUEUED: u16 = 1 << 8;
/// The run queue polls the payload.
const DRIVING: u16 = 1 << 9;

/// The payload is a call's that came while the runtime was stopping.
const LATE: u16 = 1 << 10;
/// Somebody has listened to a token of the payload, and is to hear of its end.
const LISTENED: u16 = 1 << 11;

/// The key of a record that is in no registry.
const UNREGISTERED: u32 = u32::MAX;

/// Who a payload is and how far it has come.
pub(crate) struct Account {
    header: Header,
    state: AtomicU16,
    /// Whether the payload's code is on some thread right now. Apart from `state`, as a plain store
    /// is enough: only the thread that polls writes it.
    polling: AtomicBool,
    /// Written under the registry's lock.
    registered_as: AtomicU32,
}

/// Who a payload is, and which slot it is on.
pub(crate) enum Header {
    Unnamed(Place, Arc<Slot>),
    /// Boxed, as most payloads have no name.
    Named(Box<Named>),
    /// It is one run of a service, whose unit knows the slot.
    Service(Attempt),
}

pub(crate) struct Named {
    name: Cow<'static, str>,
    place: Place,
    slot: Arc<Slot>,
}

/// Where a payload was handed in.
pub(crate) type Place = &'static Location<'static>;

impl Header {
    pub(crate) fn new(name: Option<Cow<'static, str>>, place: Place, slot: Arc<Slot>) -> Self {
        match name {
            Some(name) => Self::Named(Box::new(Named { name, place, slot })),
            None => Self::Unnamed(place, slot),
        }
    }

    fn slot(&self) -> &Arc<Slot> {
        match self {
            Self::Unnamed(_, slot) => slot,
            Self::Named(named) => &named.slot,
            Self::Service(attempt) => attempt.unit().slot(),
        }
    }

    /// The run of a service that the payload is, if it is one.
    fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Service(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        let (name, place) = match self {
            Self::Service(attempt) => return attempt.unit().origin(),
            Self::Named(named) => (Some(named.name.clone()), named.place),
            Self::Unnamed(place, _) => (None, *place),
        };
        Origin::new(name, place, self.slot().identifier().clone())
    }
}

/// What a payload had come to when it was over.
pub(crate) struct Ended {
    pub(crate) started: bool,
    pub(crate) held: bool,
    pub(crate) is_late: bool,
}

impl Account {
    pub(crate) fn new(header: Header, blocking: bool, is_late: bool) -> Self {
        let late = if is_late { LATE } else { 0 };
        let state = match header.slot().has_queue() {
            _ if blocking => BLOCKING | late,
            // As it will be polled by that.
            true => DRIVEN | DRIVING | late,
            false => late,
        };
        Self {
            header,
            state: AtomicU16::new(state),
            polling: AtomicBool::new(false),
            registered_as: AtomicU32::new(UNREGISTERED),
        }
    }

    fn has(&self, bit: u16) -> bool {
        self.state.load(SeqCst) & bit != 0
    }

    /// Sets `bit`; whether it was clear before.
    fn set(&self, bit: u16) -> bool {
        self.state.fetch_or(bit, SeqCst) & bit == 0
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.has(BLOCKING)
    }

    /// Says that the payload starts; whether this is the first to say so.
    pub(crate) fn start(&self) -> bool {
        self.set(STARTED)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.has(LATE)
    }

    pub(crate) fn is_started(&self) -> bool {
        self.has(STARTED)
    }

    /// Says that the payload took a token, and counts; whether this is the first to say so.
    pub(crate) fn set_holder(&self) -> bool {
        self.set(HOLDS)
    }

    pub(crate) fn is_holder(&self) -> bool {
        self.has(HOLDS)
    }

    pub(crate) fn set_polling(&self, polling: bool) {
        self.polling.store(polling, Release);
    }

    pub(crate) fn is_polling(&self) -> bool {
        self.polling.load(Acquire)
    }

    /// Whether the payload is to be dropped at its next poll.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED) || self.lifetime().phase() >= Phase::Cancelling
    }

    /// Asks the payload's next poll to drop it; whether this is the first to ask.
    pub(crate) fn set_cancelled(&self) -> bool {
        self.set(CANCELLED)
    }

    /// From here on the run queue polls the payload, which it is about to do for the first time.
    pub(crate) fn begin_driven(&self) {
        if !self.is_driven() {
            self.state.fetch_or(DRIVEN | DRIVING, SeqCst);
        }
    }

    /// The payload is polled by other means than the run queue of its slot.
    pub(crate) fn leave_driven(&self) {
        if self.is_driven() {
            self.state.fetch_and(!(DRIVEN | DRIVING), SeqCst);
        }
    }

    /// The run queue has taken the payload out and is about to poll it.
    pub(crate) fn begin_drive(&self) {
        self.state.fetch_xor(QUEUED | DRIVING, SeqCst);
    }

    /// The run queue has polled the payload, which is not over; whether it has been woken meanwhile. Then it
    /// counts as standing in the queue.
    pub(crate) fn end_drive(&self) -> bool {
        self.state.fetch_and(!DRIVING, SeqCst) & QUEUED != 0
    }

    /// Whether the payload stands in the run queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.has(QUEUED)
    }

    /// Takes a wake; whether the payload is to be put into the run queue for it.
    pub(crate) fn take_wake(&self) -> bool {
        self.state.fetch_or(QUEUED, SeqCst) & (QUEUED | DRIVING | SETTLED) == 0
    }

    pub(crate) fn is_driven(&self) -> bool {
        self.has(DRIVEN)
    }

    /// Says that somebody waits at a gate that the slot keeps.
    pub(crate) fn set_gated(&self) {
        self.set(GATED);
    }

    pub(crate) fn is_gated(&self) -> bool {
        self.has(GATED)
    }

    /// Says that the payload's code has come to its end.
    pub(crate) fn set_ending(&self) {
        self.set(ENDING);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.has(ENDING)
    }

    /// Says that the payload is over; what it had come to, if this is the first to say so.
    pub(crate) fn settle(&self) -> Option<Ended> {
        let before = self.state.fetch_or(SETTLED | STARTED, SeqCst);
        (before & SETTLED == 0).then_some(Ended {
            started: before & STARTED != 0,
            held: before & HOLDS != 0,
            is_late: before & LATE != 0,
        })
    }

    /// Says that somebody listens to a token of the payload.
    pub(crate) fn set_listened(&self) {
        self.set(LISTENED);
    }

    pub(crate) fn is_listened(&self) -> bool {
        self.has(LISTENED)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.has(SETTLED)
    }

    pub(crate) fn set_registered_as(&self, key: usize) {
        // A registry of four thousand million payloads does not fit into memory.
        let key = u32::try_from(key).unwrap_or(UNREGISTERED);
        self.registered_as.store(key, Relaxed);
    }

    /// The record's key in the registry.
    pub(crate) fn registered_as(&self) -> Option<usize> {
        let key = self.registered_as.load(Relaxed);
        (key != UNREGISTERED).then_some(key as usize)
    }

    /// Where the record is, which tells it from all others as long as it is there.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        self.header.slot()
    }

    /// Whether it is a run of a service.
    pub(crate) fn is_service(&self) -> bool {
        self.attempt().is_some()
    }

    /// The run of a service that the payload is, if it is one.
    pub(crate) fn attempt(&self) -> Option<&Attempt> {
        self.header.attempt()
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.slot().lifetime
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        self.header.origin()
    }
}
