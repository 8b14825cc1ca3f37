//! The user's code of one payload, from closure to result.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::bound::Bound;
use crate::failure::Cause;
use crate::reply::{Gate, Reply};
use crate::sync::Arc;
use crate::sync::thread;

/// A panic's value.
pub(crate) type Panic = Box<dyn Any + Send>;

/// The user's code of a payload, its type erased.
pub(crate) trait Body: Send {
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
pub(crate) struct ForeignThread;

/// How a payload's code came to its end.
pub(crate) enum End {
    Returned,
    Panicked(Panic),
    Dropped,
}

/// Where a started future lives: pinned, in an allocation of its own.
pub(crate) trait Home<A>: Send {
    fn new(future: A) -> Self;

    /// The future, if the calling thread may reach it.
    fn get(&mut self) -> Option<Pin<&mut A>>;
}

/// A future that need not be `Send` is bound to the thread that makes it.
impl<A: 'static> Home<A> for Bound<A> {
    fn new(future: A) -> Self {
        Bound::new(future)
    }

    fn get(&mut self) -> Option<Pin<&mut A>> {
        Bound::get(self)
    }
}

/// A future that is `Send` may be reached from everywhere.
impl<A: Send> Home<A> for Pin<Box<A>> {
    fn new(future: A) -> Self {
        Box::pin(future)
    }

    fn get(&mut self) -> Option<Pin<&mut A>> {
        Some(self.as_mut())
    }
}

/// The three ages of a payload's code.
enum Age<F, H> {
    /// Not run yet: may be anywhere.
    Closure(F),
    /// Started.
    Future(H),
    Gone,
}

/// The code of a coroutine or of a parallel.
pub(crate) struct AsyncBody<F, A: Future, H> {
    age: Age<F, H>,
    result: ResultOf<A::Output>,
}

impl<F, A: Future, H> AsyncBody<F, A, H> {
    pub(crate) fn new(make: F, sink: Sink<A::Output>) -> Self {
        Self {
            age: Age::Closure(make),
            result: ResultOf::new(sink),
        }
    }
}

/// The code of a subroutine.
pub(crate) struct BlockingBody<F, T> {
    code: Option<F>,
    result: ResultOf<T>,
}

impl<F, T> BlockingBody<F, T> {
    pub(crate) fn new(code: F, sink: Sink<T>) -> Self {
        Self {
            code: Some(code),
            result: ResultOf::new(sink),
        }
    }
}

struct ResultOf<T> {
    sink: Sink<T>,
    /// Boxed, as failures are rare and every payload has room for one.
    verdict: Option<Box<Cause>>,
}

impl<F, A, H> Body for AsyncBody<F, A, H>
where
    F: FnOnce() -> A + Send,
    A: Future<Output: 'static> + 'static,
    H: Home<A>,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, ForeignThread> {
        if let Age::Closure(_) = self.age {
            // Gone while the closure runs: should it panic, there is nothing to drop.
            if let Age::Closure(make) = std::mem::replace(&mut self.age, Age::Gone) {
                self.age = Age::Future(H::new(make()));
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
        match std::mem::replace(&mut self.age, Age::Gone) {
            Age::Future(mut future) => match future.get() {
                Some(_) => Ok(()),
                None => Err(ForeignThread),
            },
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

/// Where a payload's result goes.
pub(crate) enum Sink<T> {
    /// Nobody receives it: it is judged.
    Adopted(fn(T) -> Option<Cause>),
    /// A caller waits for it. A trait object, as the reply itself would tie the sink's `Send` to
    /// that of `T`, which an adopted payload's result need not be.
    Called(Arc<dyn Put<T> + Send + Sync>),
}

impl<T> Sink<T> {
    pub(crate) fn gate(&self) -> Option<Arc<dyn Gate>> {
        match self {
            Self::Adopted(_) => None,
            Self::Called(reply) => Some(Arc::clone(reply).gate()),
        }
    }
}

/// A [`Reply`], seen by the payload.
pub(crate) trait Put<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>>;
    fn gate(self: Arc<Self>) -> Arc<dyn Gate>;
}

impl<T: Send + 'static> Put<T> for Reply<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>> {
        Reply::put(self, result)
    }

    fn gate(self: Arc<Self>) -> Arc<dyn Gate> {
        self
    }
}
