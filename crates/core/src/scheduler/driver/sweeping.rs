//! Sweeps: a look at all parked payloads of one scheduler, for those that are cancelled or were asked to end.

use super::{Driver, step};
use crate::base::sync::Arc;
use crate::scheduler::driven::Batch;
use crate::scheduler::scheduler::Scheduler;
use crate::task;

impl Driver {
    /// Continues the present sweep, if there is one. Returns whether it visited any payload.
    pub(super) fn sweep_some(&mut self) -> bool {
        while self.sweep.is_none() {
            let Some(next) = self.to_sweep.pop_front() else {
                return false;
            };
            let scheduler = next.scheduler.upgrade();
            self.sweep =
                scheduler.map(|scheduler| (Scheduler::behind(&*scheduler).me(), next.lane, 0));
        }
        match self.queue.is_single() {
            true => self.sweep_here(),
            false => self.sweep_by_waking(),
        }
    }

    /// Polls or ends the payloads where they are, as nobody else does.
    fn sweep_here(&mut self) -> bool {
        let Some((scheduler, number, next)) = &mut self.sweep else {
            return false;
        };
        let scheduler = Arc::clone(scheduler);
        let lane = (*number, &self.queue.lanes()[*number]);
        scheduler.pick_up(lane, &mut self.swept, next);
        if self.swept.len() < Batch::ROOM {
            // The last batch of the sweep.
            self.sweep = None;
        }
        if self.swept.is_empty() {
            return false;
        }
        while let Some(task) = self.swept.next() {
            if task.header().is_cancelled() {
                // If it also stands in the queue, it is found to be over there.
                task::end(task);
                self.swept.last_is_over();
            } else if task.state().is_holder() && !task.state().is_queued() {
                // It stays parked: a wake meanwhile puts it into the queue, as at any other time.
                if step(task).is_ready() {
                    self.swept.last_is_over();
                }
            }
        }
        let over = &mut self.over;
        scheduler.host.put_back(lane, &mut self.swept, over);
        self.over.clear();
        true
    }

    /// Wakes the payloads, for all drivers: one of them may block the thread that polls it.
    fn sweep_by_waking(&mut self) -> bool {
        let Some((scheduler, number, next)) = self.sweep.take() else {
            return false;
        };
        let swept = (number, &self.queue.lanes()[number]);
        let next = scheduler.wake_parked(swept, next, &mut self.due);
        let has_more = self.due.len() > 1;
        let lane = &self.queue.lanes()[self.number];
        lane.stock().woken.extend(self.due.drain(..));
        if has_more {
            self.queue.wake_another(self.number);
        }
        self.sweep = next.map(|next| (scheduler, number, next));
        true
    }
}
