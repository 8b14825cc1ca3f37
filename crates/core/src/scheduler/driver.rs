//! The thread that polls the payloads of a run queue.
//!
//! A payload that a run queue polls is new, in a batch, or parked; one that is woken stands in a queue as well. This thread
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
//! A search finds a payload in its batch, or where it is parked. There is a sweep of each scheduler as its group's stop begins,
//! and one as payloads are cancelled. From each place a payload goes when it is over: it is marked in its batch, or goes to `over`, and is
//! forgotten at the end of the turn, or of the batch of a sweep.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::task::{Context, Poll};

use crate::base::sync::{Arc, Weak};
use crate::payload::Coroutine;
use crate::scheduler::driven::{Batch, Purpose};
use crate::scheduler::host::Host;
use crate::scheduler::run_queue::{BATCH, RunQueue};
use crate::scheduler::scheduler::Scheduler;
use crate::task::{self, AfterPoll, Runnable, Schedule, Task};

impl RunQueue {
    /// Polls all payloads, until the queue is closed and they are over. After each poll, `is_spent`
    /// says whether the executor wants its turn.
    pub(crate) async fn drive<P: Future>(
        self: &Arc<Self>,
        mut pause: impl FnMut() -> P,
        mut is_spent: impl FnMut() -> bool,
    ) {
        let mut driver = Driver::new(Arc::clone(self));
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

    /// Ends the payloads that nobody will poll any more, on the thread that polled them.
    pub(crate) fn abandon(&self) {
        let left = {
            let mut inbox = self.lock();
            (inbox.closed, inbox.over) = (true, true);
            inbox.swept.clear();
            let probes = mem::take(&mut inbox.probes);
            let left = (mem::take(&mut inbox.new), mem::take(&mut inbox.woken));
            (left, probes)
        };
        drop(left);
        let Some(host) = self.host() else {
            return;
        };
        host.put_all_back();
        for scheduler in host.schedulers() {
            let (mut batch, mut over, mut next) = (Batch::new(Purpose::Sweep), Vec::new(), 0);
            loop {
                scheduler.pick_up(&mut batch, &mut next);
                if batch.is_empty() {
                    break;
                }
                while let Some(task) = batch.next() {
                    // As a flavour that drops its payload.
                    drop(Runnable::from(Arc::clone(task)));
                    batch.last_is_over();
                }
                host.put_back(&mut batch, &mut over);
                over.clear();
            }
        }
    }
}

/// The queue, as the polling thread sees it.
struct Driver {
    queue: Arc<RunQueue>,
    host: Option<Arc<Host>>,
    new: VecDeque<Coroutine>,
    /// New payloads that searches find, and that were not polled yet.
    first: Batch,
    woken: VecDeque<Arc<Task>>,
    /// Payloads that are over, to be forgotten.
    over: Vec<Arc<Task>>,
    /// The present sweep, if there is one: of which scheduler, and its position among the parked payloads.
    sweep: Option<(Arc<Scheduler>, usize)>,
    /// The schedulers that are swept after that.
    to_sweep: VecDeque<Weak<dyn Schedule>>,
    swept: Batch,
    since_pause: usize,
    new_is_next: bool,
}

impl Driver {
    fn new(queue: Arc<RunQueue>) -> Self {
        let driven = mem::replace(&mut queue.lock().driven, true);
        assert!(!driven, "an intake is driven by one future at a time");
        Self {
            queue,
            host: None,
            new: VecDeque::new(),
            first: Batch::new(Purpose::First),
            woken: VecDeque::new(),
            over: Vec::new(),
            sweep: None,
            to_sweep: VecDeque::new(),
            swept: Batch::new(Purpose::Sweep),
            since_pause: 0,
            new_is_next: false,
        }
    }

    /// Takes in arrivals, or waits for them if there is nothing to do. `false` when all is over.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut inbox = self.queue.lock_answered();
        match self.woken.is_empty() {
            true => mem::swap(&mut self.woken, &mut inbox.woken),
            false => self.woken.append(&mut inbox.woken),
        }
        if self.new.is_empty() {
            mem::swap(&mut self.new, &mut inbox.new);
        }
        self.to_sweep.append(&mut inbox.swept);
        let idle = self.woken.is_empty()
            && self.new.is_empty()
            && self.first.is_empty()
            && self.sweep.is_none()
            && self.to_sweep.is_empty();
        if !idle {
            return Poll::Ready(true);
        }
        if inbox.closed && self.is_empty() {
            inbox.over = true;
            return Poll::Ready(false);
        }
        RunQueue::sleep(inbox, context);
        // The executor has its turn.
        self.since_pause = 0;
        Poll::Pending
    }

    /// Whether no payload is left to care for.
    fn is_empty(&self) -> bool {
        self.host.as_ref().is_none_or(|host| !host.has_parked())
    }

    /// Polls the present payloads, in bounded batches. Returns whether the executor must have its
    /// turn.
    fn turn(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        let paused = self.poll_all(is_spent);
        if let Some(host) = &self.host {
            if self.first.was_seen() || !self.over.is_empty() {
                host.put_back(&mut self.first, &mut self.over);
                self.over.clear();
            }
        }
        paused
    }

