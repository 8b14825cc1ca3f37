//! The key and the executor behind it.

use std::panic::resume_unwind;
use std::sync::Arc;

use foster_core::{
    BoxError, Coroutine, Executor, ExecutorThread, Flavour, Identifier, Intake, Key, Reporter,
};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::task::coop::has_budget_remaining;
use tokio::task::yield_now;

#[cfg(feature = "test-util")]
use crate::paused::PausedTime;

/// The key of the tokio flavour: coroutines on one thread, on a tokio runtime with all its drivers
/// enabled.
///
/// Its futures need not be `Send`, and never run in parallel with each other.
///
/// # Limits
///
/// All payloads are polled in one tokio task, so `tokio::task::id()` is the same in all of them. They share
/// that task's budget: once it is spent, tokio has a turn before the next payload.
///
/// On a [`Clock::manual_with_executors`](foster_core::Clock::manual_with_executors) tokio's time is paused, and moves with
/// the clock. This takes the feature `test-util`; without it the flavour does not start on such a clock. See the
/// [crate's page](crate#time-in-tests).
///
/// Jobs of `spawn_blocking` run on tokio's own threads, cannot be cancelled, and are left behind
/// when the runtime ends. Other tasks spawned by payloads are dropped then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tokio;

impl Key for Tokio {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("tokio") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let name = format!("foster {} blocking", reporter.identifier());
        let stack_size = reporter.stack_size();
        let leader = reporter.leader();
        #[cfg(not(feature = "test-util"))]
        if leader.is_some() {
            return Err(
                "its time cannot follow the clock: that takes the feature `test-util`".into(),
            );
        }
        ExecutorThread::begin(reporter, move || {
            let mut runtime = Builder::new_current_thread();
            runtime.enable_all().thread_name(name);
            if let Some(bytes) = stack_size {
                runtime.thread_stack_size(bytes);
            }
            #[cfg(feature = "test-util")]
            let paused = leader.map(|leader| {
                let (time, orders) = PausedTime::of(&mut runtime, leader.clone());
                leader.lead(Arc::downgrade(&time) as _);
                (time, orders)
            });
            let runtime = runtime.build_local(LocalOptions::default())?;
            #[cfg(feature = "test-util")]
            if let Some((time, orders)) = paused {
                time.follow_on(&runtime, orders);
            }
            Ok(TokioExecutor(runtime))
        })
    }
}

struct TokioExecutor(LocalRuntime);

impl Executor for TokioExecutor {
    fn run(&self, intake: &Intake) {
        // A task, as tokio's own functions need to be called in one. All payloads share its budget, so tokio has
        // its turn when the budget is spent.
        let payloads = intake.drive(yield_now, || !has_budget_remaining());
        let payloads = self.0.spawn_local(payloads);
        if let Err(error) = self.0.block_on(payloads) {
            if let Ok(panic) = error.try_into_panic() {
                resume_unwind(panic);
            }
        }
    }

    fn close(self) {
        // A plain drop would wait for blocking jobs, without a limit.
        self.0.shutdown_background();
    }
}
