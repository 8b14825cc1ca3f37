//! One payload's task: its header and its code, in one allocation.

use std::task::{Context, Poll, Waker};

use futures_task::{ArcWake, waker_ref};

use crate::base::event::EventListener;
use crate::base::sync::Arc;
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::straggler::{Straggler, StragglerReason};
use crate::lifetime::{Lifetime, Untold};
use crate::task::body::{Body, Completer, Panic};
use crate::task::header::{Header, Identity};
use crate::task::join::Waiter;
use crate::task::observer::{Observed, Observer};
use crate::task::schedule::Schedule;
use crate::task::stage::{ForeignThread, as_itself};
use crate::task::state::{Birth, Settled, State, Wake};

/// Everything Foster knows of one payload, together with the payload's code, in one allocation.
/// Shared by the payload, its wakers, its shutdown tokens and its scheduler, as long as that polls it or
/// lists it.
pub(crate) type Task = dyn RawTask;

/// A task, independent of the types of the payload's code and observer.
pub(crate) trait RawTask: Send + Sync {
    fn header(&self) -> &Header;

    /// Continues the code. When the code is ready, its future is dropped and its result is kept or
    /// judged. Returns the cause if the payload has failed. `me` is this task. Without a `context`, the code gets a waker that
    /// puts this task into the run queue of its scheduler.
    fn step(
        &self,
        me: &Arc<Task>,
        context: Option<&mut Context<'_>>,
    ) -> Result<Step, ForeignThread>;

    /// Drops the closure or the future if the calling thread may, else leaks it.
    fn clear(&self, me: &Arc<Task>) -> Result<(), ForeignThread>;

    /// Takes the payload's panic. Returns the cause of the failure, unless the caller receives the
    /// panic.
    fn take_panic(&self, panic: Panic) -> Option<Cause>;

    /// The waiter of the caller, if there is one.
    fn caller(&self) -> Option<Arc<dyn Waiter>>;

    /// The payload's observer. Only asked if the state says that there is one.
    fn observed(&self) -> Option<&dyn Observer>;
}

/// The progress of the user's code. Causes are boxed, as failures are rare.
pub(crate) type Step = Poll<Option<Box<Cause>>>;

/// Kept small. An allocation that one thread makes and another frees is much cheaper in common
/// allocators if it is small, and a payload with little code has to stay below that size.
struct TaskCell<B: Body, O> {
    header: Header,
    completer: Completer<B::Output>,
    observer: O,
    body: B,
}

/// Makes a task from its parts.
#[inline(always)]
pub(crate) fn task<B, O>(
    identity: Identity,
    is_late: bool,
    completer: Completer<B::Output>,
    observer: O,
    body: B,
) -> Arc<Task>
where
    B: Body<Output: 'static> + 'static,
    O: Observed,
{
    let waiter = completer.waiter();
    let birth = Birth {
        is_blocking: B::IS_BLOCKING,
        is_late,
        is_observed: O::IS_OBSERVED,
        is_called: waiter.is_some(),
        has_queue: identity.scheduler().has_queue(),
    };
    let task: Arc<Task> = Arc::new(TaskCell {
        header: Header::new(identity, birth),
        completer,
        observer,
        body,
    });
    if const { O::IS_OBSERVED } {
        if let Some(observer) = task.observed() {
            observer.attach(Arc::downgrade(&task));
        }
    }
    if let Some(waiter) = waiter {
        waiter.belongs_to(Arc::downgrade(&task));
    }
    task
}

impl<B, O> RawTask for TaskCell<B, O>
where
    B: Body<Output: 'static> + 'static,
    O: Observed,
{
    fn header(&self) -> &Header {
        &self.header
    }

    fn step(
        &self,
        me: &Arc<Task>,
        context: Option<&mut Context<'_>>,
    ) -> Result<Step, ForeignThread> {
        let polled = match context {
            Some(context) => self.body.poll(me, context)?,
            None => as_itself(self, me, |this| {
                let waker = waker_ref(this);
                self.body.poll(me, &mut Context::from_waker(&waker))
            })?,
        };
        Ok(polled.map(|value| self.completer.take_in(value?).map(Box::new)))
    }

    fn clear(&self, me: &Arc<Task>) -> Result<(), ForeignThread> {
        self.body.clear(me)
    }

    fn take_panic(&self, panic: Panic) -> Option<Cause> {
        self.completer.take_panic(panic)
    }

    fn caller(&self) -> Option<Arc<dyn Waiter>> {
        self.completer.waiter()
    }

    fn observed(&self) -> Option<&dyn Observer> {
        self.observer.observer()
    }
}

impl<B, O> ArcWake for TaskCell<B, O>
where
    B: Body<Output: 'static> + 'static,
    O: Observed,
{
    fn wake_by_ref(this: &Arc<Self>) {
        #[cfg(feature = "console")]
        this.header.seen.woken();
        if this.header.state.wake() == Wake::Enqueue {
            this.header.scheduler().enqueue(Arc::clone(this) as _);
        }
    }
}

impl Task {
    pub(crate) fn state(&self) -> &State {
        &self.header().state
    }

