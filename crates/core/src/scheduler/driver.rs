//! A thread that polls the payloads of a run queue: one driver for each lane.
//!
//! A payload that a run queue polls is new, in a batch, or parked; one that is woken stands in a queue as well. A driver
//! moves it, except for the two moves that others make:
//!
//! ```text
//!   adopted: others
//!      │
//!      ▼             next_batch: searches find it now      polled, waits
//!   inbox.new ──► new ──────────────────────► first batch ──────────────► parked ◄──┐
//!                                                │ woken while it was polled   ¦    │
//!   woken: others                                ▼                             ¦    │
//!   inbox.woken ────────────────────────────► woken                            ¦    │
//!      ▲                                         │ polled                      ¦    │
//!      └─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─│─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ─ ┘    │
//!                                                └──────────────────────────────────┤
//!                                   a sweep: its batch (of those that are parked) ──┘
//! ```
//!
//! `new` and `woken` are the driver's stock. Where there are several drivers, what one holds itself would wait for the payload that
//! it polls. So it takes woken ones one by one, and one that has nothing takes a share of another one's first batch, stock or inbox
//! (`sharing`).
//!
//! A search finds a payload in its batch, or where it is parked. There is a sweep of each scheduler as its group's stop begins,
//! and one as payloads are cancelled. A single driver polls them where they are; of several, one wakes them, and those that
//! another one has polled and not parked yet, for all to poll.
//! From each place a payload goes when it is over: it is marked in its batch, or goes to `over`, and is
//! forgotten at the end of the turn, or of the batch of a sweep.

mod sharing;
mod sweeping;
mod taking;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::task::{Context, Poll};

use self::sharing::Around;
use self::taking::Known;
use crate::base::sync::{Arc, MutexGuard};
use crate::scheduler::driven::{Batch, Purpose};
use crate::scheduler::host::Host;
use crate::scheduler::lane::{Inbox, Lane, Swept};
use crate::scheduler::run_queue::{BATCH, Here, RunQueue};
use crate::scheduler::scheduler::Scheduler;
use crate::task::{self, AfterPoll, Runnable, Task};

impl RunQueue {
    /// Polls payloads as the driver of `lane`, until the queue is closed and all are over. After each poll, `is_spent`
    /// says whether the executor wants its turn.
    pub(crate) async fn drive<P: Future>(
        self: &Arc<Self>,
        lane: usize,
        mut pause: impl FnMut() -> P,
        mut is_spent: impl FnMut() -> bool,
    ) {
        let mut driver = Driver::new(Arc::clone(self), lane);
        while poll_fn(|context| driver.fill(context)).await {
            if driver.turn(&mut is_spent) {
                driver.since_pause = 0;
                pause().await;
            }
        }
    }

    /// The host of the payloads that the queue polls, if it has polled any.
    fn host(&self) -> Option<Arc<Host>> {
        self.owner()?.downcast().ok()
    }

    /// Ends the payloads that nobody will poll any more; coroutines on the thread that polled them.
    pub(crate) fn abandon(&self) {
        for lane in self.lanes() {
            let left = {
                let mut inbox = lane.lock();
                (inbox.closed, inbox.over) = (true, true);
                inbox.swept.clear();
                let probes = mem::take(&mut inbox.probes);
                let mut stock = lane.stock();
                stock.take_in(&mut inbox);
                (mem::take(&mut *stock), probes)
            };
            drop(left);
        }
        let Some(host) = self.host() else {
            return;
        };
        host.put_all_back();
        for scheduler in host.schedulers() {
            for lane in host.lanes() {
                drop_parked(&scheduler, lane);
            }
        }
    }
}

/// Drops payloads that are parked in a lane, as a flavour that drops its payload.
fn drop_parked(scheduler: &Scheduler, lane: (usize, &Lane)) {
    let (mut batch, mut next) = (Batch::new(Purpose::Sweep), 0);
    let mut over = Vec::new();
    loop {
        scheduler.pick_up(lane, &mut batch, &mut next);
        if batch.is_empty() {
            return;
        }
        while let Some(task) = batch.next() {
            drop(Runnable::from(Arc::clone(task)));
            batch.last_is_over();
        }
        scheduler.host.put_back(lane, &mut batch, &mut over);
        over.clear();
    }
}

/// The queue, as one polling thread sees it.
struct Driver {
    queue: Arc<RunQueue>,
    number: usize,
    host: Option<Arc<Host>>,
    /// The scheduler of the last new payload.
    own: Option<Known>,
    /// New payloads that searches find, and that were not polled yet.
    first: Batch,
    woken: VecDeque<Arc<Task>>,
    /// Payloads that are over, to be forgotten.
    over: Vec<Arc<Task>>,
    /// Payloads that a sweep has woken, for all drivers to poll.
    due: Vec<Arc<Task>>,
    /// The present sweep, if there is one: of which scheduler and lane, and its position among what is parked there.
    sweep: Option<(Arc<Scheduler>, usize, usize)>,
    /// What is swept after that.
    to_sweep: VecDeque<Swept>,
    swept: Batch,
    since_pause: usize,
    new_is_next: bool,
    around: Around,
}

impl Driver {
    fn new(queue: Arc<RunQueue>, number: usize) -> Self {
        let lanes = queue.lanes().len();
        let driven = mem::replace(&mut queue.lanes()[number].lock().driven, true);
        assert!(!driven, "an intake is driven by one future at a time");
        Self {
            queue,
            number,
            host: None,
            own: None,
            first: Batch::new(Purpose::First),
            woken: VecDeque::new(),
            over: Vec::new(),
            due: Vec::new(),
            sweep: None,
            to_sweep: VecDeque::new(),
            swept: Batch::new(Purpose::Sweep),
            since_pause: 0,
            new_is_next: false,
            around: Around::new(number, lanes),
        }
    }

