//! One payload's record: its account and its code, in one allocation.

use std::ops::Deref;
use std::task::{Context, Poll, Waker};

use futures_task::{ArcWake, waker_ref};

use crate::base::event::EventListener;
use crate::base::sync::Arc;
use crate::errors::failure::{Cause, Failure};
use crate::errors::report::{Straggler, StragglerReason};
use crate::lifetime::Untold;
use crate::task::account::{Account, Header};
use crate::task::body::{Body, ForeignThread, Panic, Sink};
use crate::task::cell::as_itself;
use crate::task::reply::Gate;

/// What Foster knows of one payload, and the payload's code itself, in one allocation. Shared by the
/// payload, its wakers, its shutdown tokens and, between start and end, the registry of its slot.
pub(crate) type Record = dyn Task;

/// A record, whatever the payload's code is. All else of it is had through its [`Account`].
pub(crate) trait Task: Send + Sync {
    fn account(&self) -> &Account;

    /// Lets the code go on. When it is ready its future is gone and its result kept or judged: then
    /// returns why the payload has failed, if it has. `me` is this record.
    fn step(&self, me: &Arc<Record>, context: &mut Context<'_>) -> Result<Step, ForeignThread>;

    /// Drops the closure or the future, if the calling thread may; else leaks it.
    fn clear(&self, me: &Arc<Record>) -> Result<(), ForeignThread>;

    /// Takes the payload's panic; why it has failed, unless its caller receives that.
    fn take_panic(&self, panic: Panic) -> Option<Cause>;

    /// Where its caller waits, if it has one.
    fn caller(&self) -> Option<Arc<dyn Gate>>;

    /// Calls `poll` with a waker that puts this record into the run queue of its slot. `me` is this record.
    fn with_waker(
        &self,
        me: &Arc<Record>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()>;
}

/// How far the user's code has come. Causes are boxed, as failures are rare.
pub(crate) type Step = Poll<Option<Box<Cause>>>;

/// Kept small: an allocation that one thread makes and another frees is much cheaper for common
/// allocators if it is small, and a payload of little code has to stay below that size.
struct Whole<B: Body> {
    account: Account,
    sink: Sink<B::Output>,
    body: B,
}

/// Makes a record of its parts.
pub(crate) fn record<B>(
    header: Header,
    blocking: bool,
    is_late: bool,
    sink: Sink<B::Output>,
    body: B,
) -> Arc<Record>
where
    B: Body<Output: 'static> + 'static,
{
    let gate = sink.gate();
    let record: Arc<Record> = Arc::new(Whole {
        account: Account::new(header, blocking, is_late),
        sink,
        body,
    });
    if let Some(attempt) = record.attempt() {
        attempt.belongs_to(Arc::downgrade(&record));
    }
    if let Some(gate) = gate {
        gate.belongs_to(Arc::downgrade(&record));
    }
    record
}

impl<B> Task for Whole<B>
where
    B: Body<Output: 'static> + 'static,
{
    fn account(&self) -> &Account {
        &self.account
    }

    fn step(&self, me: &Arc<Record>, context: &mut Context<'_>) -> Result<Step, ForeignThread> {
        let polled = self.body.poll(me, context)?;
        Ok(polled.map(|value| self.sink.take_in(value?).map(Box::new)))
    }

    fn clear(&self, me: &Arc<Record>) -> Result<(), ForeignThread> {
        self.body.clear(me)
    }

    fn take_panic(&self, panic: Panic) -> Option<Cause> {
        self.sink.take_panic(panic)
    }

    fn caller(&self) -> Option<Arc<dyn Gate>> {
        self.sink.gate()
    }

    fn with_waker(
        &self,
        me: &Arc<Record>,
        poll: &mut dyn FnMut(&mut Context<'_>) -> Poll<()>,
    ) -> Poll<()> {
        as_itself(self, me, |this| {
            poll(&mut Context::from_waker(&waker_ref(this)))
        })
    }
}

impl<B> ArcWake for Whole<B>
where
    B: Body<Output: 'static> + 'static,
{
    fn wake_by_ref(this: &Arc<Self>) {
        if this.account.take_wake() {
            this.account.slot().enqueue(Arc::clone(this) as _);
        }
    }
}

impl Deref for Record {
    type Target = Account;

    fn deref(&self) -> &Account {
        self.account()
    }
}

impl Record {
    /// Asks the payload's next poll to drop it, and brings that poll about.
    pub(crate) fn cancel(self: &Arc<Self>) {
        if self.set_cancelled() {
            // Asked first and looked at afterwards; the run queue does it the other way round.
            match self.is_driven() {
                true => self.wake(),
                false => self.slot().wake(self),
            }
        }
    }

    /// Whether `waker` is the one with which the run queue polls the payload.
    pub(crate) fn is_woken_by(self: &Arc<Self>, waker: &Waker) -> bool {
        self.is_driven() && waker.data() == Arc::as_ptr(self).cast::<()>()
    }

    /// Has the run queue, if one polls it, poll the payload again.
    pub(crate) fn wake(self: &Arc<Self>) {
        if self.is_driven() && self.take_wake() {
            self.slot().enqueue(Arc::clone(self));
        }
    }

    /// The payload takes a token: the stop waits for it, unless the grace time is over. Whether it is the first one
    /// that it takes, and counts.
    pub(crate) fn hold(&self) -> bool {
        if self.is_holder() || self.is_settled() {
            return false;
        }
        // Only the payload's own thread comes here while it lives, so nobody else counted it.
        self.lifetime().hold() && self.set_holder()
    }

    /// Listens to what happens when the payload is asked to end by the runtime's stop, and when it is over.
    pub(crate) fn listen(&self) -> EventListener {
        self.set_listened();
        let tokens = &self.lifetime().tokens;
        let listener = tokens.listen(self.address());
        // It may have ended between the two, and then nobody forgets the event any more.
        if self.is_settled() {
            tokens.notify_of(self.address()).wake();
        }
        listener
    }

    /// The gate to wait at for the payload's end.
    pub(crate) fn gate(&self) -> Arc<dyn Gate> {
        if let Some(gate) = self.caller() {
            return gate;
        }
        self.set_gated();
        let gate = self.slot().gate_of(self);
        // It may have ended between the two, and then nobody opens the gate any more.
        if self.is_settled() {
            self.slot().take_gate_of(self);
        }
        gate
    }

    /// Lets whoever waits for the payload's end go on, its supervisor and who has a clone of its token included.
    pub(crate) fn open_gate(&self) {
        let account = self.account();
        if let Some(attempt) = account.attempt() {
            attempt.end();
        }
        if let Some(gate) = self.caller() {
            gate.open();
        }
        if account.is_gated() {
            account.slot().take_gate_of(account);
        }
        if account.is_listened() {
            account
                .lifetime()
                .tokens
                .notify_of(account.address())
                .wake();
        }
    }

    /// The payload as one that did not end, for the report.
    pub(crate) fn straggler(&self, reason: StragglerReason) -> Straggler {
        Straggler::of_payload(self.origin(), self.address(), reason)
    }

    /// Tells the runtime that the payload has failed.
    pub(crate) fn fail(&self, cause: Cause) {
        drop(self.record_failure(cause));
    }

    /// The same, but for what is still to be told of it.
    pub(crate) fn record_failure(&self, cause: Cause) -> Option<Untold> {
        if let Some(attempt) = self.attempt() {
            // Its policy may make something else of it.
            attempt.fail(cause);
            return None;
        }
        let failure = Failure::new(self.origin(), cause);
        Some(self.lifetime().record(failure))
    }
}
