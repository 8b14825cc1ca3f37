//! Those who watch what becomes of a lifetime are told.

use crate::base::changes::Changes;
use crate::base::event::Wakers;
use crate::base::sync::Arc;
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::{Lifetime, Phase};

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
    pub(crate) fn has_changed(&self, change: RuntimeChange) -> Wakers {
        if !self.changes.is_heard() {
            return Wakers::default();
        }
        // A stop that has begun in the same moment is told by its own thread, and nothing but its steps behind it.
        let is_in_order = || change != RuntimeChange::Draining || self.phase() < Phase::Stopping;
        // What made room is dropped here: it is a word.
        let (wakers, _) = self.changes.publish_if(is_in_order, &change);
        wakers
    }

    /// The same for Foster's own threads, which run no code of the user's.
    pub(crate) fn has_changed_aside(self: &Arc<Self>, change: RuntimeChange) {
        self.wake_aside(self.has_changed(change));
    }
}
