//! The numbers of payloads that a scheduler took in, that have started, and that are over.

use crossbeam_utils::CachePadded;

use crate::base::sync::atomic::AtomicUsize;
use crate::base::sync::atomic::Ordering::SeqCst;

/// All counts of a scheduler.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) timely: Counts,
    /// Of calls that came while the runtime was stopping: the stop does not wait for their first polls.
    pub(super) late: Counts,
}

/// The counts. They only grow, and `accepted >= started + over_early >= over + over_early`.
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

    /// How many first turns and ends there were. It only grows.
    pub(super) fn steps(&self) -> usize {
        self.started.get() + self.over_early.get() + self.over.get()
    }

    pub(super) fn unstarted(&self) -> usize {
        // Read in this order, as the first two only grow.
        let begun = self.started.get() + self.over_early.get();
        self.accepted.get() - begun
    }

    pub(super) fn all_started(&self) -> bool {
        self.started.get() + self.over_early.get() == self.accepted.get()
    }
}

impl Tally {
    pub(super) fn of(&self, is_late: bool) -> &Counts {
        match is_late {
            false => &self.timely,
            true => &self.late,
        }
    }

    pub(super) fn steps(&self) -> usize {
        self.timely.steps() + self.late.steps()
    }

    pub(super) fn accepted(&self) -> usize {
        self.timely.accepted.get() + self.late.accepted.get()
    }

    pub(super) fn ended(&self) -> usize {
        self.timely.ended() + self.late.ended()
    }
}