    fn poll_all(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        if self.sweep_some() {
            // Ended payloads leave work for the executor: the tasks that they spawned on it.
            return true;
        }
        if self.first.is_empty() {
            self.next_batch();
        }
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

    /// Polls the next payload, if there is one. New and woken payloads take turns, so that neither
    /// waits for all of the others.
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

    /// Continues the present sweep, if there is one. Returns whether it visited any payload.
    fn sweep_some(&mut self) -> bool {
        while self.sweep.is_none() {
            let Some(next) = self.to_sweep.pop_front() else {
                return false;
            };
            let next = next.upgrade();
            self.sweep = next.map(|next| (Scheduler::behind(&*next).me(), 0));
        }
        let Some((scheduler, next)) = &mut self.sweep else {
            return false;
        };
        let scheduler = Arc::clone(scheduler);
        scheduler.pick_up(&mut self.swept, next);
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
        scheduler.host.put_back(&mut self.swept, &mut self.over);
        self.over.clear();
        true
    }

    /// Makes searches find as many new payloads as are polled in one go.
    fn next_batch(&mut self) {
        let (new, queue) = (&mut self.new, &self.queue);
        let next = || loop {
            let payload = new.pop_front()?;
            if Scheduler::of(&**payload.task()).host.is_driven_by(queue) {
                return Some(payload.into_task());
            }
            // It belongs to a flavour with another queue, and came here by mistake.
            drop(payload);
        };
        self.first.fill(std::iter::from_fn(next));
        if self.host.is_none() {
            self.host = self.queue.host();
            if let Some(host) = &self.host {
                // Whoever woke the executor did not know whose it is.
                host.watch.waking.note();
            }
        }
        if let Some(host) = self.host.as_ref().filter(|_| !self.first.is_empty()) {
            take_in_batch(host, &self.first);
        }
    }
}

/// The payloads in `batch` are about to have their first poll.
fn take_in_batch(host: &Host, batch: &Batch) {
    host.note_thread();
    for task in batch.iter() {
        if task.state().is_started() {
            // Its flavour has polled it by other means before.
            Scheduler::of(&**task).unregister(task.header());
        }
        task.state().begin_driven();
    }
    host.take_in_batch(batch);
}

/// The state of a payload after a poll.
enum Polled {
    Over,
    /// It was woken meanwhile, and stands in the queue again.
    Woken,
    Waits,
}

fn step(task: &Arc<Task>) -> Poll<()> {
    task.with_waker(task, &mut |context| task::advance(task, context))
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
        // For the thread that abandons the queue, once the executor's end is reported.
        let mut inbox = self.queue.lock();
        self.new.append(&mut inbox.new);
        mem::swap(&mut self.new, &mut inbox.new);
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::future::{pending, ready};
    use std::panic::Location;
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::Waker;

    use super::*;
    use crate::lifetime::Phase;
    use crate::task::{Identity, Ticket};
    use crate::{Manual, Runtime, Signals};

    /// A scheduler whose payloads the test has polled by a queue of its own.
    fn scheduler() -> (Runtime, Arc<Scheduler>) {
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        runtime.adopt(Manual::new(), || async {}).unwrap();
        let scheduler = runtime.core().root.schedulers.iter().next().cloned();
        (runtime, scheduler.expect("the payload has one"))
    }

    fn push<A: Future<Output = ()> + 'static>(
        queue: &RunQueue,
        scheduler: &Arc<Scheduler>,
        make: impl FnOnce() -> A + Send + 'static,
    ) {
        let identity = Identity::new(None, Location::caller(), Arc::clone(scheduler) as _);
        scheduler.accept();
        let payload = Coroutine::new(make, Ticket::adopted(identity));
        queue.push(payload).unwrap();
    }

    fn kept(scheduler: &Scheduler) -> usize {
        scheduler.driven().len()
    }

    /// Also if nothing new comes.
    #[test]
    fn payloads_that_are_over_are_forgotten() {
        let (_runtime, scheduler) = scheduler();
        let queue = Arc::<RunQueue>::default();
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let kept_waker = Arc::clone(&waker);
        let mut is_first = true;
        push(&queue, &scheduler, move || {
            poll_fn(move |context| {
                *kept_waker.lock().unwrap() = Some(context.waker().clone());
                match mem::take(&mut is_first) {
                    true => Poll::Pending,
                    false => Poll::Ready(()),
                }
            })
        });
        let mut drive = pin!(queue.drive(|| ready(()), || false));
        let mut context = Context::from_waker(Waker::noop());
        assert!(drive.as_mut().poll(&mut context).is_pending());
        assert_eq!(kept(&scheduler), 1);
        waker.lock().unwrap().take().unwrap().wake();
        assert!(drive.as_mut().poll(&mut context).is_pending());
        assert_eq!(kept(&scheduler), 0);
        queue.close();
        assert!(drive.as_mut().poll(&mut context).is_ready());
    }

    /// What the first has passed is to be ended by the second.
    #[test]
    fn a_sweep_that_is_asked_for_during_another_one_begins_anew() {
        const PAYLOADS: usize = Batch::ROOM + 2;
        let (runtime, scheduler) = scheduler();
        let queue = Arc::<RunQueue>::default();
        for _ in 0..PAYLOADS {
            push(&queue, &scheduler, pending::<()>);
        }
        let pause = || {
            let mut is_over = false;
            poll_fn(move |_| match mem::replace(&mut is_over, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
        };
        let mut drive = pin!(queue.drive(pause, || false));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..4 {
            assert!(drive.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(kept(&scheduler), PAYLOADS);
        queue.sweep(Arc::downgrade(&scheduler) as _);
        // It pauses when it has passed as many as there is room for.
        assert!(drive.as_mut().poll(&mut context).is_pending());
        assert!(
            runtime
                .core()
                .lifetime
                .advance(Phase::Idle, Phase::Cancelling)
        );
        queue.sweep(Arc::downgrade(&scheduler) as _);
        for _ in 0..4 {
            assert!(drive.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(kept(&scheduler), 0);
        queue.close();
        assert!(drive.as_mut().poll(&mut context).is_ready());
    }
}
