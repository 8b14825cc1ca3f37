//! What is measured: a runtime of Foster's, and the raw executors, each on a thread of its own.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_executor::Executor;
use foster::{Runtime, Signals};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// What an expectation says of a runtime that was just started.
pub(crate) const RUNS: &str = "the runtime runs";

/// A runtime as it is by default, but that Ctrl-C ends the bench and not what it measures, and that a
/// busy machine may take its time.
pub(crate) fn started() -> Runtime {
    let runtime = unstarted();
    runtime.start().expect("a new runtime starts");
    runtime
}

/// A runtime that waits as long as it takes, and prints as little as its peers.
pub(crate) fn unstarted() -> Runtime {
    Runtime::builder()
        .quiet()
        .signals(Signals::Leave)
        .grace(Duration::from_secs(600))
        .cancel_timeout(Duration::from_secs(600))
        .build()
}

/// Ends `runtime`, and returns when it is over.
pub(crate) fn stop(runtime: &Runtime) {
    runtime.shutdown();
    wait(runtime);
}

/// Returns when `runtime`, which has been asked to end, is over.
pub(crate) fn wait(runtime: &Runtime) {
    runtime.wait().expect("nothing fails");
}

/// What `sample` gives with a runtime that is there for it alone.
///
/// Executors that idle are not without effect on others: of the threads that wait in async-io, one has
/// the reactor, and is woken by a system call of another kind than the rest.
pub(crate) fn with_foster<T>(sample: impl FnOnce(&Runtime) -> T) -> T {
    let runtime = started();
    let outcome = sample(&runtime);
    stop(&runtime);
    outcome
}

/// A raw executor, on a thread that ends with it.
pub(crate) struct Raw<E> {
    pub(crate) executor: E,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl<E> Raw<E> {
    /// What `sample` gives with an executor that is there for it alone, as [`with_foster`].
    pub(crate) fn with<T>(self, sample: impl FnOnce(&E) -> T) -> T {
        let outcome = sample(&self.executor);
        self.stop();
        outcome
    }

    /// Ends the thread, which first drops the executor and all that is left in it.
    pub(crate) fn stop(self) {
        // What this side holds would keep it alive.
        drop(self.executor);
        drop(self.stop);
        self.thread.join().expect("nothing panics");
    }
}

pub(crate) type RawSmol = Raw<Arc<Executor<'static>>>;

/// async-executor's `Executor`, driven by one thread as smol's documentation shows.
pub(crate) fn smol() -> RawSmol {
    let executor = Arc::new(Executor::new());
    let driven = Arc::clone(&executor);
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || drop(async_io::block_on(driven.run(stopped))));
    Raw {
        executor,
        stop,
        thread,
    }
}

pub(crate) type RawTokio = Raw<Handle>;

/// tokio's current-thread runtime, driven by one thread and spawned on through its handle.
pub(crate) fn tokio() -> RawTokio {
    tokio_with(Builder::new_current_thread())
}

/// tokio's multi-thread runtime with a worker for each core, as Foster's flavour has it.
pub(crate) fn tokio_multi_thread() -> RawTokio {
    tokio_with(Builder::new_multi_thread())
}

/// The same with that many workers.
pub(crate) fn tokio_pool(workers: usize) -> RawTokio {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(workers);
    tokio_with(builder)
}

fn tokio_with(mut builder: Builder) -> RawTokio {
    let runtime = builder.enable_all().build().expect("tokio starts");
    let executor = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || drop(runtime.block_on(stopped)));
    Raw {
        executor,
        stop,
        thread,
    }
}
