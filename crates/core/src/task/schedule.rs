//! The payload's view of its scheduler.

use std::any::Any;
use std::task::Waker;

use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::lifetime::Part;
use crate::task::header::Header;
use crate::task::join::Waiter;
use crate::task::raw::Task;
use crate::task::state::Settled;

/// Where a payload runs: one flavour in one runtime. The payload reports what happens to it.
pub(crate) trait Schedule: Send + Sync {
    /// The flavour's identifier.
    fn identifier(&self) -> &Identifier;

    /// The part of its runtime that its payloads were handed into.
    fn part(&self) -> &Arc<Part>;

    /// Whether a run queue polls the payloads, except for blocking code.
    fn has_queue(&self) -> bool;

    /// The flavour may poll the payload by its own means, or may never poll it.
    fn register(&self, task: &Arc<Task>);

    /// The payload is about to run on the calling thread, for the first time.
    fn begin(&self, task: &Arc<Task>);

    /// The payload had its first poll, or has its thread.
    fn has_started(&self, header: &Header);

    /// The payload waits, and `waker` causes its next poll.
    fn keep_waker(&self, header: &Header, waker: &Waker);

    /// Has the payload polled again, if it waits and no run queue polls it.
    fn wake(&self, header: &Header);

    /// Puts a woken payload into the run queue.
    fn enqueue(&self, task: Arc<Task>);

    /// The payload is over.
    fn has_ended(&self, header: &Header, settled: Settled);

    /// The waiter for the end of a payload without a caller.
    fn waiter_of(&self, header: &Header) -> Arc<dyn Waiter>;

    /// Opens and forgets that waiter.
    fn release_waiter_of(&self, header: &Header);

    /// For the schedulers, which know the type behind the trait.
    fn as_any(&self) -> &dyn Any;
}
