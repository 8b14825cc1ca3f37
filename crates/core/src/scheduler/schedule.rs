//! The payload's reports to its scheduler, and its requests.

use std::any::Any;
use std::collections::HashMap;
use std::task::Waker;
use std::time::Instant;

use crate::base::identifier::Identifier;
use crate::base::panics::contain;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::lifetime::Part;
use crate::scheduler::registry::Undriven;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Header, JoinState, Schedule, Settled, Task, Waiter};

impl Schedule for Scheduler {
    fn identifier(&self) -> &Identifier {
        Scheduler::identifier(self)
    }

    fn part(&self) -> &Arc<Part> {
        &self.part
    }

    fn has_queue(&self) -> bool {
        self.host.queue.get().is_some()
    }

    fn register(&self, task: &Arc<Task>) {
        let mut registry = self.registry();
        let key = registry.insert(Undriven {
            task: Arc::clone(task),
            waker: None,
            second: 0,
        });
        task.state().set_key(key);
    }

    fn begin(&self, task: &Arc<Task>) {
        let state = task.state();
        if state.key().is_none() {
            self.register(task);
        }
        if state.is_blocking() {
            self.host.blocking.store(true, SeqCst);
            self.note_second(task.header(), self.host.present_second());
            // A late payload is not waited for.
            if !state.is_late() {
                *self.lock_last_begun() = Some(Instant::now());
            }
        } else {
            self.host.note_thread();
        }
    }

    fn has_started(&self, header: &Header) {
        self.count_start(header);
    }

    fn keep_waker(&self, header: &Header, waker: &Waker) {
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
                    if entry.second == 0 {
                        entry.second = self.host.watch.second();
                    }
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

    fn enqueue(&self, task: Arc<Task>) {
        match self.host.queue.get() {
            Some(queue) => queue.push_woken(task),
            None => debug_assert!(false, "what wakes its own task is driven by a run queue"),
        }
    }

    fn has_ended(&self, header: &Header, settled: Settled) {
        // The driver forgets the payloads of its run queue.
        if !header.state.is_driven() {
            self.unregister(header);
        }
        self.count_end(settled);
    }

    fn waiter_of(&self, header: &Header) -> Arc<dyn Waiter> {
        let mut waiters = self.waiters();
        let waiter = waiters.entry(header.address());
        Arc::clone(waiter.or_insert_with(|| Arc::new(JoinState::<()>::default())))
    }

    fn release_waiter_of(&self, header: &Header) {
        let waiter = self.waiters().remove(&header.address());
        if let Some(waiter) = waiter {
            waiter.open();
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Scheduler {
    /// The scheduler of the payload.
    pub(crate) fn of(task: &Task) -> &Self {
        Self::behind(&**task.scheduler())
    }

    /// The scheduler that a payload knows as this.
    pub(super) fn behind(schedule: &dyn Schedule) -> &Self {
        let scheduler = schedule.as_any().downcast_ref();
        scheduler.expect("a payload's scheduler is a scheduler")
    }

    fn note_second(&self, header: &Header, second: u32) {
        let mut registry = self.registry();
        if let Some(entry) = header.state.key().and_then(|key| registry.get_mut(key)) {
            entry.second = second;
        }
    }

    /// Takes the payload out of the registry, if it is there.
    pub(super) fn unregister(&self, header: &Header) {
        let mut registry = self.registry();
        // Read under the lock, which its writer held.
        let key = header.state.key();
        let removed = key.and_then(|key| registry.try_remove(key));
        drop(registry);
        // The last reference must not be dropped under the lock.
        drop(removed);
    }

    fn waiters(&self) -> MutexGuard<'_, HashMap<usize, Arc<dyn Waiter>>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
