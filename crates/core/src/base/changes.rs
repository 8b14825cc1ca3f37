//! A stream of what changes, for whoever watches.

use std::fmt;
use std::future::{Future, poll_fn};
use std::time::Duration;

use crate::base::broadcast::Mailbox;
use crate::base::clock::Clock;
use crate::base::event;
use crate::base::sync::Arc;

/// All changes from when it was made, in order: see [`Runtime::changes`](crate::Runtime::changes) and
/// [`Runtime::unit_changes`](crate::Runtime::unit_changes).
///
/// The stream holds a bounded number of changes. If more come before they are taken out, the oldest are dropped and
/// [counted](Self::missed). A slow watcher never blocks the runtime.
#[must_use = "what is not taken out is dropped"]
pub struct Changes<T> {
    mailbox: Arc<Mailbox<T>>,
    clock: Clock,
}

impl<T> Changes<T> {
    pub(crate) fn new(mailbox: Arc<Mailbox<T>>, clock: Clock) -> Self {
        Self { mailbox, clock }
    }

    /// The next change, if there is one already.
    pub fn try_recv(&mut self) -> Option<T> {
        self.mailbox.take()
    }

    /// Blocks until the next change, at most for `time` on the runtime's clock. `None` if no change came in that time, or
    /// if the runtime is over and all changes were taken out.
    pub fn recv_timeout(&mut self, time: Duration) -> Option<T> {
        let Mailbox { changed, .. } = &*self.mailbox;
        let next = changed.wait(&self.clock, time, || self.mailbox.look());
        next.flatten()
    }

    /// A future of the next change; `None` once the runtime is over and all changes were taken out.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> + Send + '_
    where
        T: Send,
    {
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

impl<T> fmt::Debug for Changes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("waiting", &self.mailbox.len())
            .field("missed", &self.mailbox.missed())
            .finish_non_exhaustive()
    }
}
