//! The stream of changes: what became of which service, in order.

use std::fmt;
use std::future::{Future, poll_fn};
use std::time::{Duration, Instant};

use super::{UnitState, UnitStatus};
use crate::base::broadcast::Mailbox;
use crate::base::clock::Clock;
use crate::base::event;
use crate::base::sync::Arc;
use crate::errors::failure::Failure;

/// One change of one service's state.
#[derive(Debug, Clone)]
pub struct UnitChange(pub(super) UnitStatus);

impl UnitChange {
    /// The service's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What it is now.
    pub fn state(&self) -> UnitState {
        self.0.state()
    }

    /// The time of the change, on the runtime's clock. The order of changes is the order of the stream: of two services
    /// the later change may have the earlier time.
    pub fn at(&self) -> Instant {
        self.0.since()
    }

    /// How often it had been started again by then.
    pub fn restarts(&self) -> u64 {
        self.0.restarts()
    }

    /// Its last failure by then, if it has failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.last_failure()
    }
}

/// The changes of all services of a runtime from when it was made, in order:
/// see [`Runtime::unit_changes`](crate::Runtime::unit_changes).
///
/// The stream holds a bounded number of changes. If more come before they are taken out, the oldest are dropped and
/// [counted](Self::missed). A slow watcher never blocks the runtime.
pub struct UnitChanges {
    pub(super) mailbox: Arc<Mailbox<UnitChange>>,
    pub(super) clock: Clock,
}

impl UnitChanges {
    /// The next change, if there is one already.
    pub fn try_recv(&mut self) -> Option<UnitChange> {
        self.mailbox.take()
    }

    /// Blocks until the next change, at most for `time` on the runtime's clock. `None` if no change came in that time, or
    /// if the runtime is over and all changes were taken out.
    pub fn recv_timeout(&mut self, time: Duration) -> Option<UnitChange> {
        let Mailbox { changed, .. } = &*self.mailbox;
        let next = changed.wait(&self.clock, time, || self.mailbox.look());
        next.flatten()
    }

    /// A future of the next change; `None` once the runtime is over and all changes were taken out.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn recv(&mut self) -> impl Future<Output = Option<UnitChange>> + Send + '_ {
        let mut listener = None;
        poll_fn(move |context| {
            let listen = || self.mailbox.changed.listen();
            event::poll(context, &mut listener, listen, || self.mailbox.look())
        })
    }

    /// The number of changes that were dropped until now, as they were not taken out in time. All of them are older than
    /// the next change.
    pub fn missed(&self) -> u64 {
        self.mailbox.missed()
    }
}

impl fmt::Debug for UnitChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitChanges")
            .field("waiting", &self.mailbox.len())
            .field("missed", &self.mailbox.missed())
            .finish_non_exhaustive()
    }
}
