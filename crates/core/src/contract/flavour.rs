//! The trait behind every flavour, and the types that its authors need.

use std::fmt;
use std::time::Instant;

use crate::contract::probe::Probe;
use crate::errors::refusal::BoxError;

/// Runs payloads on one kind of executor.
///
/// A runtime holds its flavours as trait objects and does not know their types. A flavour sees
/// payloads, and nothing of results, panics, names or failures: core wraps all of these around the
/// payload. A flavour has two duties: to poll or run its payloads in its executor's context, and to
/// end on request.
///
/// A flavour is started through a [`Key`](crate::Key), which also gives it its identifier. Most
/// executors that poll on one thread need no code like this: see
/// [`ExecutorThread`](crate::ExecutorThread).
///
/// # A whole flavour
///
/// An executor of one thread that polls its payloads in turn, for as long as there are any:
///
/// ```
/// use std::future::Future;
/// use std::pin::Pin;
/// use std::sync::mpsc::{Receiver, Sender, channel};
/// use std::sync::{Arc, Condvar, Mutex};
/// use std::task::{Context, Waker};
/// use std::thread;
/// use std::time::{Duration, Instant};
///
/// use foster_core::{BoxError, Coroutine, Flavour, Identifier, Key, Rejected, Reporter, Runtime};
///
/// /// The key: a small value that says which flavour, and how to start it.
/// #[derive(Clone, Debug, PartialEq)]
/// struct Turns;
///
/// impl Key for Turns {
///     type Payload = Coroutine;
///
///     fn identifier(&self) -> Identifier {
///         const { Identifier::new("turns") }
///     }
///
///     fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
///         let (sender, receiver) = channel();
///         let ended = Arc::new((Mutex::new(false), Condvar::new()));
///         let at_end = Arc::clone(&ended);
///         thread::Builder::new().name("turns".to_owned()).spawn(move || {
///             if thread::spawn(move || take_turns(receiver)).join().is_err() {
///                 reporter.lost("its thread panicked");
///             }
///             *at_end.0.lock().unwrap() = true;
///             at_end.1.notify_all();
///         })?;
///         Ok(Arc::new(TurnsFlavour { queue: Mutex::new(Some(sender)), ended }))
///     }
/// }
///
/// fn take_turns(queue: Receiver<Coroutine>) {
///     let mut context = Context::from_waker(Waker::noop());
///     let mut payloads: Vec<Coroutine> = Vec::new();
///     let mut open = true;
///     while open || !payloads.is_empty() {
///         // Takes at most one new payload a round, so that those that run are never starved.
///         match queue.recv_timeout(Duration::from_millis(1)) {
///             Ok(payload) => payloads.push(payload),
///             Err(error) => open = error == std::sync::mpsc::RecvTimeoutError::Timeout,
///         }
///         payloads.retain_mut(|payload| Pin::new(payload).poll(&mut context).is_pending());
///     }
/// }
///
/// #[derive(Debug)]
/// struct TurnsFlavour {
///     queue: Mutex<Option<Sender<Coroutine>>>,
///     ended: Arc<(Mutex<bool>, Condvar)>,
/// }
///
/// impl Flavour for TurnsFlavour {
///     type Payload = Coroutine;
///
///     fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
///         match &*self.queue.lock().unwrap() {
///             Some(queue) => queue.send(payload).map_err(|error| Rejected::new(error.0)),
///             None => Err(Rejected::new(payload)),
///         }
///     }
///
///     fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
///         let completion = payload.completion();
///         self.spawn(payload)?;
///         completion.wait();
///         Ok(())
///     }
///
///     fn cancel(&self) {
///         *self.queue.lock().unwrap() = None;
///     }
///
///     fn join(&self, by: Instant) -> bool {
///         let ended = self.ended.0.lock().unwrap();
///         let left = by.saturating_duration_since(Instant::now());
///         *self.ended.1.wait_timeout_while(ended, left, |ended| !*ended).unwrap().0
///     }
/// }
///
/// let runtime = Runtime::builder().until_idle().build();
/// runtime.adopt(Turns, || async { println!("my turn") })?;
/// runtime.run()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// # Known flavours
///
/// `foster-smol`, `foster-tokio` and `foster-thread`; [`Manual`](crate::Manual) in this crate.
///
/// # For implementors
///
/// The clauses below have ids; `foster-testkit` has the cases that check them. The clauses here
/// hold for a payload from the moment the flavour took it until it is over, whichever method took
/// it:
///
/// - **POLL-1** A payload that was woken is polled again, whichever thread woke it, and also if it
///   was woken during a poll, its own or that of another, be it the last one. A wake that comes after
///   its end does no harm.
/// - **POLL-2** Polls and drops are inside the executor's context, where its timers and sockets
///   work. All [`Coroutine`](crate::Coroutine)s of a flavour are polled and dropped on one thread.
/// - **POLL-3** No payload is dropped, forgotten or left before it is ready. A flavour without
///   payloads waits for more. A flavour that cannot go on says so by
///   [`Reporter::lost`](crate::Reporter::lost).
pub trait Flavour: fmt::Debug + Send + Sync + 'static {
    /// The type of this flavour's payloads: [`Coroutine`](crate::Coroutine),
    /// [`Parallel`](crate::Parallel), [`Subroutine`](crate::Subroutine), or a type of the flavour's
    /// own that is built around one of them.
    type Payload;

    /// Takes `payload` and returns without waiting for it.
    ///
    /// # For implementors
    ///
    /// - **SPAWN-1** A payload that comes before [`cancel`](Self::cancel) is accepted, unless it
    ///   cannot be run at all. An accepted payload starts at most once, and does start unless it is
    ///   cancelled first.
    /// - **SPAWN-2** The caller is not blocked, even when every thread of the flavour is busy, and
    ///   the payload does not run inside this call.
    /// - **SPAWN-3** Payloads spawned from one thread start in that order.
    /// - **SPAWN-4** New payloads are taken in bounded batches: however many come, timers, sockets
    ///   and the running payloads go on.
    ///
    /// # What the runner promises
    ///
    /// Calls come from any thread and overlap. Any of them may race with `cancel`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] hands the payload back untouched, if `cancel` was called or if the flavour
    /// cannot run the payload.
    ///
    /// # Panics
    ///
    /// Never because of the payload, whose `poll` and `run` do not panic.
    fn spawn(&self, payload: Self::Payload) -> Result<(), Rejected<Self::Payload>>;

    /// Takes `payload` and returns when it is over. A cancelled payload is over, too.
    ///
    /// # For implementors
    ///
    /// - **BLOCK-1** It returns once the payload's [`Completion`](crate::Completion) is reached: no
    ///   earlier, and without needing anything more of the flavour.
    /// - **BLOCK-2** A flavour of [`Subroutine`](crate::Subroutine)s runs the payload right here,
    ///   on the calling thread. Any other flavour spawns it and waits.
    ///
    /// # What the runner promises
    ///
    /// It is not called where waiting could never end, such as on a thread of the flavour itself.
    /// The runner knows these threads from first polls, from
    /// [`Reporter::runs_here`](crate::Reporter::runs_here) and from
    /// [`Reporter::runs_where`](crate::Reporter::runs_where).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// Never because of the payload.
    fn block_on(&self, payload: Self::Payload) -> Result<(), Rejected<Self::Payload>>;

    /// Asks the flavour to end, and returns at once. The flavour takes nothing more, and its
    /// threads end when nothing is left to run.
    ///
    /// # For implementors
    ///
    /// - **CANCEL-1** Calling it twice is calling it once.
    /// - **CANCEL-2** Payloads are not dropped because of it: each has been woken, is ready at its
    ///   next poll, and drops the user's future there, in the executor's context. An executor is
    ///   dropped only when it is empty.
    /// - **CANCEL-3** From here on `spawn` and `block_on` reject every payload.
    /// - **CANCEL-4** It returns at once, even while payloads are alive or block their thread.
    /// - **CANCEL-5** The flavour's threads end as soon as nothing is left to run.
    ///
    /// # Limits
    ///
    /// Blocking code cannot be interrupted. Its flavour does not wait for it here, and need not
    /// wait in `join` beyond `by`.
    fn cancel(&self);

    /// Waits until `by` for the end of the flavour's threads. Returns whether they have ended.
    ///
    /// # For implementors
    ///
    /// - **JOIN-1** It returns at `by` at the latest. With a `by` in the past it only checks.
    /// - **JOIN-2** `true` means that no thread of the flavour runs any more.
    ///
    /// # What the runner promises
    ///
    /// `cancel` was called first, on all flavours, so that all of them end at the same time.
    fn join(&self, by: Instant) -> bool;

    /// Has the executor [answer](Probe::answer) soon, to show that it goes on. Liveness, watchdogs and the search for
    /// stalls rest on it. A flavour that cannot tell drops the probe, as this does unless it is implemented.
    ///
    /// # For implementors
    ///
    /// - **PROBE-1** It is answered on a thread of the executor, as soon as one of them comes to something new: not while all
    ///   of them are held up, by whatever they run.
    /// - **PROBE-2** The caller is not blocked.
    ///
    /// # What the runner promises
    ///
    /// Calls come from any thread. There are no more than a few open probes at a time.
    fn probe(&self, probe: Probe) {
        drop(probe);
    }
}

/// A payload that a flavour did not take and hands back.
pub struct Rejected<P> {
    payload: P,
    reason: Option<BoxError>,
}

impl<P> Rejected<P> {
    /// Hands `payload` back because the flavour has been cancelled.
    pub fn new(payload: P) -> Self {
        Self {
            payload,
            reason: None,
        }
    }

    /// Hands `payload` back because of `reason`, which the adopter gets to see.
    pub fn because(payload: P, reason: impl Into<BoxError>) -> Self {
        Self {
            payload,
            reason: Some(reason.into()),
        }
    }

    /// The payload.
    pub fn into_payload(self) -> P {
        self.payload
    }

    pub(crate) fn into_parts(self) -> (P, Option<BoxError>) {
        (self.payload, self.reason)
    }
}

impl<P> fmt::Debug for Rejected<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejected")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;
    use crate::{Coroutine, Subroutine};

    #[test]
    fn flavour_is_dyn_compatible() {
        fn _coroutines(_: &dyn Flavour<Payload = Coroutine>) {}
        fn _subroutines(_: &dyn Flavour<Payload = Subroutine>) {}
    }
}
