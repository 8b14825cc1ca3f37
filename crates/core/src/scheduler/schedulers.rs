//! All schedulers of a group or a runtime, and all of a host.

use std::ptr;

use crate::base::identifier::Identifier;
use crate::base::sync::{Arc, Mutex, OnceLock, PoisonError};
use crate::lifetime::{Phase, Services};
use crate::scheduler::host::Host;
use crate::scheduler::in_lane::InLane;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Schedule, Task};

/// All schedulers of a group, or those of a runtime for what is in no group. The list only grows, so a look-up takes no lock.
#[derive(Default)]
pub(crate) struct Schedulers {
    head: OnceLock<Box<Listed>>,
    growing: Mutex<()>,
}

/// One of them.
pub(crate) struct Listed {
    pub(crate) scheduler: Arc<Scheduler>,
    /// It, for the payloads that come from each lane of its run queue: the threads of a pool do not count references in the same
    /// memory.
    lanes: OnceLock<Box<[Arc<InLane>]>>,
    next: OnceLock<Box<Listed>>,
}

impl Listed {
    /// The scheduler, for a payload that the calling thread hands in.
    #[inline]
    pub(crate) fn here(&self) -> Arc<dyn Schedule> {
        match self.scheduler.host.lane_here() {
            (_, 1) => Arc::clone(&self.scheduler) as _,
            (lane, lanes) => self.in_lane(lane, lanes),
        }
    }

    fn in_lane(&self, lane: usize, lanes: usize) -> Arc<dyn Schedule> {
        let one = || Arc::new(InLane::new(&self.scheduler));
        let all = self
            .lanes
            .get_or_init(|| (0..lanes).map(|_| one()).collect());
        Arc::clone(&all[lane]) as _
    }
}

impl Schedulers {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Scheduler>> {
        self.listed().map(|listed| &listed.scheduler)
    }

    #[inline]
    fn listed(&self) -> impl Iterator<Item = &Listed> {
        let first = self.head.get().map(|listed| &**listed);
        std::iter::successors(first, |listed| listed.next.get().map(|next| &**next))
    }

    /// The hosts of all.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.iter().map(|scheduler| &scheduler.host)
    }

    #[inline]
    pub(crate) fn find(&self, identifier: &Identifier) -> Option<&Listed> {
        // Most often both come from one key, and are the same text.
        let is_same = |known: &Identifier| ptr::eq(known.as_str(), identifier.as_str());
        self.listed().find(|listed| {
            let known = listed.scheduler.identifier();
            is_same(known) || known == identifier
        })
    }

    /// The scheduler for `identifier`, made by `make` if there is none.
    #[inline]
    pub(crate) fn find_or_add(
        &self,
        identifier: &Identifier,
        make: impl FnOnce() -> Arc<Scheduler>,
    ) -> &Listed {
        match self.find(identifier) {
            Some(listed) => listed,
            None => self.find_or_add_slowly(identifier, make),
        }
    }

    #[cold]
    fn find_or_add_slowly(
        &self,
        identifier: &Identifier,
        make: impl FnOnce() -> Arc<Scheduler>,
    ) -> &Listed {
        // Made before the lock, as a key is user code. Another thread may be faster.
        let made = make();
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listed) = self.find(identifier) {
            return listed;
        }
        let mut end = &self.head;
        while let Some(node) = end.get() {
            end = &node.next;
        }
        end.get_or_init(|| {
            Box::new(Listed {
                scheduler: made,
                lanes: OnceLock::new(),
                next: OnceLock::new(),
            })
        })
    }

    /// Whether no payload is alive on any host of the runtime.
    ///
    /// All ends are read before all acceptances. Both only grow, and no host ends more
    /// payloads than it accepts. So equal sums mean that every host was drained at the moment
    /// between the two reads.
    ///
    /// Services count in addition to their payloads: a service that waits for its next start has no
    /// payload, but is not over.
    pub(crate) fn are_idle(&self, services: &dyn Services) -> bool {
        let ended: usize = self.iter().map(|scheduler| scheduler.host.ended()).sum();
        let over = services.over();
        let accepted: usize = self.iter().map(|scheduler| scheduler.host.accepted()).sum();
        let served = services.served();
        ended + over == accepted + served
    }
}

impl Host {
    /// The schedulers of its payloads.
    pub(crate) fn schedulers(&self) -> Vec<Arc<Scheduler>> {
        let alive = self.listed().alive();
        let alive = alive.iter();
        alive.map(|one| Scheduler::behind(&**one).me()).collect()
    }

    /// That of the payloads that are in no group.
    pub(crate) fn root(&self) -> Option<Arc<Scheduler>> {
        let mut schedulers = self.schedulers().into_iter();
        schedulers.find(|scheduler| scheduler.part.group().is_none())
    }

    /// The payloads that have started or are about to, and are not over; and unstarted parallels.
    pub(crate) fn alive(&self) -> Vec<Arc<Task>> {
        let schedulers = self.schedulers();
        let alive = schedulers.iter().flat_map(|scheduler| scheduler.alive());
        alive.collect()
    }

    /// Has every payload dropped that is not running code which blocks. The runtime's phase says so by now, and that of
    /// each group does from here on.
    pub(crate) fn cancel_all(&self) {
        for scheduler in self.schedulers() {
            scheduler.part.end_time();
            scheduler.part.advance(Phase::Cancelling);
            scheduler.cancel_all();
        }
    }

    /// Whether everything that can end soon has ended: every coroutine, as all are cancelled, and
    /// every blocking payload that has no thread yet or whose code has come to its end.
    pub(crate) fn is_quiet(&self) -> bool {
        self.schedulers()
            .iter()
            .all(|scheduler| scheduler.is_quiet())
    }

    /// Whether nothing is left that can be cancelled. Blocking code cannot be cancelled once it has its thread.
    pub(crate) fn is_ended(&self) -> bool {
        let is_ended = |scheduler: &Arc<Scheduler>| {
            scheduler.is_drained() || self.is_blocking() && scheduler.all_started()
        };
        self.schedulers().iter().all(is_ended)
    }

    /// Whether every payload that was taken in is over.
    pub(crate) fn is_drained(&self) -> bool {
        self.unended() == 0
    }
}
