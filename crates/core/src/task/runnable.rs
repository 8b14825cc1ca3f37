//! The wrapper of core around every payload: it handles the payload's thread, panics, outcome and
//! bookkeeping.
//!
//! A flavour only sees a [`Runnable`] inside a [`Coroutine`](crate::Coroutine), a
//! [`Parallel`](crate::Parallel) or a [`Subroutine`](crate::Subroutine). Results, panics, names and
//! failures stay inside.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

use crate::base::acting::{self, Inside};
use crate::base::sync::Arc;
use crate::errors::failure::Cause;
use crate::lifetime::Untold;
use crate::task::body::{BlockingBody, Body, Panic};
use crate::task::context::{self, Dropping};
use crate::task::header::Header;
use crate::task::observer::Observed;
use crate::task::raw::{self, Task};
use crate::task::stage::{ForeignThread, StageCell, boxed};
use crate::task::ticket::Ticket;

/// The size in bytes from which code gets an allocation of its own. Smaller code lies in its task.
/// It is moved a few times on the way there, on the stacks of the adopter and of the flavour's
/// thread; in a debug build each move takes stack space of its own.
const LARGE: usize = 16 * 1024;

pub(crate) const fn is_large<T>() -> bool {
    size_of::<T>() >= LARGE
}

/// The code of a coroutine.
type BoundCell<F, A> = StageCell<F, A, true>;

/// The code of a parallel.
type UnboundCell<F, A> = StageCell<F, A, false>;

/// A payload as flavours hold it: its task, which ends when this is dropped.
pub(crate) struct Runnable {
    /// `None` once the run queue has the task.
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
        let task = this.task();
        if !task.state().is_driven() {
            // Before the flavour has it, as the flavour may never poll it: its threads need not run.
            task.scheduler().register(task);
        }
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

    /// Takes the task out, for the run queue.
    pub(crate) fn into_task(mut self) -> Arc<Task> {
        let task = self.task.take();
        // Nothing is left to drop, and so nobody need look.
        mem::forget(self);
        task.expect("it is taken out at the end alone")
    }

    /// Runs blocking code to its end.
    pub(crate) fn run(self) {
        let polled = self.poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_ready(), "blocking code has no point to wait at");
    }

    /// Continues the payload, or drops it if it was cancelled. Never unwinds.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let task = self.task();
        let header = task.header();
        if !header.state.is_started() && !header.state.is_settled() {
            header.state.leave_driven();
            // The runner changes the phase first and cancels the registry afterwards. So a payload
            // that it does not find there sees the phase.
            header.scheduler().begin(task);
        }
        if advance(task, Some(&mut *context)).is_ready() {
            return Poll::Ready(());
        }
        // Registered before the flag is checked again: see the handshakes of the state.
        header.scheduler().keep_waker(header, context.waker());
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

/// Continues the payload, or drops it if it was cancelled. Never unwinds. Without a `context` it is woken by the run queue's
/// waker.
pub(crate) fn advance(task: &Arc<Task>, context: Option<&mut Context<'_>>) -> Poll<()> {
    let header = task.header();
    // A manual clock that woke the payload goes on when all of this is done.
    let inside = match header.state.is_blocking() {
        true => Inside::Blocking,
        false => Inside::Poll,
    };
    acting::scope(inside, || advance_in_scope(task, header, context))
}

fn advance_in_scope(
    task: &Arc<Task>,
    header: &Header,
    context: Option<&mut Context<'_>>,
) -> Poll<()> {
    let state = &header.state;
    if header.is_cancelled() || state.is_settled() {
        end(task);
        return Poll::Ready(());
    }
    let is_first = !state.is_started();
    if state.is_blocking() {
        task.start();
    }
    match guarded(task, header, || task.step(task, context)) {
        Ok(Ok(Poll::Pending)) => {
            if is_first {
                task.start();
            }
            return Poll::Pending;
        }
        // The usual case.
        Ok(Ok(Poll::Ready(None))) if !state.is_blocking() => task.settle_by(header),
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
        if let Some(task) = &self.task {
            dropped(task);
        }
    }
}

