//! The moves of the payloads that a run queue polls, between the batches of its drivers and the places where they are parked.

use crate::base::sync::Arc;
use crate::lifetime::Phase;
use crate::scheduler::driven::Batch;
use crate::scheduler::host::Host;
use crate::scheduler::lane::Lane;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Runnable, Task, Wake};

impl Host {
    /// The lanes of its run queue, with their numbers; none, if it has no queue.
    pub(super) fn lanes(&self) -> impl Iterator<Item = (usize, &Lane)> {
        let lanes = self.queue.get().map_or(&[][..], |queue| queue.lanes());
        lanes.iter().enumerate()
    }

    /// The lane for what happens on the calling thread, and how many there are.
    #[inline]
    pub(super) fn lane_here(&self) -> (usize, usize) {
        match self.queue.get() {
            Some(queue) => (queue.lane_here(), queue.lanes().len()),
            None => (0, 1),
        }
    }

    /// Parks the visited payloads of `batch` that are not over, and takes the parked payloads in
    /// `over` out. Afterwards `over` has all payloads that are over, to be dropped where nothing is
    /// locked.
    pub(super) fn put_back(
        &self,
        (number, lane): (usize, &Lane),
        batch: &mut Batch,
        over: &mut Vec<Arc<Task>>,
    ) {
        self.take_out(over);
        if !batch.was_seen() {
            return;
        }
        let mut shown = lane.batches.hide(batch);
        if batch.swap_over(over) {
            return;
        }
        let (now, seconds) = (self.watch.second(), batch.take_seconds());
        let mut visited = batch.take_visited().peekable();
        while let Some((index, is_over, task)) = visited.next() {
            if is_over {
                over.push(task);
                continue;
            }
            // Those of one scheduler under one lock.
            let scheduler = Arc::clone(task.scheduler());
            let mut parked = Scheduler::behind(&*scheduler).parked(number).lock();
            let mut next = Some((index, task));
            while let Some((index, task)) = next {
                match parked.park(task, seconds.get(index).copied().unwrap_or(now)) {
                    Ok(()) => shown.parked += 1,
                    Err(task) => over.push(task),
                }
                let is_alike = |(_, is_over, task): &(usize, bool, Arc<Task>)| {
                    !is_over && Arc::ptr_eq(task.scheduler(), &scheduler)
                };
                let alike = visited.next_if(is_alike);
                next = alike.map(|(index, _, task)| (index, task));
            }
        }
        drop(visited);
        shown.show(batch);
    }

    /// Takes payloads that are over out of where they are parked.
    fn take_out(&self, over: &mut [Arc<Task>]) {
        if over.is_empty() {
            return;
        }
        for (number, lane) in self.lanes() {
            let mut shown = lane.batches.lock();
            for task in over.iter_mut() {
                let taken = Scheduler::of(&**task).parked(number).lock().take_out(task);
                if let Some(parked) = taken {
                    shown.parked -= 1;
                    // The other reference is not the last.
                    *task = parked;
                }
            }
        }
    }

    /// Parks the payloads of all batches, once nobody drives the run queue any more.
    pub(super) fn put_all_back(&self) {
        for (number, lane) in self.lanes() {
            let mut shown = lane.batches.lock();
            let batches: Vec<_> = shown.take_all().collect();
            for batch in batches {
                for task in batch.iter() {
                    let mut parked = Scheduler::of(&**task).parked(number).lock();
                    if parked.park(Arc::clone(task), self.watch.second()).is_ok() {
                        shown.parked += 1;
                    }
                }
            }
        }
    }

    /// Its payloads that wait in the run queue for their first poll, and that searches do not find.
    pub(crate) fn waiting(&self) -> Vec<Arc<Task>> {
        let is_own = |task: &&Arc<Task>| {
            // Those from before the flavour's start are registered.
            task.state().key().is_none() && std::ptr::eq(&*Scheduler::of(&***task).host, self)
        };
        let mut waiting = Vec::new();
        for (_, lane) in self.lanes() {
            let inbox = lane.lock();
            let stock = lane.stock();
            let here = stock.new.iter().chain(&inbox.new).map(Runnable::task);
            waiting.extend(here.filter(is_own).cloned());
        }
        waiting
    }
}

impl Scheduler {
    /// Moves payloads that are parked in a lane into the empty `batch`, from the place `next` on, and moves `next` on.
    pub(super) fn pick_up(
        &self,
        (number, lane): (usize, &Lane),
        batch: &mut Batch,
        next: &mut usize,
    ) {
        let mut shown = lane.batches.lock();
        let mut parked = self.parked(number).lock();
        // Places start at 0, and there were never more of them than the capacity.
        let (tasks, seconds) = batch.lists();
        while tasks.len() < Batch::ROOM && *next < parked.capacity() {
            if let Some((task, second)) = parked.take(*next) {
                tasks.push(task);
                seconds.push(second);
            }
            *next += 1;
        }
        shown.parked -= tasks.len();
        shown.show(batch);
    }

    /// Wakes payloads that are parked in a lane and are cancelled or have a token, from the place `next` on; before the first, those
    /// in a batch as well, as their driver may be held up. `None` behind the last one.
    pub(super) fn wake_parked(
        &self,
        (number, lane): (usize, &Lane),
        next: usize,
        woken: &mut Vec<Arc<Task>>,
    ) -> Option<usize> {
        let shown = lane.batches.lock();
        let parked = self.parked(number).lock();
        let behind = next + Batch::ROOM;
        let in_batches = shown.iter().filter(|task| next == 0 && self.is_of(task));
        let at_places = (next..behind).filter_map(|place| parked.get(place));
        for task in in_batches.chain(at_places.map(|(task, _)| task)) {
            if is_due(&**task) && task.state().wake() == Wake::Enqueue {
                woken.push(Arc::clone(task));
            }
        }
        (behind < parked.capacity()).then_some(behind)
    }

    /// Whether it is the payload's scheduler.
    fn is_of(&self, task: &Arc<Task>) -> bool {
        std::ptr::eq(Scheduler::of(&**task), self)
    }

    /// The living payloads that the run queue polls.
    pub(super) fn driven(&self) -> Vec<Arc<Task>> {
        let mut driven = Vec::new();
        for (number, lane) in self.host.lanes() {
            let shown = lane.batches.lock();
            let parked = self.parked(number).lock();
            let here = shown
                .iter()
                .filter(|task| self.is_of(task))
                .chain(parked.iter());
            driven.extend(here.filter(|task| !task.state().is_settled()).cloned());
        }
        driven
    }
}

/// Whether a sweep is for this payload: it is cancelled, or was asked to end and has a token. The phase comes before the sweep:
/// what comes into a batch later sees it.
fn is_due(task: &Task) -> bool {
    let header = task.header();
    header.is_cancelled() || header.state.is_holder() && header.part().phase() >= Phase::Stopping
}