    pub(crate) fn scheduler(&self) -> &Arc<dyn Schedule> {
        self.header().scheduler()
    }

    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        self.header().lifetime()
    }

    /// The payload's observer, if there is one.
    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        match self.state().is_observed() {
            true => self.observed(),
            false => None,
        }
    }

    /// If the payload has a caller: the payload that this one was handed in by, if it was one and is there still.
    pub(crate) fn submitter(&self) -> Option<Option<Arc<Task>>> {
        let caller = self.caller()?;
        Some(caller.submitter().and_then(|task| task.upgrade()))
    }

    /// The payload's name, place and flavour, as text for reports.
    pub(crate) fn origin(&self) -> Origin {
        match self.observer() {
            Some(observer) => observer.origin(),
            None => self.header().origin(),
        }
    }

    /// Asks for the payload to be dropped at its next poll, and causes that poll.
    pub(crate) fn cancel(self: &Arc<Self>) {
        let header = self.header();
        if header.state.cancel() {
            // `CANCELLED` was set and `DRIVEN` is read; the run queue sets `DRIVEN` and reads `CANCELLED`: one of the two sees
            // the other.
            match header.state.is_driven() {
                true => self.wake(),
                false => header.scheduler().wake(header),
            }
        }
    }

    /// Whether `waker` is the run queue's waker for this payload.
    pub(crate) fn is_woken_by(self: &Arc<Self>, waker: &Waker) -> bool {
        self.state().is_driven() && waker.data() == Arc::as_ptr(self).cast::<()>()
    }

    /// Has the run queue poll the payload again, if it polls this one.
    pub(crate) fn wake(self: &Arc<Self>) {
        let header = self.header();
        if header.state.is_driven() && header.state.wake() == Wake::Enqueue {
            header.scheduler().enqueue(Arc::clone(self));
        }
    }

    /// The payload had its first poll, or has its thread.
    pub(crate) fn start(&self) {
        let header = self.header();
        if header.state.start() {
            if let Some(observer) = self.observer() {
                observer.begin();
            }
            header.scheduler().has_started(header);
        }
    }

    /// The payload takes a token: from here on the stop waits for it, unless the grace time is
    /// over.
    pub(crate) fn take_token(&self) {
        let state = self.state();
        if state.is_holder() || state.is_settled() {
            return;
        }
        // While the payload lives, only its own thread comes here, so nobody else counts it
        // meanwhile.
        if self.header().part().hold() && state.take_token() {
            if let Some(observer) = self.observer() {
                observer.take_token();
            }
        }
    }

    /// Listens for the request to end, and for the payload's end.
    pub(crate) fn listen(&self) -> EventListener {
        if let Some(observer) = self.observer() {
            return observer.listen();
        }
        let (header, part) = (self.header(), self.header().part());
        let tokens = &part.lifetime().tokens;
        header.state.listen();
        let listener = tokens.listen(part.number(), header.address());
        // The payload may have ended between the two, and then nobody else removes the event.
        if header.state.is_settled() {
            tokens.notify_of(part.number(), header.address()).wake();
        }
        listener
    }

    /// The waiter for the payload's end.
    pub(crate) fn waiter(&self) -> Arc<dyn Waiter> {
        if let Some(waiter) = self.caller() {
            return waiter;
        }
        let header = self.header();
        header.state.waiter();
        let waiter = header.scheduler().waiter_of(header);
        // The payload may have ended between the two, and then nobody else opens the waiter.
        if header.state.is_settled() {
            header.scheduler().release_waiter_of(header);
        }
        waiter
    }

    /// Counts the payload as over in its scheduler, and releases everyone who waits for its end:
    /// its observer, its caller, and the listeners of its tokens.
    #[inline(always)]
    fn close(&self, header: &Header, settled: Settled) {
        #[cfg(feature = "console")]
        header.seen.end();
        header.scheduler().has_ended(header, settled);
        if settled.is_heard_of() {
            self.release(header, settled);
        }
    }

    fn release(&self, header: &Header, settled: Settled) {
        if settled.was_observed() {
            if let Some(observer) = self.observed() {
                observer.end();
            }
        }
        if settled.was_called() {
            if let Some(waiter) = self.caller() {
                waiter.open();
            }
        }
        if settled.was_awaited() {
            header.scheduler().release_waiter_of(header);
        }
        if settled.was_listened() {
            let (part, tokens) = (header.part(), &header.lifetime().tokens);
            tokens.notify_of(part.number(), header.address()).wake();
        }
        if settled.was_parent() {
            self.end_parent(false);
        }
    }

    /// Marks the payload as over, unless it was already.
    pub(crate) fn settle(&self) {
        self.settle_by(self.header());
    }

    /// The same, by its header.
    #[inline]
    pub(super) fn settle_by(&self, header: &Header) {
        if let Some(settled) = header.state.settle() {
            self.close(header, settled);
        }
    }

    /// Marks the payload as lost with its flavour, unless it is over.
    pub(crate) fn lose(&self, reason: &str) {
        let header = self.header();
        if let Some(settled) = header.state.settle() {
            self.fail(Cause::lost(reason));
            self.close(header, settled);
        }
    }

    /// The payload as a straggler, for the report.
    pub(crate) fn straggler(&self, reason: StragglerReason) -> Straggler {
        Straggler::of_payload(self.origin(), self.header().address(), reason)
    }

    /// Tells the runtime that the payload has failed.
    pub(crate) fn fail(&self, cause: Cause) {
        drop(self.record_failure(cause));
    }

    /// As [`fail`](Self::fail), but the failure is still to be told.
    pub(crate) fn record_failure(&self, cause: Cause) -> Option<Untold> {
        if let Some(observer) = self.observer() {
            observer.fail(cause);
            return None;
        }
        if self.state().is_parent() {
            self.end_parent(true);
        }
        let failure = Failure::new(self.origin(), cause);
        self.header().part().record(failure)
    }

    /// The payload has children, and has failed or is over.
    fn end_parent(&self, has_failed: bool) {
        let (lifetime, address) = (self.lifetime(), self.header().address());
        lifetime.services.end_parent(lifetime, address, has_failed);
    }
}
