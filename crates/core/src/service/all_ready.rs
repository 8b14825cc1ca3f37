//! Readiness of a runtime as a whole: whether all services are ready that were handed in before the start.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::supervisor::supervisor;
use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::errors::ready::ReadyError;
use crate::lifetime::{Lifetime, Phase};
use crate::runtime::Runtime;

impl Runtime {
    /// A future that completes when all services that were handed in before the start have been ready.
    ///
    /// A service that is over has nothing to wait for: one that has ended, and one that [may
    /// fail](crate::Settings::may_fail) and has. Without services the runtime is ready as soon as it has started. Once
    /// complete, it completes at once for whoever asks later, also while the runtime stops.
    ///
    /// # Errors
    ///
    /// If the runtime's stop begins first. The error names the services that had not been ready, and the failure for which
    /// the runtime stops, if it does so for one. A signal may come at any time, too: a program that waits outside of the
    /// runtime then goes on to [`wait`](Runtime::wait), which tells whether anything failed.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
    /// runtime.serve(service(manual.clone(), || async {}))?;
    /// runtime.start()?;
    /// while !manual.step() {}
    /// // In async code: `runtime.ready().await`.
    /// if runtime.wait_ready(std::time::Duration::from_secs(20)).is_ok() {
    ///     println!("it listens");
    /// }
    /// runtime.wait()?;
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    pub fn ready(&self) -> AllReady {
        AllReady {
            lifetime: Arc::clone(&self.core().lifetime),
            listener: None,
        }
    }

    /// As [`ready`](Self::ready), for threads: blocks at most for `time` on the runtime's clock.
    ///
    /// In a coroutine it blocks all others of the flavour.
    ///
    /// # Errors
    ///
    /// As for `ready`, and if the time is over: before the start it waits for that as well.
    pub fn wait_ready(&self, time: Duration) -> Result<(), ReadyError> {
        let lifetime = &self.core().lifetime;
        let supervisor = supervisor(lifetime);
        let listen = || supervisor.listen_for_ready();
        let look = || supervisor.all_ready(lifetime);
        let found = event::wait(listen, &lifetime.settings.clock, time, look);
        let late = || match lifetime.phase() {
            Phase::Idle => Err(ReadyError::not_started(supervisor.unready())),
            _ => Err(ReadyError::late(supervisor.unready())),
        };
        found.unwrap_or_else(late)
    }
}

/// The future of [`Runtime::ready`].
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
#[must_use = "a future does nothing unless it is awaited"]
pub struct AllReady {
    lifetime: Arc<Lifetime>,
    listener: Option<EventListener>,
}

impl Future for AllReady {
    type Output = Result<(), ReadyError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let supervisor = supervisor(&this.lifetime);
        let listen = || supervisor.listen_for_ready();
        let look = || supervisor.all_ready(&this.lifetime);
        event::poll(context, &mut this.listener, listen, look)
    }
}

impl fmt::Debug for AllReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllReady").finish_non_exhaustive()
    }
}
