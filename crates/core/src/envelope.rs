//! What core wraps around every payload: its thread, its panics, its outcome, its accounting.
//!
//! A flavour only ever sees an [`Envelope`] inside a [`Coroutine`](crate::Coroutine) or a
//! [`Subroutine`](crate::Subroutine); results, panics, names and failures stay in here.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::bound::Bound;
use crate::context;
use crate::failure::Cause;
use crate::lifetime::Phase;
use crate::outcome::Outcome;
use crate::record::Record;
use crate::reply::Reply;

/// A panic's value.
type Panic = Box<dyn Any + Send>;

/// The account of one payload that is about to be handed to a flavour: whose it is, and where its
/// result goes. Made by the runtime, used up by making a payload with it.
pub struct Ticket<T> {
    record: Arc<Record>,
    sink: Sink<T>,
}

/// Where a payload's result goes.
enum Sink<T> {
    /// Nobody receives it: it is judged.
    Adopted(fn(T) -> Option<Cause>),
    /// A caller waits for it. A trait object, as the reply itself would tie the sink's `Send` to
    /// that of `T`, which an adopted payload's result need not be.
    Called(Arc<dyn Put<T> + Send + Sync>),
}

/// A [`Reply`], seen by the payload.
trait Put<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>>;
}

impl<T> Put<T> for Reply<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>> {
        Reply::put(self, result)
    }
}

impl<T: 'static> Ticket<T> {
    pub(crate) fn adopted(record: Arc<Record>) -> Self
    where
        T: Outcome,
    {
        Self {
            record,
            sink: Sink::Adopted(T::verdict),
        }
    }

    pub(crate) fn called(record: Arc<Record>, reply: Arc<Reply<T>>) -> Self
    where
        T: Send,
    {
        Self {
            record,
            sink: Sink::Called(reply),
        }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket for {}", self.record.origin())
    }
}

/// The user's code of a payload, its type erased.
trait Body: Send {
    /// Lets the code go on. When it is ready its future is gone and its result judged or kept.
    fn poll(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, ForeignThread>;

    /// Whether nothing of the user's code is left.
    fn is_gone(&self) -> bool;

    /// Drops the closure or the future, if the calling thread may; else leaks it.
    fn discard(&mut self) -> Result<(), ForeignThread>;

    /// Says how it ended, now that nothing of the user's is left to run. Hands the result to the
    /// caller, if there is one; returns why the payload has failed, if it has.
    fn end(&mut self, end: End) -> Option<Cause>;
}

/// The user's future was reached for on a thread that it is not bound to.
struct ForeignThread;

/// How a payload's code came to its end.
enum End {
    Returned,
    Panicked(Panic),
    Dropped,
}

/// The three ages of a payload's code.
enum Age<F, A: 'static> {
    /// Not run yet: may be anywhere.
    Closure(F),
    /// Started: bound to its thread.
    Future(Bound<A>),
    Gone,
}

struct AsyncBody<F, A: Future + 'static> {
    age: Age<F, A>,
    result: ResultOf<A::Output>,
}

struct BlockingBody<F, T> {
    code: Option<F>,
    result: ResultOf<T>,
}

struct ResultOf<T> {
    sink: Sink<T>,
    /// Boxed, as failures are rare and every payload has room for one.
    verdict: Option<Box<Cause>>,
}

impl<F, A> Body for AsyncBody<F, A>
where
    F: FnOnce() -> A + Send,
    A: Future + 'static,
    A::Output: 'static,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, ForeignThread> {
        if let Age::Closure(_) = self.age {
            // Gone while the closure runs: should it panic, there is nothing to drop.
            if let Age::Closure(make) = std::mem::replace(&mut self.age, Age::Gone) {
                self.age = Age::Future(Bound::new(make()));
            }
        }
        let Age::Future(future) = &mut self.age else {
            return Ok(Poll::Ready(()));
        };
        let Some(future) = future.get() else {
            return Err(ForeignThread);
        };
        let Poll::Ready(value) = future.poll(context) else {
            return Ok(Poll::Pending);
        };
        // The future's destructors belong to the payload: they come before its result.
        self.age = Age::Gone;
        self.result.take_in(value);
        Ok(Poll::Ready(()))
    }

    fn is_gone(&self) -> bool {
        matches!(self.age, Age::Gone)
    }

    fn discard(&mut self) -> Result<(), ForeignThread> {
        let age = std::mem::replace(&mut self.age, Age::Gone);
        match &age {
            Age::Future(future) if !future.is_home() => Err(ForeignThread),
            _ => Ok(()),
        }
    }

    fn end(&mut self, end: End) -> Option<Cause> {
        self.result.end(end)
    }
}

impl<F, T> Body for BlockingBody<F, T>
where
    F: FnOnce() -> T + Send,
    T: 'static,
{
    fn poll(&mut self, _: &mut Context<'_>) -> Result<Poll<()>, ForeignThread> {
        if let Some(code) = self.code.take() {
            let value = code();
            self.result.take_in(value);
        }
        Ok(Poll::Ready(()))
    }

    fn is_gone(&self) -> bool {
        self.code.is_none()
    }

    fn discard(&mut self) -> Result<(), ForeignThread> {
        self.code = None;
        Ok(())
    }

    fn end(&mut self, end: End) -> Option<Cause> {
        self.result.end(end)
    }
}

impl<T> ResultOf<T> {
    fn new(sink: Sink<T>) -> Self {
        Self {
            sink,
            verdict: None,
        }
    }

