//! The run queue: the payloads that one flavour's threads must poll next, filled from any thread.
//!
//! A payload that it polls is its own waker: a wake puts its task back into the queue, and only the wake
//! that finds a driver asleep wakes the executor. A driver is a future of that executor, so
//! every poll happens inside the executor, with its reactor, its timers and its thread-locals.
//!
//! There is one driver for each lane. One that finds nothing in its lane and in all others sets its waker, and looks at the
//! others once more; whoever puts something in looks for a waker afterwards, in that lane and then in all others. One of the
//! two sees the other: both lock the inbox in which it is.

use std::any::Any;
use std::cell::Cell;
use std::task::{Context, Waker};

use crossbeam_utils::CachePadded;

use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, MutexGuard, OnceLock, Weak, thread_local};
use crate::base::threads::current_number;
use crate::contract::probe::Probe;
use crate::contract::waking::Waking;
use crate::scheduler::lane::{Inbox, Lane, Swept};
use crate::task::{Runnable, Schedule, Task};

/// How many payloads are polled, at most, before the executor gets a turn for everything else.
pub(crate) const BATCH: usize = 128;

thread_local! {
    /// The queue that is driven on this thread right now, by its address, and the lane.
    static HERE: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// The queue, as all threads see it.
pub(crate) struct RunQueue {
    lanes: Box<[Lane]>,
    /// How many wakers are set. Changed under the lock of the inbox that has the waker.
    asleep: AtomicUsize,
    shares: CachePadded<Shares>,
    /// The host of its payloads, set by the first of them. Weak, as the host keeps its queue alive.
    owner: OnceLock<(Weak<dyn Any + Send + Sync>, Waking)>,
}

/// How many shares have left a lane for another one, and how many of them have arrived there. In between nobody finds them.
#[derive(Default)]
struct Shares {
    left: AtomicUsize,
    arrived: AtomicUsize,
}

/// The calling thread polls as the driver of a lane, until this is dropped.
pub(super) struct Here {
    before: Option<(usize, usize)>,
}

impl Here {
    pub(super) fn enter(queue: &RunQueue, lane: usize) -> Self {
        let here = (queue.address(), lane);
        let before = (!queue.is_single()).then(|| HERE.with(|cell| cell.replace(here)));
        Self { before }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            HERE.with(|cell| cell.set(before));
        }
    }
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::with_lanes(1)
    }
}

impl RunQueue {
    /// A queue for so many drivers.
    pub(crate) fn with_lanes(lanes: usize) -> Self {
        Self {
            lanes: (0..lanes.max(1)).map(|_| Lane::default()).collect(),
            asleep: AtomicUsize::new(0),
            shares: CachePadded::default(),
            owner: OnceLock::new(),
        }
    }

    #[inline]
    pub(crate) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Whether it has one driver, which need not share.
    #[inline]
    pub(super) fn is_single(&self) -> bool {
        self.lanes.len() == 1
    }

