//! What core wraps around every payload: its thread, its panics, its outcome, its accounting.
//!
//! A flavour only ever sees a [`Runnable`] inside a [`Coroutine`](crate::Coroutine), a
//! [`Parallel`](crate::Parallel) or a [`Subroutine`](crate::Subroutine); results, panics, names and
//! failures stay in here.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use crate::base::sync::Arc;
use crate::errors::failure::Cause;
use crate::lifetime::Untold;
use crate::task::body::{BlockingBody, Body, Panic};
use crate::task::context::{self, Dropping};
use crate::task::observer::Observed;
use crate::task::raw::{self, Task};
use crate::task::stage::{ForeignThread, StageCell, boxed};
use crate::task::ticket::Ticket;

/// From which size on code is kept in an allocation of its own, in bytes. All that is smaller lies in its task,
/// and is moved a few times on the way there, on the stacks of the adopter and of the flavour's thread; in a
/// debug build each of these moves takes room of its own on them.
const LARGE: usize = 16 * 1024;

pub(crate) const fn is_large<T>() -> bool {
    size_of::<T>() >= LARGE
}

/// The code of a coroutine.
type BoundCell<F, A> = StageCell<F, A, true>;

/// The code of a parallel.
type UnboundCell<F, A> = StageCell<F, A, false>;

/// A payload with all that core wraps around it.
pub(crate) struct Runnable {
    /// `None` when the payload goes on without its runnable.
    task: Option<Arc<Task>>,
}

impl Runnable {
    pub(crate) fn coroutine<F, A, O>(make: F, ticket: Ticket<A::Output>, observer: O) -> Self
    where
        O: Observed,
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        match const { is_large::<F>() } {
            true => Self::bound(Box::new(make), ticket, observer),
            false => Self::bound(make, ticket, observer),
        }
    }

    fn bound<F, A, O>(make: F, ticket: Ticket<A::Output>, observer: O) -> Self
    where
        O: Observed,
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        match const { is_large::<A>() } {
            true => Self::new(ticket, observer, BoundCell::new(move || boxed(make))),
            false => Self::new(ticket, observer, BoundCell::new(make)),
        }
    }

    pub(crate) fn parallel<F, A, O>(make: F, ticket: Ticket<A::Output>, observer: O) -> Self
    where
        O: Observed,
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + Send + 'static,
    {
        let this = match const { is_large::<F>() } {
            true => Self::unbound(Box::new(make), ticket, observer),
            false => Self::unbound(make, ticket, observer),
        };
        // Before its flavour has it, which may never poll it: the threads of others need not run.
        this.task().scheduler().register(this.task());
        this
    }

    fn unbound<F, A, O>(make: F, ticket: Ticket<A::Output>, observer: O) -> Self
    where
        O: Observed,
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + Send + 'static,
    {
        match const { is_large::<A>() } {
            true => Self::new(ticket, observer, UnboundCell::new(move || boxed(make))),
            false => Self::new(ticket, observer, UnboundCell::new(make)),
        }
    }

    pub(crate) fn subroutine<F, T, O>(code: F, ticket: Ticket<T>, observer: O) -> Self
    where
        O: Observed,
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        match const { is_large::<F>() } {
            true => Self::new(ticket, observer, BlockingBody::new(Box::new(code))),
            false => Self::new(ticket, observer, BlockingBody::new(code)),
        }
    }

    fn new<B, O>(ticket: Ticket<B::Output>, observer: O, body: B) -> Self
    where
        B: Body<Output: 'static> + 'static,
        O: Observed,
    {
        let Ticket {
            identity,
            is_late,
            completer,
        } = ticket;
        raw::task(identity, is_late, completer, observer, body).into()
    }

    pub(crate) fn task(&self) -> &Arc<Task> {
        self.task
            .as_ref()
            .expect("it is taken out at the end alone")
    }

    /// Takes the payload out, for the run queue.
    pub(crate) fn into_task(mut self) -> Arc<Task> {
        self.task.take().expect("it is taken out at the end alone")
    }

    /// Runs blocking code to its end.
    pub(crate) fn run(self) {
        let polled = self.poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_ready(), "blocking code has no point to wait at");
    }

    /// Lets the payload go on, or drops it if it was cancelled. Never unwinds.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let task = self.task();
        let header = task.header();
        if !header.state.is_started() && !header.state.is_settled() {
            header.state.leave_driven();
            // The runner changes the phase first and cancels the registry afterwards, so a payload that it
            // does not find there sees the phase.
            header.scheduler().begin(task);
        }
        if advance(task, context).is_ready() {
            return Poll::Ready(());
        }
        // Registered before the second look at the flag: see the handshakes of the state.
        header.scheduler().park(header, context.waker());
        if !header.is_cancelled() {
            return Poll::Pending;
        }
        end(task);
        Poll::Ready(())
    }
}

