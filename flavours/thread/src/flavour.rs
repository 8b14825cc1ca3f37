//! The key and the threads behind it.

use std::sync::Arc;
use std::time::Instant;

use foster_core::{BoxError, Flavour, Identifier, Key, Rejected, Reporter, Subroutine};

use crate::threads::Threads;

/// The key of the thread flavour: subroutines, each on an OS thread that it has to itself.
///
/// Subroutines run in parallel with each other, and none waits for a thread: there is no bound on their
/// number. A thread is named after its payload. An execute runs on the caller's own thread.
///
/// # Thread-locals
///
/// A thread whose payload is over waits a second for another one of the same name, or from the same
/// place if it has none: that is many times cheaper than a new thread. So what a payload leaves in its
/// thread-locals, a later one may find; they are dropped when the thread ends, at the latest with the
/// runtime. What must be fresh for each payload belongs into the payload.
///
/// # Limits
///
/// Where the system gives no thread, those that wait for another payload end, whatever their names, and the
/// start is tried again, for an eighth of a second at most. If there still is none, the payload is refused with
/// the system's reason.
///
/// A thread cannot be cancelled. A subroutine that took a [`Shutdown`](foster_core::Shutdown) token
/// is asked to end and waited for, and is a straggler if it overruns the grace time; one that did not
/// is left behind. Either goes on until it ends or the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Thread;

impl Key for Thread {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("std::thread") }
    }

    fn start(
        &self,
        reporter: Reporter,
    ) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(Threads::new(reporter.stack_size())))
    }
}

impl Flavour for Threads {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        self.run_apart(payload)
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        if self.is_cancelled() {
            return Err(Rejected::new(payload));
        }
        payload.run();
        Ok(())
    }

    fn cancel(&self) {
        self.end_when_empty();
    }

    fn join(&self, by: Instant) -> bool {
        self.wait(by)
    }
}
