//! The handle to a unit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::dependency::{Dependency, Other};
use super::supervision::Wish;
use super::supervisor::supervisor;
use super::unit_core::UnitCore;
use super::{UnitState, UnitStatus};
use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::errors::failure::Failure;
use crate::errors::serve::ServeError;

/// A handle to a service that a runtime has taken: shows its state, stops, cancels and restarts it.
///
/// Dropping the handle does nothing: the runtime owns the service until that is over. Clones stand for the same unit.
///
/// # Where the service's value is dropped
///
/// - After its last run: on its flavour's thread, in its executor's context. A panic there is a failure.
/// - Where it waits for a restart and is over before: on its flavour's thread as well, while the runtime runs.
/// - In all other cases, such as a service that never started: by the runtime at its end, on a thread of its own.
/// - A service that is handed in just as the runtime stops may be dropped by the thread that hands it in.
#[derive(Clone)]
pub struct Unit {
    pub(super) core: Arc<UnitCore>,
}

impl Unit {
    /// The service's name.
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// What the service is doing.
    pub fn state(&self) -> UnitState {
        self.core.shown()
    }

    /// A snapshot: name, state, since when, restarts, last failure.
    pub fn status(&self) -> UnitStatus {
        self.core.status()
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.core.status().restarts()
    }

    /// The service's last failure, restarts included; `None` if it never failed.
    pub fn last_failure(&self) -> Option<Failure> {
        self.core.last_failure()
    }

    /// Asks this service to end for good, and returns at once.
    ///
    /// - A run that holds a token sees the request there. Without a token a coroutine is dropped where it awaits; a
    ///   subroutine goes on.
    /// - An error that the run returns from now on belongs to the unit: the state is *failed*, the error is the
    ///   [last failure](Self::last_failure) and is told, and nothing else ends. Once the runtime stops, errors stand in its
    ///   report. A panic ends the runtime at any time, unless the service [may fail](crate::Settings::may_fail).
    /// - All other services go on, those that come [after](crate::Settings::after) it included. A service that still waits
    ///   for this one to be ready would wait for ever: that ends the runtime, and the failure says so. If this one may fail,
    ///   it starts, unless it [requires](crate::Settings::requires) this one. If this one is
    ///   [startable](crate::Settings::startable), it goes on waiting.
    /// - Before the runtime's start the service stays *waiting* until then. On a service that is over nothing happens.
    pub fn stop(&self) {
        self.ask(Wish::Stop);
    }

    /// Starts this service again, which is over and [startable](crate::Settings::startable), and returns at once.
    ///
    /// - It begins when the services are ready that it comes [after](crate::Settings::after) and that are themselves on their
    ///   way; those that are over are not waited for. The count of its [limit](crate::Restart::limit) and its delays begin
    ///   anew.
    /// - If it was asked to stop and has not ended, it starts as soon as it has. Otherwise nothing happens on a service that
    ///   is not over.
    /// - Before the runtime's start it takes back a [`stop`](Self::stop).
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// # let indexer = service(manual.clone(), || async {});
    /// let indexer = runtime.unit().name("indexer").startable().serve(indexer)?;
    /// runtime.start()?;
    /// # while !indexer.state().is_over() { manual.step(); }
    /// // … later, when it is over, by `indexer.stop()` for instance:
    /// indexer.start()?;
    /// # while indexer.restarts() == 0 { manual.step(); }
    /// # runtime.shutdown();
    /// # while !indexer.state().is_over() { manual.step(); }
    /// # runtime.wait()?;
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the service is over and not startable, or if the runtime is stopping or has stopped.
    pub fn start(&self) -> Result<(), ServeError> {
        let started = supervisor(self.core.lifetime()).start(&self.core);
        started.map_err(|problem| ServeError::new(self.core.origin(), problem))
    }

