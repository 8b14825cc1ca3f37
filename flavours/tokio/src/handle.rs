//! An existing tokio runtime as a flavour.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use foster_core::{
    BoxError, Flavour, Identifier, Key, Parallel, PoolIntake, Probe, Rejected, Reporter,
};
use tokio::runtime::Handle;

use crate::driven::is_driven_here;
use crate::drivers;

/// The key of a flavour on an existing tokio runtime, such as that of `#[tokio::main]`.
///
/// Its payloads are [`Parallel`]s: their futures are `Send`. On a runtime with several threads they
/// run in parallel with each other; on a current-thread runtime they do not.
///
/// ```
/// use foster_core::Runtime;
/// use foster_tokio::TokioHandle;
///
/// #[tokio::main]
/// async fn main() -> Result<(), foster_core::RunError> {
///     let runtime = Runtime::builder().until_idle().build();
///     runtime.adopt(TokioHandle::current(), || async { println!("on the runtime of main") })?;
///     runtime.start()?;
///     runtime.wait_async().await // `wait` would block a thread that tokio needs
/// }
/// ```
///
/// # Limits
///
/// Foster does not own the tokio runtime. It watches and cancels its payloads one by one, like those of any
/// flavour. Other tasks are neither seen nor touched, and the tokio runtime goes on when Foster's ends. If the
/// tokio runtime ends first, it drops the payloads, and each is reported as lost.
///
/// A tokio runtime that nobody drives polls nothing, for instance a current-thread runtime whose thread blocks in
/// [`wait`](foster_core::Runtime::wait). Its payloads are then stragglers, each by its name.
///
/// Payloads are no tasks of tokio's: one task for each worker polls them, as on [`TokioMultiThread`](struct@crate::TokioMultiThread), with
/// the same limits. Workers that are busy with payloads alone look at sockets and timers after some thousand of them, unless the runtime
/// is built with a smaller [`event_interval`](tokio::runtime::Builder::event_interval).
///
/// An [`execute`](foster_core::Runtime::execute) is refused as a deadlock on a thread that polls the tokio
/// runtime's tasks: the driver of a current-thread runtime or a worker of a pool, also in tasks spawned by other
/// means. It is taken on all other threads, such as that of `#[tokio::main]` beside a pool, or one in
/// `spawn_blocking` or `block_in_place`. A thread that [enters](tokio::runtime::Handle::enter) another runtime's
/// context while it runs a task counts as that other runtime's thread.
#[derive(Clone)]
pub struct TokioHandle {
    handle: Handle,
}

impl TokioHandle {
    /// Makes a flavour of the runtime behind `handle`.
    pub fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// Makes a flavour of the runtime that runs the calling code.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as [`Handle::current`] does.
    #[track_caller]
    pub fn current() -> Self {
        Self::new(Handle::current())
    }
}

impl PartialEq for TokioHandle {
    fn eq(&self, other: &Self) -> bool {
        self.handle.id() == other.handle.id()
    }
}

impl fmt::Debug for TokioHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokioHandle of runtime {}", self.handle.id())
    }
}

/// A driver has its turn after so many payloads. How often the runtime looks at its sockets is its owner's choice: usually after
/// 61 such turns.
const POLLS: u32 = 16;

impl Key for TokioHandle {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("tokio::runtime::handle") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        let threads = self.handle.metrics().num_workers();
        reporter.runs_on(threads);
        let handle = self.handle.clone();
        reporter.runs_where(move || is_driven_here(&handle));
        let payloads = PoolIntake::new(&reporter, threads);
        let driven = Arc::new(Driven::default());
        let last = Arc::new(Last(Arc::clone(&driven)));
        drivers::spawn(&payloads, &self.handle, POLLS, last);
        Ok(Arc::new(OnHandle {
            handle: self.handle.clone(),
            payloads,
            driven,
        }))
    }
}

#[derive(Debug)]
struct OnHandle {
    handle: Handle,
    payloads: PoolIntake,
    driven: Arc<Driven>,
}

impl Flavour for OnHandle {
    type Payload = Parallel;

    fn spawn(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        self.payloads.push(payload)
    }

    fn block_on(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        let completion = payload.completion();
        self.payloads.push(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.payloads.close();
    }

    /// By a task of its own: payloads that block some threads do not hold it up.
    fn probe(&self, probe: Probe) {
        drop(self.handle.spawn(async move { probe.answer() }));
    }

    fn join(&self, by: Instant) -> bool {
        // The threads are not this flavour's; only the payloads are. Where nobody polls the drivers, they do not end.
        self.payloads.is_over() || self.driven.wait_for_end(by)
    }
}

/// Whether a driver is left.
#[derive(Debug, Default)]
struct Driven {
    over: Mutex<bool>,
    changed: Condvar,
}

impl Driven {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_end(&self, by: Instant) -> bool {
        let left = by.saturating_duration_since(Instant::now());
        let (over, _) = self
            .changed
            .wait_timeout_while(self.lock(), left, |over| !*over)
            .unwrap_or_else(PoisonError::into_inner);
        *over
    }
}

/// What all drivers have.
struct Last(Arc<Driven>);

impl Drop for Last {
    fn drop(&mut self) {
        *self.0.lock() = true;
        self.0.changed.notify_all();
    }
}
