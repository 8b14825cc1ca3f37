//! The handle to a unit.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
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

/// A service that a runtime has taken: to look at it, and to stop or restart it.
///
/// Dropping it does nothing: the runtime owns the service until it is over. Clones are the same unit.
///
/// A service that was handed in as a value is dropped when it is over, at the end of its last run: on its
/// flavour's thread, in its executor's context, a panic being a failure. One that a delay or the end of
/// the runtime kept from its next start is dropped there, too, as long as the runtime runs; else, as one
/// that never started, by the runtime at its end, on a thread for that alone. One that meets the stop just as
/// it is handed in may be dropped by whoever does that.
pub struct Unit<S> {
    pub(super) core: Arc<UnitCore>,
    service: PhantomData<fn() -> S>,
}

impl<S> Clone for Unit<S> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.core))
    }
}

impl<S> Unit<S> {
    pub(crate) fn new(core: Arc<UnitCore>) -> Self {
        Self {
            core,
            service: PhantomData,
        }
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        self.core.name()
    }

    /// What the service is doing.
    pub fn state(&self) -> UnitState {
        self.core.state()
    }

    /// All that is known of it.
    pub fn status(&self) -> UnitStatus {
        self.core.status()
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.core.status().restarts()
    }

    /// Its last failure, if it has failed; also one after which it was started again.
    pub fn last_failure(&self) -> Option<Failure> {
        self.core.last_failure()
    }

    /// Asks this service to end, for good, and returns at once.
    ///
    /// What its run returns from now on is its own affair: an error makes it *failed*, is kept as its
    /// [last failure](Self::last_failure) and told, and ends nothing else. A panic ends the runtime, as ever. Once the
    /// runtime stops its errors stand in the report, whoever asks.
    ///
    /// Its token says so; without one a coroutine is dropped where it awaits, and a subroutine goes on.
    /// All others go on as well, those [after](crate::Settings::after) it included. Those that still wait for it
    /// to be ready would wait for ever: each is a failure that says so, and ends the runtime. Before the start
    /// the service stays as it is until then. On a service that is over it does nothing.
    pub fn stop(&self) {
        self.ask(Wish::Stop);
    }

    /// Asks this service to end and to start again, and returns at once. It starts as soon as it has ended,
    /// without a delay; one that waits for its delay starts now.
    ///
    /// What does not end in its [stop time](crate::Settings::stop_time) cannot be started a second time, which *ends the
    /// runtime*: a thread that goes on, a coroutine that blocks. A thread that holds no token does not hear that it is
    /// asked, but may take one until then. An error that the run returns is kept and told, and the restart goes on. On a
    /// service that was asked to stop, waits for its first start or is over, and once the runtime stops, it does nothing.
    pub fn restart(&self) {
        self.ask(Wish::Restart);
    }

    /// Blocks until the service is over, at most for `time` on the runtime's clock; whether it is.
    ///
    /// In a coroutine it blocks all others of the flavour; await [`stopped`](Self::stopped).
    pub fn wait_stopped(&self, time: Duration) -> bool {
        self.core.wait(time, UnitState::is_over)
    }

    /// A future that is ready when the service is over.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn stopped(&self) -> Becoming {
        self.becoming(UnitState::is_over)
    }

    /// Blocks until the service is ready, at most for `time` on the runtime's clock; whether it is. After a
    /// [`restart`](Self::restart) that is the next run.
    ///
    /// In a coroutine it blocks all others of the flavour; await [`ready`](Self::ready).
    pub fn wait_ready(&self, time: Duration) -> bool {
        self.core.wait(time, is_decided) && self.state() == UnitState::Running
    }

    /// A future that is ready when the service is, or is over: it gives the state that it is in then.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn ready(&self) -> Becoming {
        self.becoming(is_decided)
    }

    fn ask(&self, wish: Wish) {
        supervisor(self.core.lifetime()).ask(&self.core, wish);
    }

    fn becoming(&self, is_it: fn(UnitState) -> bool) -> Becoming {
        Becoming {
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

impl<S> fmt::Debug for Unit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl<S> From<&Unit<S>> for Dependency {
    fn from(unit: &Unit<S>) -> Self {
        Self(Other::Unit(Arc::clone(&unit.core)))
    }
}

impl<S> From<Unit<S>> for Dependency {
    fn from(unit: Unit<S>) -> Self {
        Self(Other::Unit(unit.core))
    }
}

/// The future of [`Unit::stopped`] and [`Unit::ready`]; it gives the state that the service is in then.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Becoming {
    core: Arc<UnitCore>,
    is_it: fn(UnitState) -> bool,
    listener: Option<EventListener>,
}

impl Future for Becoming {
    type Output = UnitState;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<UnitState> {
        let this = &mut *self;
        let look = || Some(this.core.state()).filter(|state| (this.is_it)(*state));
        event::poll(context, &mut this.listener, || this.core.listen(), look)
    }
}

impl fmt::Debug for Becoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Becoming")
            .field("service", &self.core.name())
            .field("state", &self.core.state())
            .finish_non_exhaustive()
    }
}
