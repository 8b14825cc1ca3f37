//! What core wraps around every payload: its thread, its panics, its outcome, its accounting.
//!
//! A flavour only ever sees an [`Envelope`] inside a [`Coroutine`](crate::Coroutine), a
//! [`Parallel`](crate::Parallel) or a [`Subroutine`](crate::Subroutine); results, panics, names and
//! failures stay in here.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::body::{AsyncBody, BlockingBody, Body, End, ForeignThread, Panic, Sink};
use crate::bound::Bound;
use crate::context::{self, Dropping};
use crate::failure::Cause;
use crate::lifetime::Phase;
use crate::outcome::Outcome;
use crate::record::{Header, Record};
use crate::reply::{Gate, Reply};
use crate::service::{Attempt, Judged};
use crate::sync::{Arc, MutexGuard};

/// The account of one payload that is about to be handed to a flavour: whose it is, and where its
/// result goes. Made by the runtime, used up by making a payload with it.
pub struct Ticket<T> {
    header: Header,
    sink: Sink<T>,
}

impl<T: 'static> Ticket<T> {
    pub(crate) fn adopted(header: Header) -> Self
    where
        T: Outcome,
    {
        Self {
            header,
            sink: Sink::Adopted(T::verdict),
        }
    }

    pub(crate) fn called(header: Header, reply: &Arc<Reply<T>>) -> Self
    where
        T: Send,
    {
        Self {
            header,
            sink: Sink::Called(Arc::clone(reply) as _),
        }
    }
}

impl Ticket<Judged> {
    /// For one run of a service, whose outcome is judged where it is known what it was asked.
    pub(crate) fn of_service(attempt: Arc<Attempt>) -> Self {
        Self {
            header: Header::of_service(attempt),
            sink: Sink::Adopted(Judged::into_cause),
        }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket for {}", self.header.origin())
    }
}

/// A payload with all that core wraps around it.
pub(crate) struct Envelope {
    record: Arc<Record>,
}

impl Envelope {
    pub(crate) fn coroutine<F, A>(make: F, ticket: Ticket<A::Output>) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + 'static,
    {
        let gate = ticket.sink.gate();
        let body = AsyncBody::<F, A, Bound<A>>::new(make, ticket.sink);
        Self::new(ticket.header, gate, false, body)
    }

    pub(crate) fn parallel<F, A>(make: F, ticket: Ticket<A::Output>) -> Self
    where
        F: FnOnce() -> A + Send + 'static,
        A: Future<Output: 'static> + Send + 'static,
    {
        let gate = ticket.sink.gate();
        let body = AsyncBody::<F, A, Pin<Box<A>>>::new(make, ticket.sink);
        Self::new(ticket.header, gate, false, body)
    }

    pub(crate) fn subroutine<F, T>(code: F, ticket: Ticket<T>) -> Self
    where
        F: FnOnce() -> T + Send + 'static,
        T: 'static,
    {
        let gate = ticket.sink.gate();
        let body = BlockingBody::new(code, ticket.sink);
        Self::new(ticket.header, gate, true, body)
    }

