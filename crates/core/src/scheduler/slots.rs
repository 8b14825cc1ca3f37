//! All slots of a runtime.

use crate::base::identifier::Identifier;
use crate::base::sync::{Arc, Mutex, OnceLock, PoisonError};
use crate::lifetime::Services;
use crate::scheduler::slot::Slot;

/// All slots of a runtime: a list that only grows, so that a look-up takes no lock.
#[derive(Default)]
pub(crate) struct Slots {
    head: OnceLock<Box<Node>>,
    growing: Mutex<()>,
}

struct Node {
    slot: Arc<Slot>,
    next: OnceLock<Box<Node>>,
}

impl Slots {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Slot>> {
        std::iter::successors(self.head.get(), |node| node.next.get()).map(|node| &node.slot)
    }

    pub(crate) fn find(&self, identifier: &Identifier) -> Option<&Arc<Slot>> {
        // Most often both are one key's, and the same text.
        let is_same = |known: &Identifier| std::ptr::eq(known.as_str(), identifier.as_str());
        self.iter()
            .find(|slot| is_same(slot.identifier()) || slot.identifier() == identifier)
    }

    /// The slot for `identifier`, made by `make` if there is none.
    pub(crate) fn find_or_add(
        &self,
        identifier: &Identifier,
        make: impl FnOnce() -> Arc<Slot>,
    ) -> &Arc<Slot> {
        if let Some(slot) = self.find(identifier) {
            return slot;
        }
        // Made before the lock, as a key is the user's code. Another thread may be quicker.
        let made = make();
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.find(identifier) {
            return slot;
        }
        let mut end = &self.head;
        while let Some(node) = end.get() {
            end = &node.next;
        }
        &end.get_or_init(|| {
            Box::new(Node {
                slot: made,
                next: OnceLock::new(),
            })
        })
        .slot
    }

    /// Whether no payload is alive on any slot.
    ///
    /// All ends are read before all acceptances. As both only grow and no slot ends more than it
    /// accepts, equal sums mean that every slot was drained at the moment between the two reads.
    ///
    /// Services count beside the payloads that they are at times: one that waits for its next start
    /// is none, but not over.
    pub(crate) fn are_idle(&self, services: &dyn Services) -> bool {
        let ended: usize = self.iter().map(|slot| slot.ended()).sum();
        let over = services.over();
        let accepted: usize = self.iter().map(|slot| slot.accepted()).sum();
        let served = services.served();
        ended + over == accepted + served
    }
}
