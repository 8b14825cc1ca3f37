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

/// A handle to a service that a runtime has taken: shows its state, stops and restarts it.
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
        self.core.state()
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
    ///   report. A panic ends the runtime at any time.
    /// - All other services go on, those that come [after](crate::Settings::after) it included. A service that still waits
    ///   for this one to be ready would wait for ever: that ends the runtime, and the failure says so.
    /// - Before the runtime's start the service stays *waiting* until then. On a service that is over nothing happens.
    pub fn stop(&self) {
        self.ask(Wish::Stop);
    }

    /// Asks this service to end and to start again, and returns at once.
    ///
    /// - The next run starts when the present one has ended, without a delay. A service that waits for its delay starts now.
    /// - An error that the run returns is kept and told; the restart goes on.
    /// - A run that has not ended in its [stop time](crate::Settings::stop_time) (a thread that goes on, a coroutine that
    ///   blocks) cannot be started a second time. That ends the runtime. A thread without a token does not hear the
    ///   request; it may take a token until then.
    /// - Nothing happens if the service was asked to stop, waits for its first start or is over, or if the runtime stops.
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
        self.core.wait(time, is_decided) && self.state() == UnitState::Running
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
        StateFuture {
            core: Arc::clone(&self.core),
            is_it,
            listener: None,
        }
    }
}

/// Whether it is ready, or never will be.
fn is_decided(state: UnitState) -> bool {
    state == UnitState::Running || state.is_over()
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
        Self(Other::Unit(Arc::clone(&unit.core)))
    }
}

impl From<Unit> for Dependency {
    fn from(unit: Unit) -> Self {
        Self(Other::Unit(unit.core))
    }
}

/// The future of [`Unit::stopped`] and [`Unit::ready`]. Its output is the state that the service is in then.
#[must_use = "a future does nothing unless it is awaited"]
pub struct StateFuture {
    core: Arc<UnitCore>,
    is_it: fn(UnitState) -> bool,
    listener: Option<EventListener>,
}

impl Future for StateFuture {
    type Output = UnitState;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<UnitState> {
        let this = &mut *self;
        let look = || Some(this.core.state()).filter(|state| (this.is_it)(*state));
        event::poll(context, &mut this.listener, || this.core.listen(), look)
    }
}

impl fmt::Debug for StateFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, state) = (self.core.name(), self.core.state());
        write!(f, "StateFuture({name:?}, {state:?})")
    }
}
