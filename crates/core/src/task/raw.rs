//! One payload's task: its header and its code, in one allocation.

use std::task::{Context, Poll, Waker};

use futures_task::{ArcWake, waker_ref};

use crate::base::event::EventListener;
use crate::base::sync::Arc;
use crate::errors::failure::{Cause, Failure, Origin};
use crate::errors::report::{Straggler, StragglerReason};
use crate::lifetime::{Lifetime, Untold};
use crate::task::body::{Body, Completer, Panic};
use crate::task::header::{Header, Identity};
use crate::task::join::Waiter;
use crate::task::observer::{Observed, Observer};
use crate::task::schedule::Schedule;
use crate::task::stage::{ForeignThread, as_itself};
use crate::task::state::{Settled, State, Wake};

/// What Foster knows of one payload, and the payload's code itself, in one allocation. Shared by the
/// payload, its wakers, its shutdown tokens and, between start and end, the registry of its scheduler.
pub(crate) type Task = dyn RawTask;

/// A task, whatever the payload's code is, and whoever observes it.
pub(crate) trait RawTask: Send + Sync {
    fn header(&self) -> &Header;

    /// Lets the code go on. When it is ready its future is gone and its result kept or judged: then
    /// returns why the payload has failed, if it has. `me` is this task.
    fn step(&self, me: &Arc<Task>, context: &mut Context<'_>) -> Result<Step, ForeignThread>;

    /// Drops the closure or the future, if the calling thread may; else leaks it.
    fn clear(&self, me: &Arc<Task>) -> Result<(), ForeignThread>;

    /// Takes the payload's panic; why it has failed, unless its caller receives that.
    fn take_panic(&self, panic: Panic) -> Option<Cause>;

    /// Where its caller waits, if it has one.
    fn caller(&self) -> Option<Arc<dyn Waiter>>;

    /// Who observes the payload, asked only if its state says that somebody does.
    fn observed(&self) -> Option<&dyn Observer>;

    /// Calls `poll` with a waker that puts this task into the run queue of its scheduler. `me` is this task.
    fn with_waker(
        &self,
        me: &Arc<Task>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()>;
}

/// How far the user's code has come. Causes are boxed, as failures are rare.
pub(crate) type Step = Poll<Option<Box<Cause>>>;

/// Kept small: an allocation that one thread makes and another frees is much cheaper for common
/// allocators if it is small, and a payload of little code has to stay below that size.
struct TaskCell<B: Body, O> {
    header: Header,
    completer: Completer<B::Output>,
    observer: O,
    body: B,
}

/// Makes a task of its parts.
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
    let task: Arc<Task> = Arc::new(TaskCell {
        header: Header::new(identity, B::IS_BLOCKING, is_late, O::IS_OBSERVED),
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

    fn step(&self, me: &Arc<Task>, context: &mut Context<'_>) -> Result<Step, ForeignThread> {
        let polled = self.body.poll(me, context)?;
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

    fn with_waker(
        &self,
        me: &Arc<Task>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        as_itself(self, me, |this| {
            poll(&mut Context::from_waker(&waker_ref(this)))
        })
    }
}

impl<B, O> ArcWake for TaskCell<B, O>
where
    B: Body<Output: 'static> + 'static,
    O: Observed,
{
    fn wake_by_ref(this: &Arc<Self>) {
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

    /// Who observes the payload, if somebody does.
    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        match self.state().is_observed() {
            true => self.observed(),
            false => None,
        }
    }

    /// Who the payload is, in words.
    pub(crate) fn origin(&self) -> Origin {
        match self.observer() {
            Some(observer) => observer.origin(),
            None => self.header().origin(),
        }
    }

    /// Asks the payload's next poll to drop it, and brings that poll about.
    pub(crate) fn cancel(self: &Arc<Self>) {
        let header = self.header();
        if header.state.cancel() {
            // Asked first and looked at afterwards; the run queue does it the other way round.
            match header.state.is_driven() {
                true => self.wake(),
                false => header.scheduler().wake(header),
            }
        }
    }

    /// Whether `waker` is the one with which the run queue polls the payload.
    pub(crate) fn is_woken_by(self: &Arc<Self>, waker: &Waker) -> bool {
        self.state().is_driven() && waker.data() == Arc::as_ptr(self).cast::<()>()
    }

    /// Has the run queue, if one polls it, poll the payload again.
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

    /// The payload takes a token: the stop waits for it from here on, unless the grace time is over.
    pub(crate) fn take_token(&self) {
        let state = self.state();
        if state.is_holder() || state.is_settled() {
            return;
        }
        // Only the payload's own thread comes here while it lives, so nobody else counts it meanwhile.
        if self.lifetime().hold() && state.take_token() {
            if let Some(observer) = self.observer() {
                observer.take_token();
            }
        }
    }

    /// Listens to what happens when the payload is asked to end, and when it is over.
    pub(crate) fn listen(&self) -> EventListener {
        if let Some(observer) = self.observer() {
            return observer.listen();
        }
        let (header, tokens) = (self.header(), &self.lifetime().tokens);
        header.state.listen();
        let listener = tokens.listen(header.address());
        // It may have ended between the two, and then nobody forgets the event any more.
        if header.state.is_settled() {
            tokens.notify_of(header.address()).wake();
        }
        listener
    }

    /// The waiter to wait at for the payload's end.
    pub(crate) fn waiter(&self) -> Arc<dyn Waiter> {
        if let Some(waiter) = self.caller() {
            return waiter;
        }
        let header = self.header();
        header.state.waiter();
        let waiter = header.scheduler().waiter_of(header);
        // It may have ended between the two, and then nobody opens the waiter any more.
        if header.state.is_settled() {
            header.scheduler().release_waiter_of(header);
        }
        waiter
    }

    /// Settles the payload's account with its scheduler, and lets all go on who wait for its end: who observes it, its
    /// caller, who has a clone of its token.
    fn close(&self, settled: Settled) {
        let header = self.header();
        header.scheduler().has_ended(header, settled);
        if settled.was_observed() {
            if let Some(observer) = self.observed() {
                observer.end();
            }
        }
        if let Some(waiter) = self.caller() {
            waiter.open();
        }
        if settled.was_awaited() {
            header.scheduler().release_waiter_of(header);
        }
        if settled.was_listened() {
            header.lifetime().tokens.notify_of(header.address()).wake();
        }
    }

    /// The payload is over, unless it was already.
    pub(crate) fn settle(&self) {
        if let Some(settled) = self.state().settle() {
            self.close(settled);
        }
    }

    /// The payload is lost with its flavour, unless it is over.
    pub(crate) fn lose(&self, reason: &str) {
        if let Some(settled) = self.state().settle() {
            self.fail(Cause::lost(reason));
            self.close(settled);
        }
    }

    /// The payload as one that did not end, for the report.
    pub(crate) fn straggler(&self, reason: StragglerReason) -> Straggler {
        Straggler::of_payload(self.origin(), self.header().address(), reason)
    }

    /// Tells the runtime that the payload has failed.
    pub(crate) fn fail(&self, cause: Cause) {
        drop(self.record_failure(cause));
    }

    /// The same, but for what is still to be told of it.
    pub(crate) fn record_failure(&self, cause: Cause) -> Option<Untold> {
        if let Some(observer) = self.observer() {
            observer.fail(cause);
            return None;
        }
        let failure = Failure::new(self.origin(), cause);
        Some(self.lifetime().record(failure))
    }
}
