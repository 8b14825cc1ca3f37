//! What a driver takes out of its stock, to poll it next.

use super::Driver;
use crate::base::sync::{Arc, Weak};
use crate::scheduler::driven::Batch;
use crate::scheduler::lane::append;
use crate::scheduler::run_queue::{BATCH, RunQueue};
use crate::scheduler::scheduler::Scheduler;
use crate::task::Schedule;

impl Driver {
    /// Takes what is polled next out of the stock: as many new ones as there is room for, and all woken ones, unless others may
    /// take them. Searches find new ones from here on.
    pub(super) fn take_next(&mut self) {
        let lane = &self.queue.lanes()[self.number];
        let is_fresh = self.first.is_empty();
        let (mut mistaken, mut strangers) = (Vec::new(), Vec::new());
        {
            let mut stock = lane.stock();
            if self.queue.is_single() {
                append(&mut self.woken, &mut stock.woken);
            }
            // Where a pause ends a batch, that is soon forgotten.
            let room = Batch::ROOM.min(BATCH - self.since_pause);
            if is_fresh && !stock.new.is_empty() {
                let batch = self.first.list();
                batch.reserve(room);
                while batch.len() < room {
                    let Some(payload) = stock.new.pop_front() else {
                        break;
                    };
                    let header = payload.task().header();
                    if !is_own(&mut self.own, header.scheduler(), &self.queue) {
                        // It belongs to a flavour with another queue, and came here by mistake.
                        mistaken.push(payload);
                        continue;
                    }
                    if header.state.key().is_some() {
                        strangers.push(Arc::clone(payload.task()));
                    }
                    header.state.begin_driven();
                    batch.push(payload.into_task());
                }
                // Before the stock is let go: whoever asks whether all is over finds them here or there.
                lane.batches.lock().show(&self.first);
            }
        }
        drop(mistaken);
        for task in strangers {
            // Its flavour has polled it by other means before, or might have.
            Scheduler::of(&*task).unregister(task.header());
        }
        self.meet_host();
        if is_fresh && !self.first.is_empty() {
            self.note_thread();
        }
    }

    /// Finds out whose payloads these are, as soon as that can be known.
    pub(super) fn meet_host(&mut self) {
        if self.host.is_none() {
            self.host = self.queue.host();
            if let Some(host) = &self.host {
                // Whoever woke the executor did not know whose it is.
                host.watch.waking.note();
            }
        }
    }

    pub(super) fn note_thread(&self) {
        if let Some(host) = &self.host {
            host.note_thread();
        }
    }
}

/// Whether the payloads of a scheduler are polled from `queue`. The last one that was is `known`, so that most need no look.
#[inline]
fn is_own(known: &mut Option<Known>, scheduler: &Arc<dyn Schedule>, queue: &Arc<RunQueue>) -> bool {
    let is_it = |known: &Known| known.address == Arc::as_ptr(scheduler).cast::<()>().addr();
    if known.as_ref().is_some_and(is_it) {
        return true;
    }
    let is_own = Scheduler::behind(&**scheduler).host.is_driven_by(queue);
    if is_own {
        *known = Some(Known {
            address: Arc::as_ptr(scheduler).cast::<()>().addr(),
            _keeps: Arc::downgrade(scheduler),
        });
    }
    is_own
}

/// A scheduler, by its place in memory, which it keeps.
pub(super) struct Known {
    address: usize,
    _keeps: Weak<dyn Schedule>,
}
