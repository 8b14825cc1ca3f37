//! A service's part in reloads.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{News, Reply};
use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::errors::failure::Cause;
use crate::errors::refusal::BoxError;
use crate::service::supervisor::supervisor;
use crate::service::unit_core::{Attempt, UnitCore};
use crate::task;
use crate::task::{Observer, Task};

/// A service's part in [reloads](crate::Runtime::reload): a service that takes it is asked, and answers.
///
/// Take it before you read the configuration: whatever changes from then on, you are asked about. It holds for the
/// present run; a service that is started again takes it again. A service that never takes it goes on untouched by
/// reloads.
///
/// ```
/// # use foster_core::{Manual, Reload, Runtime, Shutdown, service};
/// # struct Config;
/// # fn read() -> Result<Config, std::io::Error> { Ok(Config) }
/// # let (runtime, manual) = (Runtime::builder().until_idle().build(), Manual::new());
/// let unit = runtime.serve(service(manual.clone(), || async {
///     let (_shutdown, reload) = (Shutdown::current(), Reload::current());
///     let mut config = read()?;
///     while let Some(request) = reload.requested().await {
///         match read() {
///             Ok(new) => {
///                 config = new;
///                 request.done();
///             }
///             // The old one stays.
///             Err(error) => request.failed(error),
///         }
///     }
///     Ok::<(), std::io::Error>(())
/// }))?;
/// # runtime.start()?;
/// # manual.step();
/// # let reloading = runtime.reload();
/// # manual.step();
/// # assert!(reloading.wait(std::time::Duration::from_secs(20)).is_ok());
/// # unit.stop();
/// # while manual.step() {}
/// # runtime.wait()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// It is no [`Shutdown`](crate::Shutdown) token: without one the runtime does not wait for the service at the end.
///
/// Clones may go anywhere, such as to tasks that the service spawned by other means. Each request goes to one of them.
#[derive(Clone)]
pub struct Reload {
    task: Arc<Task>,
}

impl Reload {
    /// The part of the service that runs on this thread.
    ///
    /// # Panics
    ///
    /// Outside a service: in no payload, in one that a service adopted, and in tasks that it spawned by its executor's own
    /// means. Take it in `run`, or use [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(reload) => reload,
            None => panic!(
                "no service of a foster runtime runs here, so nothing can be asked to reload: take \
                 `Reload::current()` in the service's `run` and move it to where it is needed, or use \
                 `Reload::try_current`"
            ),
        }
    }

    /// The part of the service that runs on this thread; `None` where [`current`](Self::current) panics.
    pub fn try_current() -> Option<Self> {
        let task = task::current()?;
        let unit = Attempt::of(&*task)?.unit();
        supervisor(unit.lifetime()).take_part(unit, &task);
        Some(Self { task })
    }

    /// A future of the next request to reload; `None` once the run is asked to end, or is over.
    ///
    /// It owns everything that it needs, and may be moved to any thread.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped: a request goes to whoever waits next.
    pub fn requested(&self) -> ReloadRequested {
        ReloadRequested {
            reload: self.clone(),
            listener: None,
        }
    }

    /// Blocks the calling thread until the service is asked to reload or to end, at most for `time` on the runtime's clock.
    ///
    /// For threads: one wait for both, which needs no polling. In a coroutine it blocks all other coroutines of the
    /// flavour; there, await [`requested`](Self::requested).
    ///
    /// ```
    /// use std::time::Duration;
    /// use foster_core::{Reload, ReloadWait, Shutdown};
    ///
    /// fn run() {
    ///     let (_shutdown, reload) = (Shutdown::current(), Reload::current());
    ///     loop {
    ///         match reload.wait_timeout(Duration::from_secs(60)) {
    ///             ReloadWait::Requested(request) => request.done(),
    ///             ReloadWait::Ended => break,
    ///             ReloadWait::TimedOut => println!("another minute"),
    ///         }
    ///     }
    /// }
    /// # let _ = run;
    /// ```
    pub fn wait_timeout(&self, time: Duration) -> ReloadWait {
        let clock = &self.attempt().unit().lifetime().settings.clock;
        match event::wait(|| self.task.listen(), clock, time, || self.look()) {
            Some(Some(request)) => ReloadWait::Requested(request),
            Some(None) => ReloadWait::Ended,
            None => ReloadWait::TimedOut,
        }
    }

    fn attempt(&self) -> &Attempt {
        let attempt = Attempt::of(&*self.task);
        attempt.expect("it was made of a run's payload")
    }

    /// What there is for whoever waits: a request, or the end.
    fn look(&self) -> Option<Option<ReloadRequest>> {
        let attempt = self.attempt();
        // What is said of a payload's request to end holds until that is over.
        if attempt.is_requested() || self.task.state().is_settled() {
            return Some(None);
        }
        let unit = attempt.unit();
        let request = ReloadRequest {
            round: unit.take_reload(&self.task)?,
            unit: Arc::clone(unit),
            is_answered: false,
        };
        Some(Some(request))
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.attempt().unit().name();
        f.debug_tuple("Reload").field(name).finish()
    }
}

/// What [`Reload::wait_timeout`] has waited for.
#[derive(Debug)]
#[must_use = "a request that is dropped has failed"]
pub enum ReloadWait {
    /// The service is asked to reload.
    Requested(ReloadRequest),
    /// The run is asked to end, or is over.
    Ended,
    /// The time is over.
    TimedOut,
}

/// The future of [`Reload::requested`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct ReloadRequested {
    reload: Reload,
    listener: Option<EventListener>,
}

impl Future for ReloadRequested {
    type Output = Option<ReloadRequest>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (reload, listener) = (&this.reload, &mut this.listener);
        event::poll(context, listener, || reload.task.listen(), || reload.look())
    }
}

impl fmt::Debug for ReloadRequested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadRequested")
            .field(&self.reload)
            .finish()
    }
}

/// A request to reload, which is answered once.
///
/// It may be answered anywhere. Dropped without an answer it counts as one of a service that has not reloaded, and a line
/// says so. An answer that comes after the [time for it](crate::Builder::reload_timeout), or after the run is over, changes
/// nothing any more: a line tells of it.
#[must_use = "a request that is dropped has failed"]
pub struct ReloadRequest {
    unit: Arc<UnitCore>,
    round: u64,
    is_answered: bool,
}

impl ReloadRequest {
    /// Answers that the service has reloaded.
    pub fn done(self) {
        self.answer(Reply::Done);
    }

    /// Answers that the service has not reloaded, and goes on as it was. The error is told, and stands in the
    /// [report](crate::ReloadReport). The service stays as it is; the error is not its
    /// [last failure](crate::Unit::last_failure).
    pub fn failed(self, error: impl Into<BoxError>) {
        // Its texts are taken here, as that is code of the user's.
        let failure = self.unit.failure(Cause::not_reloaded(error.into()));
        self.answer(Reply::Failed(Box::new(failure)));
    }

    fn answer(mut self, reply: Reply<Box<crate::Failure>>) {
        self.is_answered = true;
        self.bring(reply);
    }

    fn bring(&self, reply: Reply<Box<crate::Failure>>) {
        let (unit, round) = (self.unit.id, self.round);
        let news = News::Answered { unit, round, reply };
        supervisor(self.unit.lifetime()).bring_news(&self.unit, news);
    }
}

impl Drop for ReloadRequest {
    fn drop(&mut self) {
        if !self.is_answered {
            self.bring(Reply::Dropped);
        }
    }
}

impl fmt::Debug for ReloadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReloadRequest")
            .field(self.unit.name())
            .finish()
    }
}