    /// Takes in arrivals, or waits for them if there is nothing to do. `false` when all is over.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let queue = Arc::clone(&self.queue);
        let lane = &queue.lanes()[self.number];
        if !queue.is_single() && lane.polls() >= self.around.next_look {
            self.look_around();
        }
        // Dropped after the lock.
        let _stale;
        let mut inbox = lane.lock_answered();
        // It may be polled without having been woken. Who comes now is to wake another one.
        _stale = queue.take_waker(&mut inbox);
        if self.take_in(lane, &mut inbox) {
            return Poll::Ready(true);
        }
        if queue.is_single() {
            if inbox.closed && queue.has_parked_none() {
                inbox.over = true;
                return Poll::Ready(false);
            }
            return self.sleep(&queue, inbox, context);
        }
        let is_closed = inbox.closed;
        drop(inbox);
        if self.take_share() {
            return Poll::Ready(true);
        }
        if is_closed && queue.has_none() {
            // Each of the others finds out for itself.
            queue.wake_all();
            return Poll::Ready(false);
        }
        let mut inbox = lane.lock_answered();
        if self.take_in(lane, &mut inbox) {
            return Poll::Ready(true);
        }
        let is_closed = inbox.closed;
        let waits = self.sleep(&queue, inbox, context);
        // Whoever has changed another lane meanwhile may have found nobody to wake.
        let is_due =
            || queue.others(self.number).any(Lane::has_some) || is_closed && queue.has_none();
        match is_due() && queue.stay_awake(self.number) {
            true => Poll::Ready(true),
            false => waits,
        }
    }

    /// Takes in what is in the inbox. Returns whether there is anything to do.
    fn take_in(&mut self, lane: &Lane, inbox: &mut Inbox) -> bool {
        self.to_sweep.append(&mut inbox.swept);
        let mut stock = lane.stock();
        stock.take_in(inbox);
        self.around.has_woken = !stock.woken.is_empty();
        let is_idle = stock.is_empty()
            && self.woken.is_empty()
            && self.first.is_empty()
            && self.sweep.is_none()
            && self.to_sweep.is_empty();
        !is_idle
    }

    fn sleep(
        &mut self,
        queue: &RunQueue,
        inbox: MutexGuard<'_, Inbox>,
        context: &mut Context<'_>,
    ) -> Poll<bool> {
        queue.sleep(inbox, context);
        // The executor has its turn.
        self.since_pause = 0;
        Poll::Pending
    }

    /// Polls the present payloads, in bounded batches. Returns whether the executor must have its
    /// turn.
    fn turn(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        let _here = Here::enter(&self.queue, self.number);
        let paused = self.poll_all(is_spent);
        self.put_back();
        paused
    }

    fn poll_all(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        if self.sweep_some() {
            // Ended payloads leave work for the executor: the tasks that they spawned on it.
            return true;
        }
        if !self.queue.is_single() {
            return self.poll_shared(is_spent);
        }
        self.take_next();
        // Payloads woken meanwhile come next time.
        let mut woken = self.woken.len();
        while self.poll_next(&mut woken) {
            self.since_pause += 1;
            if self.since_pause >= BATCH || is_spent() {
                return true;
            }
        }
        false
    }

    /// Parks what waits, and forgets what is over.
    fn put_back(&mut self) {
        let Some(host) = &self.host else { return };
        let lane = (self.number, &self.queue.lanes()[self.number]);
        if self.first.was_seen() || !self.over.is_empty() {
            host.put_back(lane, &mut self.first, &mut self.over);
            self.over.clear();
        }
    }

    /// Polls the next payload, if there is one. New and woken payloads take turns, so that neither
    /// waits for all of the others.
    #[inline(always)]
    fn poll_next(&mut self, woken: &mut usize) -> bool {
        self.new_is_next = !self.new_is_next;
        if self.new_is_next || *woken == 0 {
            if let Some(task) = self.first.next() {
                match poll(task) {
                    Polled::Over => self.first.last_is_over(),
                    Polled::Woken => self.woken.push_back(Arc::clone(task)),
                    Polled::Waits => {}
                }
                return true;
            }
        }
        if *woken == 0 {
            return false;
        }
        *woken -= 1;
        let Some(task) = self.woken.pop_front() else {
            return false;
        };
        task.state().begin_drive();
        match poll(&task) {
            Polled::Over => self.over.push(task),
            Polled::Woken => self.woken.push_back(task),
            Polled::Waits => {}
        }
        true
    }
}

/// The state of a payload after a poll.
enum Polled {
    Over,
    /// It was woken meanwhile, and stands in the queue again.
    Woken,
    Waits,
}

fn step(task: &Arc<Task>) -> Poll<()> {
    task::advance(task, None)
}

/// Polls a payload that was taken out of the queue, or is new.
fn poll(task: &Arc<Task>) -> Polled {
    match step(task) {
        Poll::Ready(()) => Polled::Over,
        Poll::Pending => match task.state().end_drive() {
            AfterPoll::IsQueued => Polled::Woken,
            AfterPoll::IsIdle => Polled::Waits,
        },
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Nobody wakes it any more.
        self.queue.stay_awake(self.number);
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