    fn new(
        header: Header,
        gate: Option<Arc<dyn Gate>>,
        blocking: bool,
        body: impl Body + 'static,
    ) -> Self {
        let record: Arc<Record> = Arc::new(Record::new(header, gate.clone(), blocking, body));
        if let Some(attempt) = record.attempt() {
            attempt.belongs_to(Arc::downgrade(&record));
        }
        if let Some(gate) = gate {
            gate.belongs_to(Arc::downgrade(&record));
        }
        Self { record }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Runs blocking code to its end.
    pub(crate) fn run(mut self) {
        let polled = self.poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(polled.is_ready(), "blocking code has no point to wait at");
    }

    /// Lets the payload go on, or drops it if it was cancelled. Never unwinds.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let record = &self.record;
        let mut body = record.body();
        let first = !record.is_started();
        if first && !record.is_settled() {
            begin(record);
        }
        if record.is_cancelled() || record.is_settled() {
            finish(record, body, End::Dropped, None);
            return Poll::Ready(());
        }
        if record.is_blocking() {
            record.slot().count_start(record);
        }
        match guarded(record, || body.poll(context)) {
            Ok(Ok(Poll::Pending)) => {
                if first {
                    record.slot().count_start(record);
                }
                // Registered before the second look at the flag: who cancels sets the flag first
                // and wakes afterwards, so either the wake or the look finds it.
                record.slot().park(record, context.waker());
                if !record.is_cancelled() {
                    return Poll::Pending;
                }
                finish(record, body, End::Dropped, None);
            }
            Ok(Ok(Poll::Ready(()))) => finish(record, body, End::Returned, None),
            Ok(Err(ForeignThread)) => finish(
                record,
                body,
                End::Dropped,
                Some("its flavour polled it on a thread other than its own: its future was leaked"),
            ),
            Err(panic) => finish(record, body, End::Panicked(panic), None),
        }
        Poll::Ready(())
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        let record = &self.record;
        let lost = match context::dropping() {
            _ if record.is_settled() => {
                // Over, or lost with its flavour; only the latter's code is still here.
                if let Err(panic) = discard(record, &mut *record.body()) {
                    record.fail(Cause::panic(panic));
                }
                return;
            }
            // Whoever handed it in knows. The closure goes with the record, its panic goes on there.
            Dropping::Refused => {
                settle(record);
                return;
            }
            Dropping::ByFlavour
                if !record.is_cancelled() && record.lifetime().phase() < Phase::Cancelling =>
            {
                Some("its flavour dropped it unfinished")
            }
            Dropping::ByFlavour | Dropping::Unrun => None,
        };
        finish(record, record.body(), End::Dropped, lost);
    }
}

/// Enters the payload into its slot's registry, and cancels it if that came too late.
fn begin(record: &Arc<Record>) {
    record.slot().register(record);
    // The runner changes the phase first and cancels the registry afterwards, so a payload that it
    // does not find there sees the phase here.
    if record.lifetime().phase() >= Phase::Cancelling {
        record.cancel();
    }
}

/// Ends the payload: drops what is left of the user's code, tells its failures, settles its account
/// and lets its caller go on, in this order.
fn finish(
    record: &Arc<Record>,
    mut body: MutexGuard<'_, dyn Body + 'static>,
    end: End,
    lost: Option<&str>,
) {
    let discarded = discard(record, &mut *body);
    let lost = match discarded {
        Ok(Err(ForeignThread)) => {
            Some("its flavour dropped it on a thread other than its own: its future was leaked")
        }
        _ => lost,
    };
    let cause = body.end(end);
    drop(body);
    let ending = record.is_blocking() && record.lifetime().is_ending(record);
    if let Some(cause) = lost.map(Cause::lost).or(cause) {
        record.fail(cause);
    }
    if let Err(panic) = discarded {
        record.fail(Cause::panic(panic));
    }
    settle(record);
    if ending {
        record.lifetime().has_ended();
    }
}

/// Settles the payload's account, unless its flavour was lost and that is done.
fn settle(record: &Record) {
    if let Some(ended) = record.settle() {
        record.slot().remove(record, ended);
        record.open_gate();
    }
}

/// Drops what is left of the user's code.
fn discard(record: &Arc<Record>, body: &mut dyn Body) -> Result<Result<(), ForeignThread>, Panic> {
    if body.is_gone() {
        return Ok(Ok(()));
    }
    guarded(record, || body.discard())
}

/// Runs the user's code as the current payload of this thread, its panics caught.
fn guarded<R>(record: &Arc<Record>, code: impl FnOnce() -> R) -> Result<R, Panic> {
    record.set_polling(true);
    let result = context::enter(record, || catch_unwind(AssertUnwindSafe(code)));
    record.set_polling(false);
    result
}
