//! Payloads that wait for the start of their runtime.

use std::time::{Duration, Instant};

use super::spawn::spawn;
use crate::base::latch::Latch;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::errors::failure::{Failure, Origin};
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::{Lifetime, Phase};
use crate::scheduler::Scheduler;
use crate::task::{self, Dropping};

/// The launch is held up after this many batches: payloads are handed in as fast as it spawns them.
const BATCHES: usize = 3;

/// How long an adopt waits, at most, for a launch that is held up.
const MAKING_WAY: Duration = Duration::from_secs(1);

/// A waiting payload. Dropping it drops the payload unrun.
trait LaunchLater: Send {
    fn launch(self: Box<Self>);
}

/// The waiting payloads, in the order in which they came.
#[derive(Default)]
pub(super) struct Waiting {
    queue: Mutex<StartQueue>,
    launched: Latch,
    /// Nothing waits any more: everything was launched or dropped.
    over: Latch,
}

#[derive(Default)]
struct StartQueue {
    payloads: Vec<Box<dyn LaunchLater>>,
    /// How many times the launch found waiting payloads.
    batches: usize,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, StartQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a payload wait for the start, or hands it back if the start is over.
    pub(super) fn push<P: Send + 'static>(
        &self,
        scheduler: &Arc<Scheduler>,
        payload: P,
        origin: impl FnOnce() -> Origin,
    ) -> Result<(), P> {
        let is_over = || scheduler.lifetime().phase() >= Phase::Running;
        if is_over() {
            return Err(payload);
        }
        let mut queue = self.lock();
        if queue.batches >= BATCHES {
            // Payloads that adopt their successors, or threads that only adopt, could keep the
            // launch busy for ever. The launch waits for nobody, so it ends soon if nothing is
            // added. But a flavour may start slowly, and adopt from there.
            drop(queue);
            self.launched.wait(Instant::now() + MAKING_WAY);
            queue = self.lock();
        }
        // Under the lock: the launch leaves Starting only while it holds the lock and finds
        // nothing.
        if is_over() {
            return Err(payload);
        }
        queue.payloads.push(Box::new(WaitingPayload {
            scheduler: Arc::clone(scheduler),
            origin: origin(),
            payload: Some(payload),
        }));
        Ok(())
    }

    /// Starts the waiting payloads in order, and opens the runtime to all others.
    ///
    /// A payload that starts here may hand in more payloads. Those wait as well, until the ones
    /// before them have been spawned.
    pub(super) fn launch(&self, lifetime: &Arc<Lifetime>) {
        let runs;
        loop {
            let batch = {
                let mut queue = self.lock();
                if queue.payloads.is_empty() {
                    // Fails if the runtime is stopping already.
                    runs = lifetime.advance(Phase::Starting, Phase::Running);
                    break;
                }
                queue.batches += 1;
                std::mem::take(&mut queue.payloads)
            };
            for payload in batch {
                payload.launch();
            }
        }
        self.launched.open();
        if runs {
            lifetime.note("runtime.started", "the runtime runs");
            if std::process::id() == 1 {
                let text =
                    "this is process 1, and nobody reaps the processes whose parents have ended";
                lifetime.note("runtime.process_one", text);
            }
            lifetime.has_changed(RuntimeChange::Started).wake();
        }
    }

    /// The start is over, and everything that it dropped is dropped.
    pub(super) fn open(&self) {
        self.over.open();
    }

    /// Waits until the start is over, at most until `by`.
    pub(super) fn wait(&self, by: Instant) {
        self.over.wait(by);
    }

    /// Drops the waiting payloads.
    pub(super) fn drop_unrun(&self) {
        // Taken out first: a closure's destructor may use the runtime.
        let payloads = std::mem::take(&mut self.lock().payloads);
        drop(payloads);
    }
}

struct WaitingPayload<P> {
    scheduler: Arc<Scheduler>,
    origin: Origin,
    payload: Option<P>,
}

impl<P: Send + 'static> LaunchLater for WaitingPayload<P> {
    fn launch(mut self: Box<Self>) {
        let Some(payload) = self.payload.take() else {
            return;
        };
        let scheduler = &self.scheduler;
        let Some(typed) = scheduler.typed() else {
            return;
        };
        let Err(reason) = spawn(scheduler, typed, payload) else {
            return;
        };
        // `None` if the payload's turn came only after the grace time, so that it was dropped
        // unrun.
        if let Some(cause) = reason.into_cause() {
            let failure = Failure::new(self.origin.clone(), cause);
            drop(scheduler.part.record(failure));
        }
    }
}

impl<P> Drop for WaitingPayload<P> {
    fn drop(&mut self) {
        // No failure, unless its destructor panics.
        task::drop_for(Dropping::Unrun, self.payload.take());
    }
}