/// Its flavour, its adopter or its runtime drops the payload.
fn dropped(task: &Arc<Task>) {
    let lost = match context::dropping() {
        _ if task.state().is_settled() => {
            // Over, or lost with its flavour. Only a lost payload still has its code.
            if let Err(panic) = discard(task) {
                task.fail(Cause::panic(panic));
            }
            return;
        }
        // The adopter knows. The closure is dropped right here, as the runner or others may hold the
        // task for a moment, and a panic of it continues at the adopter.
        Dropping::Refused => {
            task.settle();
            let _leaked = task.clear(task);
            return;
        }
        Dropping::ByFlavour if !task.header().is_cancelled() => {
            Some("its flavour dropped it unfinished")
        }
        Dropping::ByFlavour | Dropping::Unrun => None,
    };
    finish(task, None, lost);
}

/// Ends a payload that was cancelled, or that has nothing left but its code.
pub(crate) fn end(task: &Arc<Task>) {
    finish(task, None, None);
}

/// Ends the payload, in this order: drops the rest of the user's code, records the failures, marks
/// the payload as over, lets its caller go on, and tells the failures. Blocking code that ends too late for
/// the report tells first: see `conclude`.
fn finish(task: &Arc<Task>, cause: Option<Cause>, lost: Option<&str>) {
    let discarded = discard(task);
    let state = task.state();
    if matches!(discarded, Ok(Ok(()))) && cause.is_none() && lost.is_none() && !state.is_blocking()
    {
        // The usual case: it was cancelled.
        return task.settle();
    }
    let lost = match discarded {
        Ok(Err(ForeignThread)) => {
            Some("its flavour dropped it on a thread other than its own: its future was leaked")
        }
        _ => lost,
    };
    conclude(task, lost.map(Cause::lost).or(cause), discarded.err());
}

/// Ends a payload whose code is gone.
fn conclude(task: &Arc<Task>, cause: Option<Cause>, panic: Option<Panic>) {
    let state = task.state();
    // Blocking code has a thread of its own, and the report waits for the last lines of that
    // thread.
    let is_awaited = state.is_blocking() && task.lifetime().begin_ending(|| state.come_to_end());
    if cause.is_none() && panic.is_none() {
        return settle(task, is_awaited);
    }
    // That a group ends is no failure of what ends with it.
    let cause = cause.filter(|cause| !(cause.is_of_group() && task.header().part().is_closed()));
    let causes = [cause, panic.map(Cause::panic)].into_iter().flatten();
    let untold: Vec<_> = causes
        .filter_map(|cause| task.record_failure(cause))
        .collect();
    // Blocking code has a thread of its own, which may hang in a subscriber. An executor's thread
    // must not.
    let tell = match state.is_blocking() && state.is_started() {
        true => Untold::tell,
        false => Untold::tell_aside,
    };
    if state.is_blocking() && !is_awaited {
        // Too late for the report, which may be about to list the payload as still running.
        untold.into_iter().for_each(tell);
        return task.settle();
    }
    // Settled before the failures are told, as the payload itself holds up nothing any more.
    settle(task, is_awaited);
    untold.into_iter().for_each(tell);
}

/// Marks the payload as over. If it `is_awaited`, the report waits for this.
fn settle(task: &Arc<Task>, is_awaited: bool) {
    task.settle();
    if is_awaited {
        task.lifetime().has_ended();
    }
}

/// Drops the rest of the user's code.
fn discard(task: &Arc<Task>) -> Result<Result<(), ForeignThread>, Panic> {
    guarded(task, task.header(), || task.clear(task))
}

/// Runs user code as the current payload of this thread, and catches its panics.
fn guarded<R>(task: &Arc<Task>, header: &Header, code: impl FnOnce() -> R) -> Result<R, Panic> {
    let state = &header.state;
    #[cfg(feature = "console")]
    let code = || {
        let _turn = header.seen.enter(task);
        code()
    };
    state.set_polling(true);
    let result = context::enter(task, || catch_unwind(AssertUnwindSafe(code)));
    state.set_polling(false);
    result
}
