//! Payloads as flavours see them: coroutines, parallels and subroutines. `run` is what a service gives for each,
//! `current` says whose code runs.

mod current;
pub(crate) mod run;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use self::current::Payload;
pub use self::run::{Kind, Run};
use crate::base::sync::Arc;
use crate::base::text;
use crate::task::{Observer, Runnable, Ticket, Waiter, is_large};

/// A unit of work that fits flavours whose [`Payload`](crate::Flavour::Payload) is `P`.
///
/// Implemented for closures and functions without arguments:
///
/// | `P` | fitting code |
/// |---|---|
/// | [`Coroutine`] | `FnOnce() -> impl Future`, the closure `Send`; the future need not be |
/// | [`Parallel`] | the same, and the future is `Send` as well |
/// | [`Subroutine`] | `FnOnce() -> T`, `Send` |
///
/// The author of a flavour with a payload type of its own implements this trait for the users'
/// code, and builds the payload around one of these types.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no payload for a flavour of `{P}`s",
    label = "not a payload that this flavour can run",
    note = "an async flavour such as `Smol` or `Tokio` takes a closure that makes a future: `|| async {{ … }}`",
    note = "a blocking flavour such as `Thread` takes a closure: `|| {{ … }}`",
    note = "the closure takes no arguments, is `Send` and owns what it uses (`move`)"
)]
pub trait IntoPayload<P>: Sized {
    /// The type of the payload's result.
    type Output: 'static;

    /// Makes the payload on behalf of `ticket`.
    fn into_payload(self, ticket: Ticket<Self::Output>) -> P;
}

/// The result of an async flavour's closure: any future that owns the data it uses.
///
/// Implemented for every `Future + 'static`; it exists for its error message.
#[diagnostic::on_unimplemented(
    message = "the payload of an async flavour must make a future, `{Self}` is none: did you mean a blocking flavour such as `Thread`?",
    label = "this closure makes no future",
    note = "write `|| async {{ … }}`, or run blocking code on `Thread`"
)]
pub trait Asynchronous: Future + 'static {}

#[diagnostic::do_not_recommend]
impl<A: Future + 'static> Asynchronous for A {}

/// A payload that makes a future and polls it to its end, always on one thread.
///
/// It is `Send` and a future itself, so any executor can take it. The user's future inside need not
/// be `Send`: it is made at the first poll, on the thread that polls, and stays bound to that
/// thread.
///
/// # For implementors of flavours
///
/// - Poll a coroutine on one thread only. A poll on a second thread reports the flavour as broken
///   and ends the payload; a drop on a second thread leaks the user's future. Neither is unsound.
/// - `poll` never panics. It may be called again after `Ready`, and stays `Ready`.
/// - Do not drop a coroutine that is not `Ready`: core cancels it by waking it, and its next poll
///   is `Ready`. A coroutine that is dropped unfinished and uncancelled is reported as *lost*.
///
/// # Cancel safety
///
/// Core drops the user's future between two polls, where it awaits.
#[must_use = "a coroutine that is dropped unpolled is reported as lost"]
pub struct Coroutine(Runnable);

impl Coroutine {
    /// Makes a coroutine that runs `make` and then polls its future.
    pub fn new<F, A>(make: F, ticket: Ticket<A::Output>) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        Self(Runnable::coroutine(make, ticket, ()))
    }

    /// As [`new`](Self::new), with an `observer`.
    pub(crate) fn observed<F, A>(
        make: F,
        ticket: Ticket<A::Output>,
        observer: impl Observer,
    ) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        Self(Runnable::coroutine(make, ticket, observer))
    }

    /// A handle to wait for the end of this payload, for [`block_on`](crate::Flavour::block_on).
    pub fn completion(&self) -> Completion {
        Completion(self.0.task().waiter())
    }

    /// Whether the payload would be dropped at its next poll.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.task().header().is_cancelled()
    }
}

impl From<Runnable> for Coroutine {
    fn from(runnable: Runnable) -> Self {
        Self(runnable)
    }
}

impl From<Coroutine> for Runnable {
    fn from(coroutine: Coroutine) -> Self {
        coroutine.0
    }
}

impl Future for Coroutine {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll(context)
    }
}

impl fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coroutine of {}", self.0.task().origin())
    }
}

impl<F, A> IntoPayload<Coroutine> for F
where
    F: FnOnce() -> A + Send + 'static,
    A: Asynchronous<Output: 'static>,
{
    type Output = A::Output;

    fn into_payload(self, ticket: Ticket<A::Output>) -> Coroutine {
        // Boxed here: large code takes stack space in every call on its way.
        match const { is_large::<F>() } {
            true => Coroutine::new(Box::new(self), ticket),
            false => Coroutine::new(self, ticket),
        }
    }
}

