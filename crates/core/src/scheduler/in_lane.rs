//! A scheduler, as the payloads from one lane of its run queue know it.

use std::any::Any;
use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::lifetime::Part;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Header, Schedule, Settled, Task, Waiter};

/// A reference to a scheduler, whose own references are counted on a cache line that no other lane writes.
pub(super) struct InLane(CachePadded<Arc<Scheduler>>);

impl InLane {
    pub(super) fn new(scheduler: &Arc<Scheduler>) -> Self {
        Self(CachePadded::new(Arc::clone(scheduler)))
    }
}

impl Schedule for InLane {
    fn identifier(&self) -> &Identifier {
        self.0.host.identifier()
    }

    fn part(&self) -> &Arc<Part> {
        &self.0.part
    }

    fn has_queue(&self) -> bool {
        self.0.has_queue()
    }

    fn register(&self, task: &Arc<Task>) {
        self.0.register(task);
    }

    fn begin(&self, task: &Arc<Task>) {
        self.0.begin(task);
    }

    fn has_started(&self, header: &Header) {
        self.0.has_started(header);
    }

    fn keep_waker(&self, header: &Header, waker: &Waker) {
        self.0.keep_waker(header, waker);
    }

    fn wake(&self, header: &Header) {
        self.0.wake(header);
    }

    fn enqueue(&self, task: Arc<Task>) {
        self.0.enqueue(task);
    }

    fn has_ended(&self, header: &Header, settled: Settled) {
        self.0.has_ended(header, settled);
    }

    fn waiter_of(&self, header: &Header) -> Arc<dyn Waiter> {
        self.0.waiter_of(header)
    }

    fn release_waiter_of(&self, header: &Header) {
        self.0.release_waiter_of(header);
    }

    fn as_any(&self) -> &dyn Any {
        self.0.as_any()
    }
}
