//! The key and the threads behind it.

use std::sync::Arc;
use std::time::Instant;

use foster_core::{BoxError, Flavour, Identifier, Key, Rejected, Reporter, Subroutine};

use crate::threads::Threads;

/// The key of the thread flavour: subroutines, each on its own OS thread.
///
/// Subroutines run in parallel with each other, and none waits for a thread: their number has no limit. A
/// thread is named after its payload. An execute runs on the caller's own thread.
///
/// # Thread-locals
///
/// After its payload a thread waits a second for another of the same name, or from the same place if it has
/// none: this is many times cheaper than a new thread. A later payload may therefore find values in the
/// thread-locals. They are dropped when the thread ends, at the latest with the runtime. Keep values that
/// must be fresh for each payload in the payload itself.
///
/// # Limits
///
/// If the system gives no thread, all idle threads end, whatever their names, and the start is tried again,
/// for an eighth of a second at most. If there still is no thread, the payload is refused with the system's
/// reason.
///
/// A thread cannot be cancelled. A subroutine with a [`Shutdown`](foster_core::Shutdown) token is asked to
/// end and waited for, and is a straggler if it overruns the grace time. A subroutine without one is left
/// behind. Both go on until they return or the process ends.
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
