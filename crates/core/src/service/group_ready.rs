//! Readiness of a group: whether all services in it are ready.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::group::Group;
use super::supervisor::supervisor;
use super::unit_core::UnitCore;
use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::errors::ready::ReadyError;
use crate::lifetime::Phase;

impl Group {
    /// A future that completes when all services that are in the group now, and in groups in it, have been ready.
    ///
    /// A service that is over has nothing to wait for.
    ///
    /// # Errors
    ///
    /// If the group's end begins first. The error names the services that had not been ready.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn ready(&self) -> GroupReady {
        let units = supervisor(&self.core().lifetime).units();
        let is_inside = |unit: &Arc<UnitCore>| unit.is_inside(self.known()) && !is_decided(unit);
        let inside = units.into_iter().filter(is_inside);
        GroupReady {
            group: self.clone(),
            unready: inside.collect(),
            listener: None,
        }
    }

    /// As [`ready`](Self::ready), for threads: blocks at most for `time` on the runtime's clock.
    ///
    /// In a coroutine it blocks all others of the flavour.
    ///
    /// # Errors
    ///
    /// As for `ready`, and if the time is over.
    pub fn wait_ready(&self, time: Duration) -> Result<(), ReadyError> {
        let clock = &self.core().lifetime.settings.clock;
        let (start, mut all) = (clock.now(), self.ready());
        loop {
            if let Some(found) = all.look() {
                return found;
            }
            let first = Arc::clone(&all.unready[0]);
            let left = time.saturating_sub(clock.now().duration_since(start));
            let is_news = || (is_decided(&first) || self.is_closed()).then_some(());
            if event::wait(|| first.listen(), clock, left, is_news).is_none() {
                let path = self.known().name();
                return Err(ReadyError::late(all.names()).of_group(path, false));
            }
        }
    }
}

/// The future of [`Group::ready`].
///
/// # Cancel safety
///
/// Nothing is lost if it is dropped.
#[must_use = "a future does nothing unless it is awaited"]
pub struct GroupReady {
    group: Group,
    unready: Vec<Arc<UnitCore>>,
    listener: Option<EventListener>,
}

impl GroupReady {
    fn look(&mut self) -> Option<Result<(), ReadyError>> {
        // Looked at first: what is over then may be so because of that.
        let is_closed = self.group.is_closed();
        self.unready.retain(|unit| match is_closed {
            true => !unit.was_ready(),
            false => !is_decided(unit),
        });
        if self.unready.is_empty() {
            return Some(Ok(()));
        }
        let (path, lifetime) = (self.group.known().name(), &self.group.core().lifetime);
        let is_of_group = lifetime.phase() < Phase::Stopping;
        is_closed.then(|| Err(ReadyError::stopping(self.names()).of_group(path, is_of_group)))
    }

    fn names(&self) -> Vec<String> {
        let names = self.unready.iter();
        names.map(|unit| unit.name().to_string()).collect()
    }
}

/// Whether it has been ready, or never will be.
fn is_decided(unit: &UnitCore) -> bool {
    unit.was_ready() || unit.state().is_over()
}

impl Future for GroupReady {
    type Output = Result<(), ReadyError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Some(found) = this.look() {
                return Poll::Ready(found);
            }
            match &mut this.listener {
                Some(listener) => {
                    ready!(Pin::new(listener).poll(context));
                    this.listener = None;
                }
                // The first that is not ready: when it is, another one is the first.
                None => this.listener = Some(this.unready[0].listen()),
            }
        }
    }
}

impl fmt::Debug for GroupReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        f.debug_struct("GroupReady")
            .field("unready", &names)
            .finish_non_exhaustive()
    }
}
