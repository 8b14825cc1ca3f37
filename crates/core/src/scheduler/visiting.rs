//! Looking at all living payloads without holding anybody up: some hundreds at a time, each time under the lock anew.

use crate::base::sync::Arc;
use crate::scheduler::scheduler::Scheduler;
use crate::task::Task;

/// How many are visited under one lock.
const AT_ONCE: usize = 512;

impl Scheduler {
    /// Calls `look` with each payload that has had its turn, or is about to, and is not over; and with unstarted parallels.
    /// Also with the second in which it began to wait for the first time; 0 if that is not known.
    ///
    /// One that moves meanwhile may be missed, or seen twice.
    pub(crate) fn visit(&self, look: &mut dyn FnMut(&Arc<Task>, u32)) {
        let mut look = |task: &Arc<Task>, second: u32| {
            if !task.state().is_settled() {
                look(task, second);
            }
        };
        for (number, lane) in self.host.lanes() {
            {
                let shown = lane.batches.lock();
                let is_own = |task: &&Arc<Task>| std::ptr::eq(Scheduler::of(&***task), self);
                shown.iter().filter(is_own).for_each(|task| look(task, 0));
            }
            let mut next = 0;
            let mut is_last = false;
            while !is_last {
                // The lock of the lane keeps payloads where they are.
                let _shown = lane.batches.lock();
                let parked = self.parked(number).lock();
                let behind = next + AT_ONCE;
                (next..behind)
                    .filter_map(|place| parked.get(place))
                    .for_each(|(task, second)| look(task, second));
                (next, is_last) = (behind, behind >= parked.capacity());
            }
        }
        let mut next = 0;
        let mut is_last = false;
        while !is_last {
            let registry = self.registry();
            let behind = next + AT_ONCE;
            let undriven = (next..behind).filter_map(|key| registry.get(key));
            undriven.for_each(|one| look(&one.task, one.second));
            (next, is_last) = (behind, behind >= registry.capacity());
        }
    }
}
