//! What becomes of a lifetime as a whole, told to those who watch.

use crate::base::changes::Changes;
use crate::base::event::Wakers;
use crate::base::sync::Arc;
use crate::lifetime::{Lifetime, Phase};

/// A step in the life of a runtime: see [`Runtime::changes`](crate::Runtime::changes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeChange {
    /// What was handed in before the start has been started.
    Started,
    /// All services of the start have been ready: what [`Runtime::ready`](crate::Runtime::ready) waits for.
    Ready,
    /// The stop has begun, for whatever cause.
    Stopping,
    /// The grace time has run out, or was ended. What ends in time ends without this.
    GraceOver,
    /// A [reload](crate::Runtime::reload) begins.
    Reloading,
    /// The reload is over, whether all have reloaded or not.
    Reloaded,
}

impl Lifetime {
    /// From here on `capacity` changes are kept until they are taken out.
    pub(crate) fn watch_changes(&self, capacity: usize) -> Changes<RuntimeChange> {
        let mailbox = self.changes.add(capacity, false);
        // It may have been over before the mailbox was there.
        if self.phase() == Phase::Over {
            self.changes.end().wake();
        }
        Changes::new(mailbox, self.settings.clock.clone())
    }

    /// Tells those who watch; their wakers are run where nothing is locked.
    #[must_use]
    pub(crate) fn has_changed(&self, change: RuntimeChange) -> Wakers {
        if !self.changes.is_heard() {
            return Wakers::default();
        }
        // What made room is dropped here: it is a word.
        let (wakers, _) = self.changes.publish(&change);
        wakers
    }

    /// The same for Foster's own threads, which run no code of the user's.
    pub(crate) fn has_changed_aside(self: &Arc<Self>, change: RuntimeChange) {
        self.wake_aside(self.has_changed(change));
    }
}