/// A payload that makes a future and polls it to its end, on any of its flavour's threads.
///
/// All of it is `Send`. An executor with several threads takes it as it is, and may poll it on one
/// thread now and on another later.
///
/// # For implementors of flavours
///
/// - `poll` never panics. It may be called again after `Ready`, and stays `Ready`.
/// - Do not drop a parallel that is not `Ready`: core cancels it by waking it, and its next poll is
///   `Ready`. A parallel that is dropped unfinished and uncancelled is reported as *lost*.
/// - Report on how many threads payloads run, with [`Reporter::runs_on`](crate::Reporter::runs_on).
///
/// # Cancel safety
///
/// Core drops the user's future between two polls, where it awaits.
#[must_use = "a parallel that is dropped unpolled is reported as lost"]
pub struct Parallel(Runnable);

impl Parallel {
    /// Makes a parallel that runs `make` and then polls its future.
    pub fn new<F, A>(make: F, ticket: Ticket<A::Output>) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + Send + 'static,
    {
        Self(Runnable::parallel(make, ticket, ()))
    }

    /// As [`new`](Self::new), with an `observer`.
    pub(crate) fn observed<F, A>(
        make: F,
        ticket: Ticket<A::Output>,
        observer: impl Observer,
    ) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + Send + 'static,
    {
        Self(Runnable::parallel(make, ticket, observer))
    }

    /// A handle to wait for the end of this payload, for [`block_on`](crate::Flavour::block_on).
    pub fn completion(&self) -> Completion {
        Completion(self.0.task().waiter())
    }
}

impl From<Runnable> for Parallel {
    fn from(runnable: Runnable) -> Self {
        Self(runnable)
    }
}

impl From<Parallel> for Runnable {
    fn from(parallel: Parallel) -> Self {
        parallel.0
    }
}

impl Future for Parallel {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.poll(context)
    }
}

impl fmt::Debug for Parallel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parallel of {}", self.0.task().origin())
    }
}

impl<F, A> IntoPayload<Parallel> for F
where
    F: FnOnce() -> A + Send + 'static,
    A: Asynchronous<Output: 'static> + Send,
{
    type Output = A::Output;

    fn into_payload(self, ticket: Ticket<A::Output>) -> Parallel {
        match const { is_large::<F>() } {
            true => Parallel::new(Box::new(self), ticket),
            false => Parallel::new(self, ticket),
        }
    }
}

/// A payload of blocking code.
///
/// # For implementors of flavours
///
/// [`run`](Self::run) it once, on a thread that may block. A subroutine that is dropped unrun and
/// uncancelled is reported as *lost*.
#[must_use = "a subroutine that is dropped unrun is reported as lost"]
pub struct Subroutine(Runnable);

impl Subroutine {
    /// Makes a subroutine that runs `code`.
    pub fn new<F, T>(code: F, ticket: Ticket<T>) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        Self(Runnable::subroutine(code, ticket, ()))
    }

    /// As [`new`](Self::new), with an `observer`.
    pub(crate) fn observed<F, T>(code: F, ticket: Ticket<T>, observer: impl Observer) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        Self(Runnable::subroutine(code, ticket, observer))
    }

    /// A name for the payload's thread: short, and with printable characters only. It is the
    /// payload's name, or the place where the payload was handed in. A panic's message prints it as
    /// it is.
    pub fn name(&self) -> String {
        text::plain(&self.0.task().origin().payload, text::THREAD_LIMIT)
    }

    /// Runs the code to its end on the calling thread. Never panics.
    ///
    /// If the payload was cancelled before, its closure is dropped unrun.
    pub fn run(self) {
        self.0.run();
    }

    /// A handle to wait for the end of this payload, for [`block_on`](crate::Flavour::block_on).
    pub fn completion(&self) -> Completion {
        Completion(self.0.task().waiter())
    }
}

impl fmt::Debug for Subroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subroutine of {}", self.0.task().origin())
    }
}

impl<F, T> IntoPayload<Subroutine> for F
where
    F: FnOnce() -> T + Send + 'static,
    T: 'static,
{
    type Output = T;

    fn into_payload(self, ticket: Ticket<T>) -> Subroutine {
        match const { is_large::<F>() } {
            true => Subroutine::new(Box::new(self), ticket),
            false => Subroutine::new(self, ticket),
        }
    }
}

/// Waits for the end of one payload.
pub struct Completion(Arc<dyn Waiter>);

impl Completion {
    /// Blocks the calling thread until the payload is over: ended, cancelled or lost. Also returns
    /// when the runtime has given up its flavour, so that no caller hangs on a stuck flavour.
    pub fn wait(&self) {
        self.0.wait();
    }
}

impl fmt::Debug for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Completion")
    }
}
