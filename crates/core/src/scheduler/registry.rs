//! The payloads that their flavour polls by means of its own, while they are alive.

use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::Slot;
use crate::base::panics::contain;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::task::account::Account;
use crate::task::record::Record;
use crate::task::reply::{Gate, Reply};

/// A payload that is alive, and how to have it polled again so that it sees that it is cancelled.
pub(super) struct Registered {
    pub(super) record: Arc<Record>,
    waker: Option<Waker>,
}

impl Slot {
    /// Enters the payload into the registry, in which it stays until it is over.
    pub(crate) fn register(&self, record: &Arc<Record>) {
        let mut registry = self.registry();
        let key = registry.insert(Registered {
            record: Arc::clone(record),
            waker: None,
        });
        record.set_registered_as(key);
    }

    /// The payload is about to run on the calling thread.
    pub(crate) fn begin(&self, record: &Arc<Record>) {
        if record.registered_as().is_none() {
            self.register(record);
        }
        if record.is_blocking() {
            self.blocking.store(true, SeqCst);
            // One that is late is not waited for.
            if !record.is_late() {
                *self.lock_last_begun() = Some(Instant::now());
            }
        } else {
            self.note_thread();
        }
    }

    /// The payload waits, and `waker` has it polled again.
    pub(crate) fn park(&self, record: &Account, waker: &Waker) {
        let replaced = {
            let mut registry = self.registry();
            let key = record.registered_as();
            match key.and_then(|key| registry.get_mut(key)) {
                Some(entry)
                    if entry
                        .waker
                        .as_ref()
                        .is_none_or(|known| !known.will_wake(waker)) =>
                {
                    entry.waker.replace(waker.clone())
                }
                _ => None,
            }
        };
        // Not under the lock, as the waker is the executor's code.
        drop(replaced);
    }

    /// Has the payload polled again, if it waits.
    pub(crate) fn wake(&self, record: &Account) {
        let waker = {
            let mut registry = self.registry();
            let key = record.registered_as();
            key.and_then(|key| registry.get_mut(key)?.waker.take())
        };
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
    }

    /// The gate at which the end of an adopted payload is waited for.
    pub(crate) fn gate_of(&self, record: &Account) -> Arc<dyn Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(record.address());
        Arc::clone(gate.or_insert_with(|| Arc::new(Reply::<()>::default())))
    }

    /// Opens and forgets the gate of an adopted payload.
    pub(crate) fn take_gate_of(&self, record: &Account) {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.remove(&record.address());
        drop(gates);
        if let Some(gate) = gate {
            gate.open();
        }
    }

    /// Takes the payload out of the registry, if it is in there.
    pub(crate) fn unregister(&self, record: &Account) {
        if record.is_driven() {
            // The run queue forgets it.
            return;
        }
        let mut registry = self.registry();
        // Read under the lock, which the one who wrote it held.
        let key = record.registered_as();
        let removed = key.and_then(|key| registry.try_remove(key));
        drop(registry);
        // Its last reference must not go under the lock.
        drop(removed);
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Slab<Registered>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
