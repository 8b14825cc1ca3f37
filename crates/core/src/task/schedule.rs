//! What a payload needs of the place in which it runs.

use std::any::Any;
use std::task::Waker;

use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::lifetime::Lifetime;
use crate::task::header::Header;
use crate::task::join::Waiter;
use crate::task::raw::Task;
use crate::task::state::Settled;

/// Where a payload runs: a flavour, in a group of a runtime. Told what happens to the payload, by the payload.
pub(crate) trait Schedule: Send + Sync {
    /// The flavour's.
    fn identifier(&self) -> &Identifier;

    fn lifetime(&self) -> &Arc<Lifetime>;

    /// Whether a run queue polls the payloads that are no blocking code.
    fn has_queue(&self) -> bool;

    /// The payload may be polled by means of the flavour's own, which may never do so.
    fn register(&self, task: &Arc<Task>);

    /// The payload is about to run on the calling thread, for the first time.
    fn begin(&self, task: &Arc<Task>);

    /// The payload had its first poll, or has its thread.
    fn has_started(&self, header: &Header);

    /// The payload waits, and `waker` has it polled again.
    fn park(&self, header: &Header, waker: &Waker);

    /// Has the payload polled again, if it waits and no run queue polls it.
    fn wake(&self, header: &Header);

    /// Puts the payload, which was woken, into the run queue.
    fn enqueue(&self, task: Arc<Task>);

    /// The payload is over.
    fn has_ended(&self, header: &Header, settled: Settled);

    /// The waiter at which the end of a payload without a caller is waited for.
    fn waiter_of(&self, header: &Header) -> Arc<dyn Waiter>;

    /// Opens and forgets that waiter.
    fn release_waiter_of(&self, header: &Header);

    /// For the floor of the schedulers, which knows what is behind this.
    fn as_any(&self) -> &dyn Any;
}
