//! All schedulers of a runtime.

use crate::base::identifier::Identifier;
use crate::base::sync::{Arc, Mutex, OnceLock, PoisonError};
use crate::lifetime::Services;
use crate::scheduler::scheduler::Scheduler;

/// All schedulers of a runtime. The list only grows, so a look-up takes no lock.
#[derive(Default)]
pub(crate) struct Schedulers {
    head: OnceLock<Box<Listed>>,
    growing: Mutex<()>,
}

struct Listed {
    scheduler: Arc<Scheduler>,
    next: OnceLock<Box<Listed>>,
}

impl Schedulers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Scheduler>> {
        std::iter::successors(self.head.get(), |node| node.next.get()).map(|node| &node.scheduler)
    }

    pub(crate) fn find(&self, identifier: &Identifier) -> Option<&Arc<Scheduler>> {
        // Most often both come from one key, and are the same text.
        let is_same = |known: &Identifier| std::ptr::eq(known.as_str(), identifier.as_str());
        self.iter().find(|scheduler| {
            is_same(scheduler.identifier()) || scheduler.identifier() == identifier
        })
    }

    /// The scheduler for `identifier`, made by `make` if there is none.
    pub(crate) fn find_or_add(
        &self,
        identifier: &Identifier,
        make: impl FnOnce() -> Arc<Scheduler>,
    ) -> &Arc<Scheduler> {
        if let Some(scheduler) = self.find(identifier) {
            return scheduler;
        }
        // Made before the lock, as a key is user code. Another thread may be faster.
        let made = make();
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scheduler) = self.find(identifier) {
            return scheduler;
        }
        let mut end = &self.head;
        while let Some(node) = end.get() {
            end = &node.next;
        }
        &end.get_or_init(|| {
            Box::new(Listed {
                scheduler: made,
                next: OnceLock::new(),
            })
        })
        .scheduler
    }

    /// Whether no payload is alive on any scheduler.
    ///
    /// All ends are read before all acceptances. Both only grow, and no scheduler ends more
    /// payloads than it accepts. So equal sums mean that every scheduler was drained at the moment
    /// between the two reads.
    ///
    /// Services count in addition to their payloads: a service that waits for its next start has no
    /// payload, but is not over.
    pub(crate) fn are_idle(&self, services: &dyn Services) -> bool {
        let ended: usize = self.iter().map(|scheduler| scheduler.ended()).sum();
        let over = services.over();
        let accepted: usize = self.iter().map(|scheduler| scheduler.accepted()).sum();
        let served = services.served();
        ended + over == accepted + served
    }
}
