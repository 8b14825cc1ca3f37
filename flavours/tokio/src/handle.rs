//! An existing tokio runtime as a flavour.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use foster_core::{BoxError, Flavour, Identifier, Key, Parallel, Probe, Rejected, Reporter};
use tokio::runtime::Handle;

use crate::driven::is_driven_here;
use crate::parallels::Parallels;

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

impl Key for TokioHandle {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("tokio::runtime::handle") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        reporter.runs_on(self.handle.metrics().num_workers());
        let handle = self.handle.clone();
        reporter.runs_where(move || is_driven_here(&handle));
        Ok(Arc::new(OnHandle {
            handle: self.handle.clone(),
            // The runtime goes on.
            payloads: Arc::new(Parallels::noted(reporter.waking())),
        }))
    }
}

#[derive(Debug)]
struct OnHandle {
    handle: Handle,
    payloads: Arc<Parallels>,
}

impl Flavour for OnHandle {
    type Payload = Parallel;

    fn spawn(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        self.payloads.spawn(&self.handle, payload)
    }

    fn block_on(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        self.payloads.block_on(&self.handle, payload)
    }

    fn cancel(&self) {
        self.payloads.cancel();
    }

    fn probe(&self, probe: Probe) {
        self.payloads.probe(&self.handle, probe);
    }

    fn join(&self, by: Instant) -> bool {
        // The threads are not this flavour's; only the payloads are.
        self.payloads.join(by)
    }
}