impl From<Arc<Task>> for Runnable {
    fn from(task: Arc<Task>) -> Self {
        Self { task: Some(task) }
    }
}

/// Lets the payload go on, or drops it if it was cancelled. Never unwinds.
pub(crate) fn advance(task: &Arc<Task>, context: &mut Context<'_>) -> Poll<()> {
    let header = task.header();
    let state = &header.state;
    if header.is_cancelled() || state.is_settled() {
        end(task);
        return Poll::Ready(());
    }
    let is_first = !state.is_started();
    if state.is_blocking() {
        task.start();
    }
    match guarded(task, || task.step(task, context)) {
        Ok(Ok(Poll::Pending)) => {
            if is_first {
                task.start();
            }
            return Poll::Pending;
        }
        Ok(Ok(Poll::Ready(cause))) => conclude(task, cause.map(|cause| *cause), None),
        Ok(Err(ForeignThread)) => finish(
            task,
            None,
            Some("its flavour polled it on a thread other than its own: its future was leaked"),
        ),
        Err(panic) => finish(task, task.take_panic(panic), None),
    }
    Poll::Ready(())
}

impl Drop for Runnable {
    fn drop(&mut self) {
        let Some(task) = &self.task else { return };
        let lost = match context::dropping() {
            _ if task.state().is_settled() => {
                // Over, or lost with its flavour; only the latter's code is still here.
                if let Err(panic) = discard(task) {
                    task.fail(Cause::panic(panic));
                }
                return;
            }
            // Whoever handed it in knows. The closure goes with the task, its panic goes on there.
            Dropping::Refused => {
                task.settle();
                return;
            }
            Dropping::ByFlavour if !task.header().is_cancelled() => {
                Some("its flavour dropped it unfinished")
            }
            Dropping::ByFlavour | Dropping::Unrun => None,
        };
        finish(task, None, lost);
    }
}

/// Ends a payload that is cancelled, or of which nothing but its code is left.
pub(crate) fn end(task: &Arc<Task>) {
    finish(task, None, None);
}

/// Ends the payload: drops what is left of the user's code, records its failures, settles its account, lets its
/// caller go on and tells its failures, in this order.
fn finish(task: &Arc<Task>, cause: Option<Cause>, lost: Option<&str>) {
    let discarded = discard(task);
    let lost = match discarded {
        Ok(Err(ForeignThread)) => {
            Some("its flavour dropped it on a thread other than its own: its future was leaked")
        }
        _ => lost,
    };
    conclude(task, lost.map(Cause::lost).or(cause), discarded.err());
}

/// Ends the payload, of whose code nothing is left.
fn conclude(task: &Arc<Task>, cause: Option<Cause>, panic: Option<Panic>) {
    let state = task.state();
    // Blocking code has a thread of its own, for whose last lines the report waits.
    let is_awaited = state.is_blocking() && task.lifetime().begin_ending(|| state.come_to_end());
    if cause.is_none() && panic.is_none() {
        // As most do.
        return settle(task, is_awaited);
    }
    let causes = [cause, panic.map(Cause::panic)].into_iter().flatten();
    let untold: Vec<_> = causes
        .filter_map(|cause| task.record_failure(cause))
        .collect();
    // Blocking code has a thread of its own, which may hang in a subscriber. An executor's must not.
    let tell = match state.is_blocking() && state.is_started() {
        true => Untold::tell,
        false => Untold::tell_aside,
    };
    if state.is_blocking() && !is_awaited {
        // Too late for the report, which may be about to list it as one that still runs.
        untold.into_iter().for_each(tell);
        return task.settle();
    }
    // Settled before that, as the payload itself holds up nothing any more.
    settle(task, is_awaited);
    untold.into_iter().for_each(tell);
}

/// Settles the payload's account, for which the report waits if it `is_awaited`.
fn settle(task: &Arc<Task>, is_awaited: bool) {
    task.settle();
    if is_awaited {
        task.lifetime().has_ended();
    }
}

/// Drops what is left of the user's code.
fn discard(task: &Arc<Task>) -> Result<Result<(), ForeignThread>, Panic> {
    guarded(task, || task.clear(task))
}

/// Runs the user's code as the current payload of this thread, its panics caught.
fn guarded<R>(task: &Arc<Task>, code: impl FnOnce() -> R) -> Result<R, Panic> {
    let state = task.state();
    state.set_polling(true);
    let result = context::enter(task, || catch_unwind(AssertUnwindSafe(code)));
    state.set_polling(false);
    result
}