    fn take_in(&mut self, value: T) {
        match &self.sink {
            Sink::Adopted(verdict) => self.verdict = verdict(value).map(Box::new),
            // A value that is no longer wanted is dropped here, where it was made.
            Sink::Called(reply) => drop(reply.put(Ok(value))),
        }
    }

    fn end(&mut self, end: End) -> Option<Cause> {
        match (end, &self.sink) {
            (End::Panicked(panic), Sink::Called(reply)) => match reply.put(Err(panic)) {
                Some(Err(panic)) => Some(Cause::panic(panic)),
                _ => None,
            },
            (End::Panicked(panic), Sink::Adopted(_)) => Some(Cause::panic(panic)),
            (End::Returned, _) => self.verdict.take().map(|cause| *cause),
            (End::Dropped, _) => None,
        }
    }
}

/// A payload with all that core wraps around it.
pub(crate) struct Envelope {
    /// Taken out while the payload's code runs: it is the thread's current payload then.
    record: Option<Arc<Record>>,
    /// Boxed apart from any executor's memory: see [`Bound`].
    body: Box<dyn Body>,
}

impl Envelope {
    pub(crate) fn coroutine<F, A>(make: F, ticket: Ticket<A::Output>) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        Self {
            record: Some(ticket.record),
            body: Box::new(AsyncBody {
                age: Age::Closure(make),
                result: ResultOf::new(ticket.sink),
            }),
        }
    }

    pub(crate) fn subroutine<F, T>(code: F, ticket: Ticket<T>) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        ticket.record.mark_blocking();
        Self {
            record: Some(ticket.record),
            body: Box::new(BlockingBody {
                code: Some(code),
                result: ResultOf::new(ticket.sink),
            }),
        }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        self.record
            .as_ref()
            .expect("the record is away only while the payload's own code runs")
    }

    /// Runs blocking code to its end.
    pub(crate) fn run(mut self) {
        let polled = self.poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_ready(), "blocking code has no point to wait at");
    }

    /// Lets the payload go on, or drops it if it was cancelled. Never unwinds.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let record = self.record();
        let first = !record.is_started();
        if first && !record.is_settled() {
            begin(record);
        }
        if record.is_cancelled() || record.is_settled() {
            self.finish(End::Dropped, None);
            return Poll::Ready(());
        }
        if record.is_blocking() {
            record.slot.count_start(record);
        }
        match self.guarded(|body| body.poll(context)) {
            Ok(Ok(Poll::Pending)) => {
                let record = self.record();
                if first {
                    record.slot.count_start(record);
                }
                // Registered before the second look at the flag: who cancels sets the flag first
                // and wakes afterwards, so either the wake or the look finds it.
                record.waker.register(context.waker());
                if !record.is_cancelled() {
                    return Poll::Pending;
                }
                self.finish(End::Dropped, None);
            }
            Ok(Ok(Poll::Ready(()))) => self.finish(End::Returned, None),
            Ok(Err(ForeignThread)) => self.finish(
                End::Dropped,
                Some("its flavour polled it on a thread other than its own: its future was leaked"),
            ),
            Err(panic) => self.finish(End::Panicked(panic), None),
        }
        Poll::Ready(())
    }

    /// Ends the payload: drops what is left of the user's code, tells its failures, settles its
    /// account and lets its caller go on, in this order.
    fn finish(&mut self, end: End, lost: Option<&str>) {
        let ended = self.record().settle();
        let discarded = match self.body.is_gone() {
            true => Ok(Ok(())),
            false => self.guarded(|body| body.discard()),
        };
        let lost = match discarded {
            Ok(Err(ForeignThread)) => lost.or(Some(
                "its flavour dropped it on a thread other than its own: its future was leaked",
            )),
            _ => lost,
        };
        let cause = self.body.end(end);
        let record = self.record();
        if let Some(cause) = lost.map(Cause::lost).or(cause) {
            record.fail(cause);
        }
        if let Err(panic) = discarded {
            record.fail(Cause::panic(panic));
        }
        if let Some(ended) = ended {
            record.slot.remove(record, ended);
            record.open_gate();
        }
    }

    /// Runs the user's code as the current payload of this thread, its panics caught.
    fn guarded<R>(&mut self, code: impl FnOnce(&mut dyn Body) -> R) -> Result<R, Panic> {
        let body = &mut *self.body;
        let Some(record) = self.record.take() else {
            unreachable!("the payload's own code cannot reach its envelope");
        };
        record.set_polling(true);
        let (record, result) =
            context::enter(record, || catch_unwind(AssertUnwindSafe(|| code(body))));
        record.set_polling(false);
        self.record = Some(record);
        result
    }
}

/// Enters the payload into its slot's registry, and cancels it if that came too late.
fn begin(record: &Arc<Record>) {
    record.slot.register(record);
    // The runner changes the phase first and cancels the registry afterwards, so a payload that it
    // does not find there sees the phase here.
    if record.slot.lifetime.phase() >= Phase::Cancelling {
        record.cancel();
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        let record = self.record();
        if record.is_settled() {
            // Over, or lost with its flavour; only the latter's code is still here.
            if !self.body.is_gone() {
                if let Err(panic) = self.guarded(|body| body.discard()) {
                    self.record().fail(Cause::panic(panic));
                }
            }
        } else if record.is_refused() {
            // Whoever handed it in knows, and drops the closure: its panic goes on there.
            if let Some(ended) = record.settle() {
                record.slot.remove(record, ended);
                record.open_gate();
            }
        } else if record.is_cancelled() || record.slot.lifetime.phase() >= Phase::Cancelling {
            self.finish(End::Dropped, None);
        } else {
            self.finish(End::Dropped, Some("its flavour dropped it unfinished"));
        }
    }
}
