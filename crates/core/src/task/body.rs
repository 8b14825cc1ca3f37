//! The user's code of one payload, from closure to result.

use std::any::Any;
use std::future::Future;
use std::task::{Context, Poll};

use crate::base::sync::thread;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::Cause;
use crate::task::join::{JoinState, Waiter};
use crate::task::raw::Task;
use crate::task::stage::{ForeignThread, StageCell};

/// A panic's value.
pub(crate) type Panic = Box<dyn Any + Send>;

/// The user's code of a payload.
pub(crate) trait Body: Send + Sync {
    /// The type of its result.
    type Output;

    /// Whether it blocks its thread until it is over.
    const IS_BLOCKING: bool;

    /// Continues the code. Returns its value once, when it is ready. `keeper` is the task around
    /// this body.
    fn poll(
        &self,
        keeper: &Arc<Task>,
        context: &mut Context<'_>,
    ) -> Result<Poll<Option<Self::Output>>, ForeignThread>;

    /// Drops the closure or the future if the calling thread may, else leaks it.
    fn clear(&self, keeper: &Arc<Task>) -> Result<(), ForeignThread>;
}

/// The code of a coroutine, `BOUND` to its thread, or of a parallel.
impl<F, A, const BOUND: bool> Body for StageCell<F, A, BOUND>
where
    Self: Send + Sync,
    F: FnOnce() -> A,
    A: Future,
{
    type Output = A::Output;

    const IS_BLOCKING: bool = false;

    #[inline(always)]
    fn poll(
        &self,
        keeper: &Arc<Task>,
        context: &mut Context<'_>,
    ) -> Result<Poll<Option<A::Output>>, ForeignThread> {
        StageCell::poll(self, keeper, context)
    }

    fn clear(&self, keeper: &Arc<Task>) -> Result<(), ForeignThread> {
        StageCell::clear(self, keeper)
    }
}

/// The code of a subroutine.
pub(crate) struct BlockingBody<F>(Mutex<Option<F>>);

impl<F> BlockingBody<F> {
    pub(crate) fn new(code: F) -> Self {
        Self(Mutex::new(Some(code)))
    }

    fn lock(&self) -> MutexGuard<'_, Option<F>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F, T> Body for BlockingBody<F>
where
    F: FnOnce() -> T + Send,
{
    type Output = T;

    const IS_BLOCKING: bool = true;

    fn poll(&self, _: &Arc<Task>, _: &mut Context<'_>) -> Result<Poll<Option<T>>, ForeignThread> {
        let code = self.lock().take();
        Ok(Poll::Ready(code.map(|code| code())))
    }

    fn clear(&self, _: &Arc<Task>) -> Result<(), ForeignThread> {
        // Bound to a name so that it is dropped after the lock.
        let _code = self.lock().take();
        Ok(())
    }
}

/// The destination of a payload's result.
pub(crate) enum Completer<T> {
    /// There is no caller: the result is judged.
    Adopted(fn(T) -> Option<Cause>),
    /// A caller waits for the result. A trait object, as the join state itself would tie the
    /// completer's `Send` to that of `T`, and an adopted payload's result need not be `Send`.
    Called(Arc<dyn Complete<T> + Send + Sync>),
}

impl<T> Completer<T> {
    /// Takes the payload's value. Returns the cause if the payload has failed.
    #[inline(always)]
    pub(crate) fn take_in(&self, value: T) -> Option<Cause> {
        match self {
            Self::Adopted(verdict) => verdict(value),
            Self::Called(join) => {
                // An unwanted value is dropped here, where it was made.
                drop(join.put(Ok(value)));
                None
            }
        }
    }

    /// Takes the payload's panic, which is a failure if no caller receives it.
    pub(crate) fn take_panic(&self, panic: Panic) -> Option<Cause> {
        match self {
            Self::Adopted(_) => Some(Cause::panic(panic)),
            Self::Called(join) => match join.put(Err(panic)) {
                Some(Err(panic)) => Some(Cause::panic(panic)),
                _ => None,
            },
        }
    }

    /// The waiter of the caller, if there is one.
    pub(crate) fn waiter(&self) -> Option<Arc<dyn Waiter>> {
        match self {
            Self::Adopted(_) => None,
            Self::Called(join) => Some(Arc::clone(join).waiter()),
        }
    }
}

/// The payload's view of a [`JoinState`].
pub(crate) trait Complete<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>>;
    fn waiter(self: Arc<Self>) -> Arc<dyn Waiter>;
}

impl<T: Send + 'static> Complete<T> for JoinState<T> {
    fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>> {
        JoinState::put(self, result)
    }

    fn waiter(self: Arc<Self>) -> Arc<dyn Waiter> {
        self
    }
}
