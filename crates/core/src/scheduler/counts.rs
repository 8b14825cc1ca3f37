//! The numbers of payloads that a scheduler took in, that have started, and that are over.

use crossbeam_utils::CachePadded;

use crate::base::sync::OnceLock;
use crate::base::sync::atomic::AtomicUsize;
use crate::base::sync::atomic::Ordering::SeqCst;

/// All counts of a scheduler. They only grow, so a sum of what was read one after the other is one that there was, or will be
/// in a moment.
#[derive(Default)]
pub(super) struct Tally {
    /// On threads that drive no lane of the run queue but the first.
    first: Counts,
    /// In the other lanes: the threads of a pool do not write each other's memory.
    others: OnceLock<Box<[Counts]>>,
    /// Of calls that came while the runtime was stopping: the stop does not wait for their first polls.
    late: Counts,
}

/// The counts. They only grow, and of all together `accepted >= started + over_early >= over + over_early`.
#[derive(Default)]
pub(super) struct Counts {
    /// Payloads taken in. On a cache line of its own: adopters write this, the flavour's thread what was done.
    accepted: CachePadded<Counter>,
    done: CachePadded<Done>,
}

#[derive(Default)]
struct Done {
    /// Payloads that have had their first poll and were not over then, and those that have their
    /// thread.
    started: Counter,
    /// Payloads that were over with their first poll, or without one. They cost one count less.
    over_early: Counter,
    /// Payloads that had started, and are over.
    over: Counter,
}

#[derive(Default)]
struct Counter(AtomicUsize);

impl Counter {
    #[inline]
    fn add_one(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Counts {
    #[inline]
    pub(super) fn accept(&self) {
        self.accepted.add_one();
    }

    pub(super) fn start(&self) {
        self.done.started.add_one();
    }

    #[inline]
    pub(super) fn end(&self, had_started: bool) {
        match had_started {
            true => self.done.over.add_one(),
            false => self.done.over_early.add_one(),
        }
    }

    fn accepted(&self) -> usize {
        self.accepted.get()
    }

    fn ended(&self) -> usize {
        self.done.over.get() + self.done.over_early.get()
    }

    /// How many have had their first turn, or are over without one.
    fn begun(&self) -> usize {
        self.done.started.get() + self.done.over_early.get()
    }

    fn steps(&self) -> usize {
        self.begun() + self.done.over.get()
    }
}

impl Tally {
    /// The counts for what happens in this lane, of so many.
    #[inline]
    pub(super) fn here(&self, (lane, lanes): (usize, usize), is_late: bool) -> &Counts {
        match lane {
            _ if is_late => &self.late,
            0 => &self.first,
            lane => self.other(lane, lanes),
        }
    }

    fn other(&self, lane: usize, lanes: usize) -> &Counts {
        let others = || (1..lanes).map(|_| Counts::default()).collect();
        &self.others.get_or_init(others)[lane - 1]
    }

    fn timely(&self, of: fn(&Counts) -> usize) -> usize {
        let others = self.others.get().into_iter().flatten();
        of(&self.first) + others.map(of).sum::<usize>()
    }

    fn all(&self, of: fn(&Counts) -> usize) -> usize {
        self.timely(of) + of(&self.late)
    }

    pub(super) fn accepted(&self) -> usize {
        self.all(Counts::accepted)
    }

    pub(super) fn ended(&self) -> usize {
        self.all(Counts::ended)
    }

    /// How many first turns and ends there were. It only grows.
    pub(super) fn steps(&self) -> usize {
        self.all(Counts::steps)
    }

    pub(super) fn unstarted(&self) -> usize {
        // Read in this order, as what has begun was accepted before.
        let begun = self.all(Counts::begun);
        self.accepted() - begun
    }

    /// Whether all that did not come late have begun.
    pub(super) fn timely_started(&self) -> bool {
        self.timely(Counts::begun) == self.timely(Counts::accepted)
    }

    pub(super) fn all_started(&self) -> bool {
        self.unstarted() == 0
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    /// In every lane, and of late ones as well.
    #[test]
    fn each_first_turn_and_each_end_is_a_step() {
        let tally = Tally::default();
        let each = |change: fn(&Counts)| {
            for (lane, is_late) in [(0, false), (2, false), (0, true)] {
                change(tally.here((lane, 3), is_late));
            }
            let (accepted, unstarted) = (tally.accepted(), tally.unstarted());
            assert_eq!(tally.all_started(), unstarted == 0);
            (accepted, unstarted, tally.steps(), tally.ended())
        };
        assert_eq!(each(Counts::accept), (3, 3, 0, 0));
        assert_eq!(each(Counts::accept), (6, 6, 0, 0));
        assert_eq!(each(Counts::start), (6, 3, 3, 0));
        assert_eq!(each(|counts| counts.end(true)), (6, 3, 6, 3));
        assert_eq!(each(|counts| counts.end(false)), (6, 0, 9, 6));
    }
}
