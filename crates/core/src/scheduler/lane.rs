//! One driver's part of a run queue: what comes in from any thread, and what the driver has taken in to poll next.
//!
//! Most queues have one lane. The queue of a pool has one for each thread, so that no two threads need write the same
//! memory for a payload. A driver that has nothing left takes from the other lanes: nothing waits behind a payload that
//! blocks its thread.

use std::collections::VecDeque;
use std::task::Waker;

use crossbeam_utils::CachePadded;

use crate::base::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use crate::base::sync::{Arc, Mutex, MutexGuard, Weak, lock};
use crate::contract::probe::Probe;
use crate::scheduler::driven::Batches;
use crate::task::{Runnable, Schedule, Task};

/// How much a driver takes from another one at once, at most.
const SHARE: usize = 64;

/// One driver's part of a run queue.
#[derive(Default)]
pub(crate) struct Lane {
    inbox: CachePadded<Mutex<Inbox>>,
    stock: CachePadded<Mutex<Stock>>,
    /// What is being polled, and how much is parked here.
    pub(super) batches: Batches,
    /// How many payloads its driver has polled. Used where there are several drivers.
    polls: CachePadded<AtomicUsize>,
}

/// What comes in from any thread.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) new: VecDeque<Runnable>,
    /// Payloads that were polled and must be polled again.
    pub(super) woken: VecDeque<Arc<Task>>,
    /// What is due for a sweep.
    pub(super) swept: VecDeque<Swept>,
    /// A driver exists or existed. No other driver would poll the payloads in its batches.
    pub(super) driven: bool,
    /// Nobody polls any more.
    pub(super) over: bool,
    /// Those who ask whether the driver or feed goes on.
    pub(crate) probes: Vec<Probe>,
    /// The waker of the sleeping driver or feed.
    pub(super) waker: Option<Waker>,
    pub(crate) closed: bool,
}

/// A sweep looks for payloads that were asked to end or cancelled: among those of one scheduler that are parked in one lane.
pub(super) struct Swept {
    pub(super) scheduler: Weak<dyn Schedule>,
    pub(super) lane: usize,
}

/// What a driver polls next. It is here, as long as it can be, for other drivers to take.
#[derive(Default)]
pub(super) struct Stock {
    pub(super) new: VecDeque<Runnable>,
    pub(super) woken: VecDeque<Arc<Task>>,
}

impl Lane {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }

    /// The inbox, once those who have asked by then are answered: with no lock held.
    pub(crate) fn lock_answered(&self) -> MutexGuard<'_, Inbox> {
        let mut inbox = self.lock();
        if !inbox.probes.is_empty() {
            let probes = std::mem::take(&mut inbox.probes);
            drop(inbox);
            probes.into_iter().for_each(Probe::answer);
            inbox = self.lock();
        }
        inbox
    }

    /// Its driver has polled a payload. Nobody else says so.
    pub(super) fn count_poll(&self) {
        self.polls.store(self.polls() + 1, Relaxed);
    }

    pub(super) fn polls(&self) -> usize {
        self.polls.load(Relaxed)
    }

    /// To be taken under the lock of the inbox, or alone.
    pub(super) fn stock(&self) -> MutexGuard<'_, Stock> {
        lock(&self.stock)
    }

    /// Whether another driver would find something here.
    pub(super) fn has_some(&self) -> bool {
        // In the order in which things move.
        let has_come = {
            let inbox = self.lock();
            !(inbox.new.is_empty()
                && inbox.woken.is_empty()
                && inbox.swept.is_empty()
                && inbox.probes.is_empty())
        };
        has_come || !self.stock().is_empty() || self.batches.has_new()
    }

    /// Takes a share of what waits here, for another driver: of what its own one comes to next. If any payload leaves, `leaves` is
    /// called before the lock is let go, or later if it leaves a batch: there it stays to be found.
    pub(super) fn share(&self, leaves: impl Fn()) -> (Stock, VecDeque<Swept>) {
        let woken = self.batches.share();
        if !woken.is_empty() {
            leaves();
            let share = Stock {
                woken,
                ..Stock::default()
            };
            return (share, VecDeque::new());
        }
        {
            let mut stock = self.stock();
            let share = stock.share();
            if !share.is_empty() {
                leaves();
                return (share, VecDeque::new());
            }
        }
        let mut inbox = self.lock_answered();
        let share = Stock {
            new: share_of(&mut inbox.new),
            woken: share_of(&mut inbox.woken),
        };
        if !share.is_empty() {
            leaves();
        }
        (share, std::mem::take(&mut inbox.swept))
    }
}

impl Stock {
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.woken.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.new.len() + self.woken.len()
    }

    fn share(&mut self) -> Self {
        Self {
            new: share_of(&mut self.new),
            woken: share_of(&mut self.woken),
        }
    }

    /// Takes in what has come to the inbox.
    pub(super) fn take_in(&mut self, inbox: &mut Inbox) {
        append(&mut self.new, &mut inbox.new);
        append(&mut self.woken, &mut inbox.woken);
    }

    pub(super) fn put(&mut self, mut other: Self) {
        append(&mut self.new, &mut other.new);
        append(&mut self.woken, &mut other.woken);
    }
}

/// Half of them, the oldest ones.
fn share_of<T>(queue: &mut VecDeque<T>) -> VecDeque<T> {
    let half = queue.len().div_ceil(2).min(SHARE);
    queue.drain(..half).collect()
}

/// Moves all of `from` behind what is in `to`.
pub(super) fn append<T>(to: &mut VecDeque<T>, from: &mut VecDeque<T>) {
    match to.is_empty() {
        true => std::mem::swap(to, from),
        false => to.append(from),
    }
}
