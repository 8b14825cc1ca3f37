//! The numbers of payloads that a scheduler took in, that have started, and that are over.

use crossbeam_utils::CachePadded;

use crate::base::sync::atomic::AtomicUsize;
use crate::base::sync::atomic::Ordering::SeqCst;

/// The counts. They only grow, and `accepted >= started + over_early >= over + over_early`.
///
/// A scheduler has two sets of counts. The second is for calls that came while the runtime was
/// stopping: the stop does not wait for their first polls.
#[derive(Default)]
pub(super) struct Counts {
    /// Payloads taken in.
    pub(super) accepted: Counter,
    /// Payloads that have had their first poll and were not over then, and those that have their
    /// thread.
    pub(super) started: Counter,
    /// Payloads that were over with their first poll, or without one. They cost one count less.
    pub(super) over_early: Counter,
    /// Payloads that had started, and are over.
    pub(super) over: Counter,
}

/// A counter on a cache line of its own: adopters write one, the flavour's thread writes the
/// others.
#[derive(Default)]
pub(super) struct Counter(CachePadded<AtomicUsize>);

impl Counter {
    pub(super) fn add(&self, number: usize) {
        self.0.fetch_add(number, SeqCst);
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Counts {
    pub(super) fn ended(&self) -> usize {
        self.over.get() + self.over_early.get()
    }

    pub(super) fn all_started(&self) -> bool {
        self.started.get() + self.over_early.get() == self.accepted.get()
    }
}
