//! What an application needs beside `shutdown` to handle signals itself.

use std::time::Instant;

use super::Runtime;
use crate::lifetime::{Phase, StopReason};

impl Runtime {
    /// Begins the [drain](crate::Builder::drain) of the runtime, as SIGTERM does, and returns at once. Without a time for
    /// that, and before the start, it is [`shutdown`](Self::shutdown). Nothing happens if the runtime drains or stops.
    ///
    /// For an application that handles signals itself, or is told otherwise that it is to end: a request to `/drain`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use foster_core::{Clock, Manual, Runtime};
    /// # let (clock, manual) = (Clock::manual(), Manual::new());
    /// let drain = Duration::from_secs(5);
    /// let runtime = Runtime::builder().drain(drain).clock(clock.clone()).build();
    /// runtime.start()?;
    /// runtime.drain();
    /// assert!(runtime.is_draining() && !runtime.is_stopping());
    /// clock.advance(drain);
    /// assert!(!runtime.is_draining() && runtime.is_stopping());
    /// # runtime.wait()?;
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    pub fn drain(&self) {
        self.core().lifetime.drain(StopReason::Call);
    }

    /// Whether the runtime [drains](crate::Builder::drain): it goes on, and is to get nothing new. `false` once it stops.
    pub fn is_draining(&self) -> bool {
        self.core().lifetime.draining_since().is_some()
    }

    /// Ends the grace time of a runtime that stops, now, and returns at once: what has not ended is cancelled. Nothing happens
    /// if the stop has not begun, or if that time is over.
    ///
    /// It is what the second signal does, for an application that [leaves signals](crate::Signals::Leave) to itself. Payloads
    /// with a token that are cut short by it are stragglers in the report.
    ///
    /// ```
    /// # use foster_core::{Manual, RunError, Runtime, Shutdown};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// runtime.adopt(manual.clone(), || async {
    ///     let _shutdown = Shutdown::current();
    ///     std::future::pending::<()>().await; // and never looks at it
    /// })?;
    /// runtime.start()?;
    /// # while !manual.step() {}
    /// runtime.shutdown();
    /// runtime.end_grace();
    /// # let waits = runtime.clone();
    /// # let waiting = std::thread::spawn(move || waits.wait());
    /// # while !waiting.is_finished() { manual.step(); }
    /// let error = runtime.wait().unwrap_err();
    /// assert_eq!(error.stragglers().len(), 1);
    /// # Ok::<(), RunError>(())
    /// ```
    pub fn end_grace(&self) {
        if self.is_stopping() {
            self.core().lifetime.cut_short();
        }
    }

    /// Whether the stop has begun: by [`shutdown`](Self::shutdown), a failure, a signal, or as the runtime was idle. It
    /// stays so once the runtime is over.
    pub fn is_stopping(&self) -> bool {
        self.core().lifetime.phase() >= Phase::Stopping
    }

    /// When a failure began the stop, in real time. `None` if none did, or if the runtime is not stopping.
    ///
    /// For an application that [handles signals itself](crate::Signals): one that comes well after a failure is meant for the
    /// stop that goes on.
    pub fn failing_since(&self) -> Option<Instant> {
        self.core()
            .lifetime
            .failing_since()
            .filter(|_| self.is_stopping())
    }
}
