//! What a payload tells its slot, and asks of it.

use std::any::Any;
use std::collections::HashMap;
use std::task::Waker;
use std::time::Instant;

use crate::base::identifier::Identifier;
use crate::base::panics::contain;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::lifetime::Lifetime;
use crate::scheduler::registry::Registered;
use crate::scheduler::slot::Slot;
use crate::task::{Gate, Header, Record, Reply, Schedule, Settled};

impl Schedule for Slot {
    fn identifier(&self) -> &Identifier {
        Slot::identifier(self)
    }

    fn lifetime(&self) -> &Arc<Lifetime> {
        &self.lifetime
    }

    fn has_queue(&self) -> bool {
        self.queue.get().is_some()
    }

    fn register(&self, record: &Arc<Record>) {
        let mut registry = self.registry();
        let key = registry.insert(Registered {
            record: Arc::clone(record),
            waker: None,
        });
        record.state().set_key(key);
    }

    fn begin(&self, record: &Arc<Record>) {
        let state = record.state();
        if state.key().is_none() {
            self.register(record);
        }
        if state.is_blocking() {
            self.blocking.store(true, SeqCst);
            // One that is late is not waited for.
            if !state.is_late() {
                *self.lock_last_begun() = Some(Instant::now());
            }
        } else {
            self.note_thread();
        }
    }

    fn has_started(&self, header: &Header) {
        self.count_start(header);
    }

    fn park(&self, header: &Header, waker: &Waker) {
        let replaced = {
            let mut registry = self.registry();
            let key = header.state.key();
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

    fn wake(&self, header: &Header) {
        let waker = {
            let mut registry = self.registry();
            let key = header.state.key();
            key.and_then(|key| registry.get_mut(key)?.waker.take())
        };
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
    }

    fn enqueue(&self, record: Arc<Record>) {
        match self.queue.get() {
            Some(queue) => queue.push_woken(record),
            None => debug_assert!(false, "what wakes its own record is driven by a run queue"),
        }
    }

    fn has_ended(&self, header: &Header, settled: Settled) {
        // One that a run queue polls is forgotten there.
        if !header.state.is_driven() {
            self.unregister(header);
        }
        self.count_end(settled);
    }

    fn gate_of(&self, header: &Header) -> Arc<dyn Gate> {
        let mut gates = self.gates();
        let gate = gates.entry(header.address());
        Arc::clone(gate.or_insert_with(|| Arc::new(Reply::<()>::default())))
    }

    fn open_gate_of(&self, header: &Header) {
        let gate = self.gates().remove(&header.address());
        if let Some(gate) = gate {
            gate.open();
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Slot {
    /// The slot that the payload is on.
    pub(crate) fn of(record: &Record) -> &Self {
        let slot = record.scheduler().as_any().downcast_ref();
        slot.expect("a payload's scheduler is a slot")
    }

    /// Takes the payload out of the registry, if it is in there.
    pub(super) fn unregister(&self, header: &Header) {
        let mut registry = self.registry();
        // Read under the lock, which the one who wrote it held.
        let key = header.state.key();
        let removed = key.and_then(|key| registry.try_remove(key));
        drop(registry);
        // Its last reference must not go under the lock.
        drop(removed);
    }

    fn gates(&self) -> MutexGuard<'_, HashMap<usize, Arc<dyn Gate>>> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
