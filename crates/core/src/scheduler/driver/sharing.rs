//! Several drivers: what one does that others may be held up, and takes from them.

use super::{Driver, Polled, poll};
use crate::base::sync::Arc;
use crate::scheduler::driven::Batch;
use crate::scheduler::lane::Lane;
use crate::scheduler::run_queue::BATCH;
use crate::task::Task;

/// What a driver knows of the others, and of what they have left it.
pub(super) struct Around {
    /// How many payloads this one will have polled when another is looked at, although there is enough to do here.
    pub(super) next_look: usize,
    /// The lane of that one, and how many payloads it had polled when it was looked at last.
    other: usize,
    polls: usize,
    /// There may be woken payloads in the own stock.
    pub(super) has_woken: bool,
}

impl Around {
    /// Of the driver of lane `number`: the next one is looked at first.
    pub(super) fn new(number: usize, lanes: usize) -> Self {
        Self {
            next_look: Batch::ROOM,
            other: (number + 1) % lanes,
            polls: 0,
            has_woken: false,
        }
    }
}

impl Driver {
    /// Takes from another driver if that has polled nothing since the last look. One that goes on is left alone: two that have
    /// enough to do would only exchange it.
    ///
    /// They are looked at one after the other: what a driver counts is not to be read by all of them all the time.
    pub(super) fn look_around(&mut self) {
        let queue = Arc::clone(&self.queue);
        let lanes = queue.lanes();
        self.around.next_look = self.lane().polls() + Batch::ROOM;
        let other = &lanes[self.around.other];
        if other.polls() == self.around.polls && self.take_from(other) {
            return;
        }
        let mut next = (self.around.other + 1) % lanes.len();
        if next == self.number {
            next = (next + 1) % lanes.len();
        }
        (self.around.other, self.around.polls) = (next, lanes[next].polls());
    }

    /// Takes from any other driver. Returns whether there was anything.
    pub(super) fn take_share(&mut self) -> bool {
        let queue = Arc::clone(&self.queue);
        queue.others(self.number).any(|other| self.take_from(other))
    }

    fn take_from(&mut self, other: &Lane) -> bool {
        let (share, mut swept) = other.share(|| self.queue.share_leaves());
        if share.is_empty() && swept.is_empty() {
            return false;
        }
        self.to_sweep.append(&mut swept);
        let number = share.len();
        if number > 0 {
            self.around.has_woken |= !share.woken.is_empty();
            self.queue.lanes()[self.number].stock().put(share);
            self.queue.share_arrives();
        }
        if number > 1 {
            self.queue.wake_another(self.number);
        }
        true
    }

    /// Polls payloads one by one, as long as there are any. Returns whether the executor must have its turn.
    pub(super) fn poll_shared(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        self.meet_host();
        // It may find nothing but what was taken from others, or woken.
        self.note_thread();
        while self.poll_one() {
            self.lane().count_poll();
            self.since_pause += 1;
            if self.since_pause >= BATCH || is_spent() {
                return true;
            }
        }
        false
    }

    fn lane(&self) -> &Lane {
        &self.queue.lanes()[self.number]
    }

    /// New and woken payloads take turns, as with a single driver.
    fn poll_one(&mut self) -> bool {
        self.new_is_next = !self.new_is_next;
        match self.new_is_next {
            true => self.poll_new() || self.poll_woken(),
            false => self.poll_woken() || self.poll_new(),
        }
    }

    fn poll_new(&mut self) -> bool {
        loop {
            if let Some(task) = self
                .first
                .take_next(&self.queue.lanes()[self.number].batches)
            {
                match poll(task) {
                    Polled::Over => self.first.last_is_over(),
                    Polled::Woken => {
                        let task = Arc::clone(task);
                        self.put_woken(task);
                    }
                    Polled::Waits => {}
                }
                return true;
            }
            self.put_back();
            self.take_next();
            if self.first.is_empty() {
                return false;
            }
        }
    }

    fn poll_woken(&mut self) -> bool {
        if !self.around.has_woken {
            return false;
        }
        let (task, has_more) = {
            let mut stock = self.lane().stock();
            (stock.woken.pop_front(), !stock.woken.is_empty())
        };
        self.around.has_woken = has_more;
        let Some(task) = task else {
            return false;
        };
        task.state().begin_drive();
        match poll(&task) {
            Polled::Over => self.over.push(task),
            Polled::Woken => self.put_woken(task),
            Polled::Waits => {}
        }
        true
    }

    /// For others to take, as the next payload may block this thread.
    fn put_woken(&mut self, task: Arc<Task>) {
        self.lane().stock().woken.push_back(task);
        self.around.has_woken = true;
    }
}
