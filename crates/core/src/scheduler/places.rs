//! The moves of the payloads that a run queue polls, between its batches and the places where they are parked.

use crate::base::sync::Arc;
use crate::scheduler::driven::Batch;
use crate::scheduler::host::Host;
use crate::scheduler::scheduler::Scheduler;
use crate::task::Task;

impl Host {
    /// Makes the payloads in `batch` visible from here on.
    pub(super) fn take_in_batch(&self, batch: &Batch) {
        self.batches.lock().show(batch);
    }

    /// Parks the visited payloads of `batch` that are not over, and takes the parked payloads in
    /// `over` out. Afterwards `over` has all payloads that are over, to be dropped where nothing is
    /// locked.
    pub(super) fn put_back(&self, batch: &mut Batch, over: &mut Vec<Arc<Task>>) {
        let mut shown = self.batches.lock();
        for task in over.iter_mut() {
            let taken = Scheduler::of(&**task).parked.lock().take_out(task);
            if let Some(parked) = taken {
                shown.parked -= 1;
                *task = parked;
            }
        }
        shown.hide(batch);
        let (now, seconds) = (self.watch.second(), batch.take_seconds());
        let mut visited = batch.take_visited().peekable();
        while let Some((number, is_over, task)) = visited.next() {
            if is_over {
                over.push(task);
                continue;
            }
            // Those of one scheduler under one lock.
            let scheduler = Arc::clone(task.scheduler());
            let mut parked = Scheduler::behind(&*scheduler).parked.lock();
            let mut next = Some((number, task));
            while let Some((number, task)) = next {
                parked.park(task, seconds.get(number).copied().unwrap_or(now));
                shown.parked += 1;
                let is_alike = |(_, is_over, task): &(usize, bool, Arc<Task>)| {
                    !is_over && Arc::ptr_eq(task.scheduler(), &scheduler)
                };
                let alike = visited.next_if(is_alike);
                next = alike.map(|(number, _, task)| (number, task));
            }
        }
        drop(visited);
        shown.show(batch);
    }

    /// Parks the payloads of all batches, once nobody drives the run queue any more.
    pub(super) fn put_all_back(&self) {
        let mut shown = self.batches.lock();
        let batches: Vec<_> = shown.take_all().collect();
        for batch in batches {
            for task in batch.iter() {
                let mut parked = Scheduler::of(&**task).parked.lock();
                parked.park(Arc::clone(task), self.watch.second());
                shown.parked += 1;
            }
        }
    }

    /// Whether any payloads are parked. If no batch has any, these are all there are.
    pub(super) fn has_parked(&self) -> bool {
        self.batches.lock().parked > 0
    }
}

impl Scheduler {
    /// Moves parked payloads into the empty `batch`, from the key `next` on, and moves `next` on.
    pub(super) fn pick_up(&self, batch: &mut Batch, next: &mut usize) {
        let mut shown = self.host.batches.lock();
        let mut parked = self.parked.lock();
        // Keys start at 0, and there were never more of them than the capacity.
        while batch.len() < Batch::ROOM && *next < parked.capacity() {
            if let Some((task, second)) = parked.take(*next) {
                shown.parked -= 1;
                batch.push(task, second);
            }
            *next += 1;
        }
        shown.show(batch);
    }

    /// The living payloads that the run queue polls.
    pub(super) fn driven(&self) -> Vec<Arc<Task>> {
        let shown = self.host.batches.lock();
        let is_own = |task: &&Arc<Task>| std::ptr::addr_eq(Arc::as_ptr(task.scheduler()), self);
        let parked = self.parked.lock();
        let driven = shown.iter().filter(is_own).chain(parked.iter());
        let alive = driven.filter(|task| !task.state().is_settled());
        alive.cloned().collect()
    }
}
