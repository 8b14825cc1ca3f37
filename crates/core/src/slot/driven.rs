//! The payloads that core's run queue polls, while they are alive.

use std::collections::VecDeque;

use slab::Slab;

use super::Slot;
use crate::record::Record;
use crate::run_queue::RunQueue;
use crate::sync::{Arc, MutexGuard, PoisonError};

impl Slot {
    /// Whether a run queue polls all payloads of this slot.
    pub(crate) fn is_driven(&self) -> bool {
        self.queue.get().is_some() && self.registry().is_empty()
    }

    /// Puts a payload that has been woken into the run queue that polls it.
    pub(crate) fn enqueue(&self, record: Arc<Record>) {
        match self.queue.get() {
            Some(queue) => queue.push_woken(record),
            None => debug_assert!(false, "what wakes its own record is driven by a run queue"),
        }
    }

    /// Whether `queue` may poll payloads of this slot, which no other one ever does from then on.
    pub(crate) fn is_driven_by(&self, queue: &Arc<RunQueue>) -> bool {
        Arc::ptr_eq(self.queue.get_or_init(|| Arc::clone(queue)), queue)
    }

    /// Enters payloads that a run queue is about to poll for the first time.
    pub(crate) fn register_driven(&self, records: &VecDeque<Arc<Record>>) {
        self.note_thread();
        let mut driven = self.driven();
        for record in records {
            record.set_registered_as(driven.insert(Arc::clone(record)));
            record.begin_driven();
        }
    }

    /// Takes payloads that are over out of the registry.
    pub(crate) fn forget_driven(&self, over: &mut Vec<Arc<Record>>) {
        let mut driven = self.driven();
        for record in over.iter_mut() {
            let Some(key) = record.registered_as() else {
                continue;
            };
            let known = driven.get(key);
            if known.is_some_and(|known| Arc::ptr_eq(known, record)) {
                // In place of the other reference to it: the last one must not go under the lock.
                *record = driven.remove(key);
            }
        }
        drop(driven);
        over.clear();
    }

    /// How many payloads a run queue has to look after.
    pub(crate) fn count_driven(&self) -> usize {
        self.driven().len()
    }

    /// Up to `number` of the payloads that a run queue polls, from the key `next` on, which moves on.
    pub(crate) fn some_driven(&self, next: &mut usize, number: usize) -> Vec<Arc<Record>> {
        let driven = self.driven();
        let mut some = Vec::new();
        // Keys are given out from 0, and there were never more of them than there is room for.
        while some.len() < number && *next < driven.capacity() {
            some.extend(driven.get(*next).cloned());
            *next += 1;
        }
        some
    }

    pub(super) fn driven(&self) -> MutexGuard<'_, Slab<Arc<Record>>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
