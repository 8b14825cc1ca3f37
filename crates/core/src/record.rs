//! One payload's record: who it is and how far it has come.

use std::borrow::Cow;
use std::panic::Location;

use crate::body::Body;
use crate::failure::{Cause, Failure, Origin};
use crate::lifetime::Lifetime;
use crate::reply::Gate;
use crate::service::Attempt;
use crate::slot::Slot;
use crate::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The payload has had its first poll, or its thread.
const STARTED: u8 = 1;
/// The payload took a shutdown token, and counts as a holder.
const HOLDS: u8 = 1 << 1;
/// The payload is to be dropped where it awaits, or unrun.
const CANCELLED: u8 = 1 << 2;
/// The payload is over and accounted for.
const SETTLED: u8 = 1 << 3;
/// The payload is blocking code, which cannot be cancelled once it has started.
const BLOCKING: u8 = 1 << 4;

/// Somebody waits for the end of a payload without a caller, at a gate that its slot keeps.
const GATED: u8 = 1 << 5;

/// Nothing of the payload's code is left to run: what is missing is its account alone.
const ENDING: u8 = 1 << 6;

/// The key of a record that is in no registry.
const UNREGISTERED: u32 = u32::MAX;

/// What Foster knows of one payload, and the payload's code itself, in one allocation. Shared by the
/// payload, its shutdown tokens and, between start and end, the registry of its slot.
///
/// Kept small: an allocation that one thread makes and another frees is much cheaper for common
/// allocators if it is small, and a payload of little code has to stay below that size.
pub(crate) struct Record<B: ?Sized = dyn Body> {
    header: Header,
    state: AtomicU8,
    /// Whether the payload's code is on some thread right now. Apart from `state`, as a plain store
    /// is enough: only the thread that polls writes it.
    polling: AtomicBool,
    /// Written under the registry's lock.
    registered_as: AtomicU32,
    /// Where its caller waits, if it has one.
    gate: Option<Arc<dyn Gate>>,
    /// Locked by the payload's one envelope alone, so never waited for.
    body: Mutex<B>,
}

/// Who a payload is.
pub(crate) struct Header {
    label: Label,
    slot: Arc<Slot>,
}

/// What a payload is known by. Of two words, as every payload has one.
enum Label {
    Place(Place),
    /// Boxed, as most payloads have no name.
    Named(Box<(Cow<'static, str>, Place)>),
    /// It is one run of a service.
    Service(Arc<Attempt>),
}

/// Where a payload was handed in.
pub(crate) type Place = &'static Location<'static>;

impl Header {
    pub(crate) fn new(name: Option<Cow<'static, str>>, place: Place, slot: Arc<Slot>) -> Self {
        let label = match name {
            Some(name) => Label::Named(Box::new((name, place))),
            None => Label::Place(place),
        };
        Self { label, slot }
    }

    /// For one run of a service.
    pub(crate) fn of_service(attempt: Arc<Attempt>) -> Self {
        Self {
            slot: Arc::clone(attempt.unit().slot()),
            label: Label::Service(attempt),
        }
    }

    /// The run of a service that the payload is, if it is one.
    pub(crate) fn attempt(&self) -> Option<&Arc<Attempt>> {
        match &self.label {
            Label::Service(attempt) => Some(attempt),
            _ => None,
        }
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        let (name, place) = match &self.label {
            Label::Service(attempt) => return attempt.unit().origin(),
            Label::Named(named) => (Some(named.0.clone()), named.1),
            Label::Place(place) => (None, *place),
        };
        Origin::new(name, place, self.slot.identifier().clone())
    }
}

/// What a payload had come to when it was over.
pub(crate) struct Ended {
    pub(crate) started: bool,
    pub(crate) held: bool,
}

impl<B> Record<B> {
    pub(crate) fn new(
        header: Header,
        gate: Option<Arc<dyn Gate>>,
        blocking: bool,
        body: B,
    ) -> Self {
        Self {
            header,
            state: AtomicU8::new(if blocking { BLOCKING } else { 0 }),
            polling: AtomicBool::new(false),
            registered_as: AtomicU32::new(UNREGISTERED),
            gate,
            body: Mutex::new(body),
        }
    }
}

impl Record {
    fn has(&self, bit: u8) -> bool {
        self.state.load(SeqCst) & bit != 0
    }

    /// Sets `bit`; whether it was clear before.
    fn set(&self, bit: u8) -> bool {
        self.state.fetch_or(bit, SeqCst) & bit == 0
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.has(BLOCKING)
    }

    /// Says that the payload starts; whether this is the first to say so.
    pub(crate) fn start(&self) -> bool {
        self.set(STARTED)
    }

    pub(crate) fn is_started(&self) -> bool {
        self.has(STARTED)
    }

    /// Says that the payload took a token; whether this is the first to say so.
    pub(crate) fn hold(&self) -> bool {
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

    /// Asks the payload's next poll to drop it, and brings that poll about.
    pub(crate) fn cancel(&self) {
        if self.set(CANCELLED) {
            self.slot().wake(self);
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
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
        })
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

    /// The gate to wait at for the payload's end.
    pub(crate) fn gate(&self) -> Arc<dyn Gate> {
        if let Some(gate) = &self.gate {
            return Arc::clone(gate);
        }
        self.set(GATED);
        let gate = self.slot().gate_of(self);
        // It may have ended between the two, and then nobody opens the gate any more.
        if self.is_settled() {
            self.slot().take_gate_of(self);
        }
        gate
    }

    /// Lets whoever waits for the payload's end go on, its supervisor included.
    pub(crate) fn open_gate(&self) {
        if let Some(attempt) = self.attempt() {
            attempt.end();
        }
        if let Some(gate) = &self.gate {
            gate.open();
        }
        if self.has(GATED) {
            self.slot().take_gate_of(self);
        }
    }

    /// Where the record is, which tells it from all others as long as it is there.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self).cast::<()>().addr()
    }

    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.header.slot
    }

    /// The run of a service that the payload is, if it is one.
    pub(crate) fn attempt(&self) -> Option<&Arc<Attempt>> {
        self.header.attempt()
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        &self.header.slot.lifetime
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        self.header.origin()
    }

    /// The payload's code, for its envelope.
    pub(crate) fn body(&self) -> MutexGuard<'_, dyn Body + 'static> {
        // What of the user's runs under the lock has its panics caught.
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the runtime that the payload has failed.
    pub(crate) fn fail(&self, cause: Cause) {
        if let Some(attempt) = self.attempt() {
            // Its policy may make something else of it.
            attempt.fail(cause);
            return;
        }
        self.lifetime().fail(Failure::new(self.origin(), cause));
    }
}
