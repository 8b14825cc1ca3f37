//! One payload's record: who it is and how far it has come.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};
use std::sync::{Arc, OnceLock};

use atomic_waker::AtomicWaker;

use crate::failure::{Cause, Failure, Origin};
use crate::reply::Gate;
use crate::slot::Slot;

/// The payload has had its first poll, or its thread.
const STARTED: u8 = 1;
/// The payload took a shutdown token, and counts as a holder.
const HOLDS: u8 = 1 << 1;
/// The payload is to be dropped where it awaits, or unrun.
const CANCELLED: u8 = 1 << 2;
/// The payload is over and accounted for.
const SETTLED: u8 = 1 << 3;
/// The payload was handed back to its adopter or never handed out: its drop means nothing.
const REFUSED: u8 = 1 << 4;
/// The payload is blocking code, which cannot be cancelled once it has started.
const BLOCKING: u8 = 1 << 5;

/// The key of a record that is in no registry.
const UNREGISTERED: usize = usize::MAX;

/// What Foster knows of one payload. Shared by the payload itself, its shutdown tokens, its call
/// and, between start and end, the registry of its slot.
pub(crate) struct Record {
    name: Option<Cow<'static, str>>,
    location: &'static Location<'static>,
    pub(crate) slot: Arc<Slot>,
    state: AtomicU8,
    /// Whether the payload's code is on some thread right now. Apart from `state`, as a plain store
    /// is enough: only the thread that polls writes it.
    polling: AtomicBool,
    /// Written under the registry's lock.
    registered_as: AtomicUsize,
    /// How to have the payload polled again, so that it can see that it is cancelled.
    pub(crate) waker: AtomicWaker,
    /// Opened when the payload is over; made only if somebody waits for that.
    gate: OnceLock<Arc<dyn Gate>>,
}

/// What a payload had come to when it was over.
pub(crate) struct Ended {
    pub(crate) started: bool,
    pub(crate) held: bool,
}

impl Record {
    pub(crate) fn new(
        name: Option<Cow<'static, str>>,
        location: &'static Location<'static>,
        slot: Arc<Slot>,
    ) -> Self {
        Self {
            name,
            location,
            slot,
            state: AtomicU8::new(0),
            polling: AtomicBool::new(false),
            registered_as: AtomicUsize::new(UNREGISTERED),
            waker: AtomicWaker::new(),
            gate: OnceLock::new(),
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.state.load(SeqCst) & bit != 0
    }

    /// Sets `bit`; whether it was clear before.
    fn set(&self, bit: u8) -> bool {
        self.state.fetch_or(bit, SeqCst) & bit == 0
    }

    pub(crate) fn mark_blocking(&self) {
        self.set(BLOCKING);
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
            self.waker.wake();
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
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

    /// Says that the payload will not run, and that whoever handed it in knows.
    pub(crate) fn refuse(&self) {
        self.set(REFUSED);
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.has(REFUSED)
    }

    pub(crate) fn set_registered_as(&self, key: usize) {
        self.registered_as.store(key, Relaxed);
    }

    /// The record's key in the registry.
    pub(crate) fn registered_as(&self) -> Option<usize> {
        let key = self.registered_as.load(Relaxed);
        (key != UNREGISTERED).then_some(key)
    }

    pub(crate) fn set_gate(&self, gate: Arc<dyn Gate>) {
        let unset = self.gate.set(gate).is_ok();
        debug_assert!(unset, "a record gets its gate when it is made");
    }

    /// The gate to wait at for the payload's end.
    pub(crate) fn gate(&self) -> Arc<dyn Gate> {
        let gate = self
            .gate
            .get_or_init(|| Arc::new(crate::reply::Reply::<()>::default()));
        if self.is_settled() {
            gate.open();
        }
        Arc::clone(gate)
    }

    pub(crate) fn open_gate(&self) {
        if let Some(gate) = self.gate.get() {
            gate.open();
        }
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            payload: match &self.name {
                Some(name) => name.as_ref().into(),
                None => format!("{}:{}", self.location.file(), self.location.line()).into(),
            },
            named: self.name.is_some(),
            flavour: self.slot.identifier().clone(),
            location: self.location,
        }
    }

    /// Tells the runtime that the payload has failed.
    pub(crate) fn fail(&self, cause: Cause) {
        let failure = Failure::new(self.origin(), cause);
        self.slot.lifetime.fail(failure);
    }
}
