//! Asking for a reload, and what became of it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::event::{self, EventListener};
use crate::base::sync::{Arc, OnceLock};
use crate::errors::reload::{ReloadError, ReloadErrorKind, ReloadReport};
use crate::lifetime::Lifetime;
use crate::runtime::Runtime;
use crate::service::supervisor::supervisor;

impl Runtime {
    /// Asks the services to reload, and returns at once.
    ///
    /// - A service that took [`Reload::current`](crate::Reload::current) is asked, and answers. One with the setting
    ///   [`restart_on_reload`](crate::Settings::restart_on_reload) is restarted instead: it has answered when it is ready
    ///   again. All others go on untouched; so do services that have not started, as they start with what they find then.
    /// - A service is asked when those that it comes [after](crate::Settings::after) have answered, whatever their answer is.
    /// - A service that answers with an error, or not within the [time for that](crate::Builder::reload_timeout), goes on as
    ///   it was. A line tells of it.
    /// - While a reload goes on, any number of calls cause one more, which begins when the present one is over.
    ///
    /// The returned value tells when all have answered, and what. It may be dropped: the reload goes on.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use foster_core::{Manual, Runtime};
    /// # fn reload(runtime: &Runtime) -> Result<(), foster_core::ReloadError> {
    /// // In async code: `runtime.reload().await?`.
    /// let report = runtime.reload().wait(Duration::from_secs(60))?;
    /// println!("{} services have reloaded", report.services().len());
    /// # Ok(())
    /// # }
    /// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
    /// # runtime.adopt(manual.clone(), || async {})?;
    /// # runtime.start()?;
    /// # reload(&runtime).expect("nothing stops it");
    /// # while manual.step() {}
    /// # runtime.wait()?;
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    ///
    /// [`Signals::reload_on_hangup`](crate::Signals::reload_on_hangup) has SIGHUP do the same.
    pub fn reload(&self) -> Reloading {
        let lifetime = Arc::clone(&self.core().lifetime);
        let outcome = supervisor(&lifetime).reload(&lifetime);
        Reloading {
            lifetime,
            outcome,
            listener: None,
        }
    }
}

/// What became of a reload, once that is known.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) known: OnceLock<Result<ReloadReport, ReloadError>>,
}

impl Outcome {
    pub(crate) fn look(&self) -> Option<Result<ReloadReport, ReloadError>> {
        self.known.get().cloned()
    }
}

/// A reload that was asked for by [`Runtime::reload`]: a future of its report, and a wait for threads.
///
/// # Errors
///
/// Its output is the report if all services that were asked have reloaded, also if none was. Otherwise it is an error with
/// the report: some have not; the runtime is stopping, or has not been started.
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped: the reload goes on.
pub struct Reloading {
    lifetime: Arc<Lifetime>,
    outcome: Arc<Outcome>,
    listener: Option<EventListener>,
}

impl Reloading {
    /// Blocks until all services that were asked have answered, at most for `time` on the runtime's clock.
    ///
    /// In a coroutine it blocks all others of the flavour, which then cannot answer; await it there. A service that waits in
    /// its own run cannot answer either.
    ///
    /// # Errors
    ///
    /// As for the future, and if the time is over. The reload goes on then.
    pub fn wait(&self, time: Duration) -> Result<ReloadReport, ReloadError> {
        let supervisor = supervisor(&self.lifetime);
        let (listen, look) = (|| supervisor.listen_for_reload(), || self.outcome.look());
        let found = event::wait(listen, &self.lifetime.settings.clock, time, look);
        let late = || ReloadError::new(ReloadErrorKind::Late, ReloadReport::default());
        found.unwrap_or_else(|| Err(late()))
    }
}

impl Future for Reloading {
    type Output = Result<ReloadReport, ReloadError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let supervisor = supervisor(&this.lifetime);
        let (listen, look) = (|| supervisor.listen_for_reload(), || this.outcome.look());
        event::poll(context, &mut this.listener, listen, look)
    }
}

impl fmt::Debug for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_over = self.outcome.known.get().is_some();
        f.debug_struct("Reloading")
            .field("is_over", &is_over)
            .finish_non_exhaustive()
    }
}
