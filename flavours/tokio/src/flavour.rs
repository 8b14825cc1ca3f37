//! The key and the executor behind it.

use std::sync::Arc;

use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, Flavour, Identifier, Intake, Key, Reporter,
};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::yield_now;

use crate::newcomers::Newcomers;

/// The key of the tokio flavour: coroutines on one thread, on a tokio runtime with all its drivers
/// enabled.
///
/// Its futures need not be `Send`, and never run in parallel with each other.
///
/// # Limits
///
/// A payload becomes a tokio task of its own if it is not over after its first poll, so
/// `tokio::task::id()` gives another value from its second poll on.
///
/// Jobs of `spawn_blocking` run on tokio's own threads, cannot be cancelled, and are left behind
/// when the runtime ends. Other tasks that a payload spawned are dropped then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tokio;

impl Key for Tokio {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("tokio") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let name = format!("foster {} blocking", reporter.identifier());
        ExecutorThread::start(reporter, move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .thread_name(name)
                .build_local(LocalOptions::default())?;
            Ok(TokioExecutor(runtime))
        })
    }
}

struct TokioExecutor(LocalRuntime);

impl Executor for TokioExecutor {
    fn run(&self, intake: &Intake) {
        let newcomers = Newcomers::default();
        // The handle is not kept: the task ends with the runtime.
        drop(self.0.spawn_local(newcomers.clone().poll_first()));
        let feed = intake.feed(|payload| newcomers.push(payload), yield_now);
        self.0.block_on(feed);
    }

    fn close(self) {
        // A plain drop would wait for blocking jobs, without a limit.
        self.0.shutdown_background();
    }
}