    /// The lane for what comes from the calling thread.
    #[inline]
    pub(super) fn lane_here(&self) -> usize {
        if self.is_single() {
            return 0;
        }
        match HERE.with(Cell::get) {
            (address, lane) if address == self.address() => lane,
            _ => current_number() as usize % self.lanes.len(),
        }
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Has the driver or feed, which has looked at `inbox`, woken for what comes from here on.
    pub(crate) fn sleep(&self, mut inbox: MutexGuard<'_, Inbox>, context: &Context<'_>) {
        if inbox.probes.is_empty() {
            if inbox.waker.replace(context.waker().clone()).is_none() {
                self.asleep.fetch_add(1, SeqCst);
            }
            return;
        }
        // Whoever was answered has asked again, and found nobody to wake. The executor has its turn first.
        drop(inbox);
        context.waker().wake_by_ref();
    }

    /// Takes the waker of the driver or feed, which is not to be dropped under the lock.
    pub(super) fn take_waker(&self, inbox: &mut Inbox) -> Option<Waker> {
        let waker = inbox.waker.take()?;
        self.asleep.fetch_sub(1, SeqCst);
        Some(waker)
    }

    /// The driver of `lane` does not sleep. Returns whether nobody has woken it.
    pub(super) fn stay_awake(&self, lane: usize) -> bool {
        let waker = {
            let mut inbox = self.lanes[lane].lock();
            self.take_waker(&mut inbox)
        };
        waker.is_some()
    }

    /// Changes the inbox of `lane`, and wakes a driver or feed that waits for it.
    fn change(&self, lane: usize, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lanes[lane].lock();
        change(&mut inbox);
        self.wake_for(lane, inbox);
    }

    /// Wakes a driver or feed for what has come to `inbox`, which is that of `lane`.
    #[inline(always)]
    fn wake_for(&self, lane: usize, inbox: MutexGuard<'_, Inbox>) {
        if inbox.waker.is_some() {
            self.wake_own(inbox);
        } else {
            drop(inbox);
            if !self.is_single() {
                // Its own driver works, and may be held up.
                self.wake_another(lane);
            }
        }
    }

    #[cold]
    fn wake_own(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let waker = self.take_waker(&mut inbox);
        drop(inbox);
        if let Some(waker) = waker {
            self.wake(waker);
        }
    }

    #[cold]
    fn wake(&self, waker: Waker) {
        if let Some((_, waking)) = self.owner.get() {
            waking.note();
        }
        waker.wake();
    }

    /// Wakes a driver, if any sleeps, for what is in `lane`.
    #[inline]
    pub(super) fn wake_another(&self, lane: usize) {
        if !self.is_single() && self.asleep.load(SeqCst) > 0 {
            self.wake_one_of_others(lane);
        }
    }

    #[cold]
    fn wake_one_of_others(&self, lane: usize) {
        let wakers = self
            .others(lane)
            .map(|other| self.take_waker(&mut other.lock()));
        if let Some(waker) = wakers.flatten().next() {
            self.wake(waker);
        }
    }

    /// All lanes but this one, the next one first.
    pub(super) fn others(&self, lane: usize) -> impl Iterator<Item = &Lane> {
        let (before, from) = self.lanes.split_at(lane);
        from.iter().skip(1).chain(before)
    }

    /// Wakes all drivers.
    pub(super) fn wake_all(&self) {
        for lane in &self.lanes {
            let waker = self.take_waker(&mut lane.lock());
            if let Some(waker) = waker {
                self.wake(waker);
            }
        }
    }

    /// Puts a new payload at the end, or hands it back if the queue is closed.
    pub(crate) fn push(&self, payload: Runnable) -> Result<(), Runnable> {
        let lane = self.lane_here();
        let mut inbox = self.lanes[lane].lock();
        if inbox.closed {
            return Err(payload);
        }
        inbox.new.push_back(payload);
        self.wake_for(lane, inbox);
        Ok(())
    }

    /// Puts a woken payload at the end, unless nobody polls any more: the payload would keep alive
    /// the host that keeps this queue.
    pub(crate) fn push_woken(&self, task: Arc<Task>) {
        let mut task = Some(task);
        self.change(self.lane_here(), |inbox| {
            if !inbox.over {
                inbox.woken.extend(task.take());
            }
        });
    }

    /// Has every payload of a scheduler polled that has a token, and every cancelled one ended.
    pub(crate) fn sweep(&self, scheduler: &Weak<dyn Schedule>) {
        for lane in 0..self.lanes.len() {
            self.change(lane, |inbox| {
                let is_known = |known: &Swept| known.scheduler.ptr_eq(scheduler);
                if !inbox.over && !inbox.swept.iter().any(is_known) {
                    let scheduler = Weak::clone(scheduler);
                    inbox.swept.push_back(Swept { scheduler, lane });
                }
            });
        }
    }

    /// Has a driver or feed answer.
    pub(crate) fn probe(&self, probe: Probe) {
        let mut probe = Some(probe);
        self.change(self.lane_here(), |inbox| {
            if !inbox.over {
                inbox.probes.extend(probe.take());
            }
        });
    }

    /// Closes the queue to new payloads.
    pub(crate) fn close(&self) {
        for lane in 0..self.lanes.len() {
            self.change(lane, |inbox| inbox.closed = true);
        }
    }

    /// From here on the queue polls payloads of `owner`.
    pub(super) fn belongs_to(&self, owner: Weak<dyn Any + Send + Sync>, waking: Waking) {
        // The first one stays: an intake is for one flavour.
        let _ = self.owner.set((owner, waking));
    }

    /// Whether there is nothing for any driver any more.
    pub(super) fn has_none(&self) -> bool {
        // In the order in which payloads move.
        !self.lanes.iter().any(Lane::has_some) && self.has_parked_none()
    }

    /// Whether no payload is parked or in a batch.
    pub(super) fn has_parked_none(&self) -> bool {
        self.lanes.iter().all(|lane| lane.batches.lock().is_empty())
    }

    /// A driver takes a share out of a lane, whose lock it has.
    pub(super) fn share_leaves(&self) {
        self.shares.left.fetch_add(1, SeqCst);
    }

    pub(super) fn share_arrives(&self) {
        self.shares.arrived.fetch_add(1, SeqCst);
    }

    /// Whether it is closed and all payloads are over. Drivers may still have to find out.
    pub(crate) fn is_over(&self) -> bool {
        let arrived = self.shares.arrived.load(SeqCst);
        // In the order in which payloads move.
        let has_none_waiting = |lane: &Lane| {
            let inbox = lane.lock();
            let is_empty = inbox.new.is_empty() && inbox.woken.is_empty();
            inbox.closed && is_empty && lane.stock().is_empty()
        };
        let has_none = self.lanes.iter().all(has_none_waiting) && self.has_parked_none();
        // A share that was on its way from lane to lane may have been missed.
        has_none && self.shares.left.load(SeqCst) == arrived
    }

    /// Whether all drivers wait to be woken.
    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.load(SeqCst) == self.lanes.len()
    }

    /// The owner of its payloads, if the queue has polled any.
    pub(super) fn owner(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.owner.get()?.0.upgrade()
    }
}