    /// Has this service end for good at once, without its [stop time](crate::Settings::stop_time), and does not wait for
    /// that: [`stopped`](Self::stopped) does.
    ///
    /// - A coroutine is dropped where it awaits, even if it holds a token, which may say so before. One that is being polled
    ///   goes on until it awaits: the service may call this of itself. That it blocks is seen when its stop time is over. A
    ///   run that has not begun is dropped unrun.
    /// - A thread cannot be dropped. A token of it says that the end is requested, and that it goes on is told at once, as of
    ///   a thread that was asked to [`stop`](Self::stop) when its stop time is over.
    /// - A service that waits for others, for its flavour or for its delay is over when this returns.
    /// - After [`stop`](Self::stop) or [`restart`](Self::restart) the rest of the time for that is cut short, and no restart
    ///   follows.
    /// - While the runtime stops the service does not wait for its turn, and is none that overran its time. Those that stop
    ///   after it have their turn when it is over; after a thread at once. A thread that holds a token and still runs when the
    ///   grace time is over is in the report, as [cut short](crate::StragglerReason::CutShort).
    /// - In all else it is as [`stop`](Self::stop): errors and panics, services that go on or wait for this one, before the
    ///   runtime's start, and when the service is over.
    ///
    /// ```
    /// # use foster_core::{Manual, Runtime, service};
    /// # let (runtime, manual) = (Runtime::new(), Manual::new());
    /// # let import = runtime.serve(service(manual, std::future::pending::<()>))?;
    /// import.stop(); // it has its stop time …
    /// import.cancel(); // … and now it has not
    /// # Ok::<(), foster_core::ServeError>(())
    /// ```
    pub fn cancel(&self) {
        supervisor(self.core.lifetime()).cancel(&self.core);
    }

    /// Asks this service to end and to start again, and returns at once.
    ///
    /// - The next run starts when the present one has ended, without a delay. A service that waits for its delay starts now.
    /// - An error that the run returns is kept and told; the restart goes on.
    /// - A run that has not ended in its [stop time](crate::Settings::stop_time) (a thread that goes on, a coroutine that
    ///   blocks) cannot be started a second time. That ends the runtime, unless the service [may
    ///   fail](crate::Settings::may_fail). A thread without a token does not hear the
    ///   request; it may take a token until then.
    /// - A run that [owns](crate::OwnedService) its value ends, and none follows; with
    ///   [`serve_with`](crate::Runtime::serve_with) the next one has a value of its own.
    /// - One that is over and [startable](crate::Settings::startable) starts again, as by [`start`](Self::start).
    /// - Nothing happens if the service was asked to stop, waits for its first start or is over for good, or if the runtime
    ///   stops.
    pub fn restart(&self) {
        self.ask(Wish::Restart);
    }

    /// Blocks until the service is over, at most for `time` on the runtime's clock. Returns whether it is.
    ///
    /// In a coroutine it blocks all others of the flavour; await [`stopped`](Self::stopped).
    pub fn wait_stopped(&self, time: Duration) -> bool {
        self.core.wait(time, UnitState::is_over)
    }

    /// A future that completes when the service is over, with its last state.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn stopped(&self) -> StateFuture {
        self.becoming(UnitState::is_over)
    }

    /// Blocks until the service is ready, at most for `time` on the runtime's clock. Returns whether it is. After a
    /// [`restart`](Self::restart) it waits for the next run.
    ///
    /// In a coroutine it blocks all others of the flavour; await [`ready`](Self::ready).
    pub fn wait_ready(&self, time: Duration) -> bool {
        self.core.wait(time, is_decided) && self.state().is_ready()
    }

    /// A future that completes when the service is ready or over, with the state that it is in then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn ready(&self) -> StateFuture {
        self.becoming(is_decided)
    }

    fn ask(&self, wish: Wish) {
        supervisor(self.core.lifetime()).ask(&self.core, wish);
    }

    fn becoming(&self, is_it: fn(UnitState) -> bool) -> StateFuture {
        StateFuture::new(&self.core, is_it)
    }
}

/// Whether it is ready, or never will be.
fn is_decided(state: UnitState) -> bool {
    state.is_ready() || state.is_over()
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl From<&Unit> for Dependency {
    fn from(unit: &Unit) -> Self {
        Self::new(Other::Unit(Arc::clone(&unit.core)))
    }
}

impl From<Unit> for Dependency {
    fn from(unit: Unit) -> Self {
        Self::new(Other::Unit(unit.core))
    }
}

/// The future of [`Unit::stopped`] and [`Unit::ready`]. Its output is the state that the service is in then.
#[must_use = "a future does nothing unless it is awaited"]
pub struct StateFuture {
    core: Arc<UnitCore>,
    is_it: fn(UnitState) -> bool,
    listener: Option<EventListener>,
}

impl StateFuture {
    pub(super) fn new(core: &Arc<UnitCore>, is_it: fn(UnitState) -> bool) -> Self {
        Self {
            core: Arc::clone(core),
            is_it,
            listener: None,
        }
    }
}

impl Future for StateFuture {
    type Output = UnitState;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<UnitState> {
        let this = &mut *self;
        let look = || Some(this.core.shown()).filter(|state| (this.is_it)(*state));
        event::poll(context, &mut this.listener, || this.core.listen(), look)
    }
}

impl fmt::Debug for StateFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, state) = (self.core.name(), self.core.shown());
        write!(f, "StateFuture({name:?}, {state:?})")
    }
}
