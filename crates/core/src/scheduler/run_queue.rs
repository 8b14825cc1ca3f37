//! The run queue: what one flavour's thread is to poll next, filled from any thread.
//!
//! A payload that it polls is its own waker: a wake puts its record back into the queue, and only the one
//! that finds the thread asleep wakes the executor. The queue is a future of that executor's, which so is
//! around every poll, with its reactor, its timers and whatever it keeps in thread-locals.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::task::{Context, Poll, Waker};

use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::contract::flavour::Rejected;
use crate::payload::Coroutine;
use crate::scheduler::{Hand, Purpose, Slot};
use crate::task::{self, Driven, Envelope, Record};

/// How many payloads are polled, at most, before the executor gets a turn for all else.
pub(crate) const BATCH: usize = 128;

/// The queue, as all threads see it.
#[derive(Default)]
pub(crate) struct RunQueue {
    inbox: Mutex<Inbox>,
    /// Whose payloads it polls, from the first of them on. Weak, as the slot keeps its queue.
    slot: OnceLock<Weak<Slot>>,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) new: VecDeque<Coroutine>,
    /// Payloads that have been polled and are to be polled again.
    woken: VecDeque<Arc<Record>>,
    /// What is asked to end, or cancelled, is to be looked for.
    swept: bool,
    /// A driver is there, or was: what that had in hand no other one would poll.
    driven: bool,
    /// Nobody polls any more.
    over: bool,
    /// The sleeping drainer.
    pub(crate) waker: Option<Waker>,
    pub(crate) closed: bool,
}

impl RunQueue {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is in the inbox, and wakes who waits for that.
    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lock();
        change(&mut inbox);
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts a new payload at the end, or hands it back if the queue is closed.
    pub(crate) fn push(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let mut refused = None;
        self.change(|inbox| match inbox.closed {
            true => refused = Some(payload),
            false => inbox.new.push_back(payload),
        });
        refused.map_or(Ok(()), |payload| Err(Rejected::new(payload)))
    }

    /// Puts a payload that has been woken at the end, unless nobody polls any more: it would keep the slot that
    /// keeps this queue.
    pub(crate) fn push_woken(&self, record: Arc<Record>) {
        let mut record = Some(record);
        self.change(|inbox| {
            if !inbox.over {
                inbox.woken.extend(record.take());
            }
        });
    }

    /// Has every payload polled that holds a token, and ended that is cancelled.
    pub(crate) fn sweep(&self) {
        self.change(|inbox| inbox.swept = true);
    }

    /// Takes no new payloads any more.
    pub(crate) fn close(&self) {
        self.change(|inbox| inbox.closed = true);
    }

    /// Polls all payloads until the queue is closed and they are over. After each of them, `is_spent` says
    /// whether the executor wants its turn.
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

    /// From here on it polls payloads of `slot`.
    pub(super) fn belongs_to(&self, slot: Weak<Slot>) {
        // The first one stays: an intake is for one flavour.
        let _ = self.slot.set(slot);
    }

    /// The slot whose payloads it polls, if it has polled any.
    fn slot(&self) -> Option<Arc<Slot>> {
        self.slot.get()?.upgrade()
    }

    /// Ends the payloads that nobody will poll any more, on the thread that has.
    pub(crate) fn abandon(&self) {
        let left = {
            let mut inbox = self.lock();
            (inbox.closed, inbox.over) = (true, true);
            (mem::take(&mut inbox.new), mem::take(&mut inbox.woken))
        };
        drop(left);
        let Some(slot) = self.slot() else { return };
        slot.put_all_back();
        let (mut hand, mut over, mut next) = (Hand::new(Purpose::Sweep), Vec::new(), 0);
        loop {
            slot.pick_up(&mut hand, &mut next);
            if hand.is_empty() {
                return;
            }
            while let Some(record) = hand.next() {
                // As any flavour's that drops what it was given.
                drop(Envelope::from(Arc::clone(record)));
                hand.last_is_over();
            }
            slot.put_back(&mut hand, &mut over);
            over.clear();
        }
    }
}

/// The queue, as the thread that polls sees it.
struct Driver {
    queue: Arc<RunQueue>,
    slot: Option<Arc<Slot>>,
    new: VecDeque<Coroutine>,
    /// New ones that are known to the slot, and not polled yet.
    first: Hand,
    woken: VecDeque<Arc<Record>>,
    /// Payloads that are over, for the slot to forget.
    over: Vec<Arc<Record>>,
    /// Where among those that are parked the sweep is that is under way.
    sweep: Option<usize>,
    swept: Hand,
    since_pause: usize,
    new_is_next: bool,
}

impl Driver {
    fn new(queue: Arc<RunQueue>) -> Self {
        let driven = mem::replace(&mut queue.lock().driven, true);
        assert!(!driven, "an intake is driven by one future at a time");
        Self {
            queue,
            slot: None,
            new: VecDeque::new(),
            first: Hand::new(Purpose::First),
            woken: VecDeque::new(),
            over: Vec::new(),
            sweep: None,
            swept: Hand::new(Purpose::Sweep),
            since_pause: 0,
            new_is_next: false,
        }
    }

    /// Takes in what has come, and waits for it if there is nothing to do; `false` when all is over.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut inbox = self.queue.lock();
        match self.woken.is_empty() {
            true => mem::swap(&mut self.woken, &mut inbox.woken),
            false => self.woken.append(&mut inbox.woken),
        }
        if self.new.is_empty() {
            mem::swap(&mut self.new, &mut inbox.new);
        }
        if mem::take(&mut inbox.swept) {
            self.sweep = Some(0);
        }
        let idle = self.woken.is_empty()
            && self.new.is_empty()
            && self.first.is_empty()
            && self.sweep.is_none();
        if !idle {
            return Poll::Ready(true);
        }
        if inbox.closed && self.is_empty() {
            inbox.over = true;
            return Poll::Ready(false);
        }
        inbox.waker = Some(context.waker().clone());
        // The executor has its turn.
        self.since_pause = 0;
        Poll::Pending
    }

    /// Whether no payload is left to look after.
    fn is_empty(&self) -> bool {
        self.slot.as_ref().is_none_or(|slot| !slot.has_parked())
    }

    /// Polls what is there, in bounded batches; whether the executor is to have its turn.
    fn turn(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        let paused = self.poll_all(is_spent);
        if let Some(slot) = &self.slot {
            if self.first.was_seen() || !self.over.is_empty() {
                slot.put_back(&mut self.first, &mut self.over);
                self.over.clear();
            }
        }
        paused
    }

    fn poll_all(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        if self.sweep_some() {
            // Payloads that are ended leave the executor something to do: the tasks that they spawned on it.
            return true;
        }
        if self.first.is_empty() {
            self.next_batch();
        }
        // Those that are woken meanwhile come next time.
        let mut woken = self.woken.len();
        while self.poll_next(&mut woken) {
            self.since_pause += 1;
            if self.since_pause >= BATCH || is_spent() {
                return true;
            }
        }
        false
    }

    /// Polls the next payload, if there is one: a new one and a woken one in turns, so that neither waits for
    /// all of the others.
    fn poll_next(&mut self, woken: &mut usize) -> bool {
        self.new_is_next = !self.new_is_next;
        if self.new_is_next || *woken == 0 {
            if let Some(record) = self.first.next() {
                match poll(record) {
                    Polled::Over => self.first.last_is_over(),
                    Polled::Woken => self.woken.push_back(Arc::clone(record)),
                    Polled::Waits => {}
                }
                return true;
            }
        }
        if *woken == 0 {
            return false;
        }
        *woken -= 1;
        let Some(record) = self.woken.pop_front() else {
            return false;
        };
        record.state().begin_drive();
        match poll(&record) {
            Polled::Over => self.over.push(record),
            Polled::Woken => self.woken.push_back(record),
            Polled::Waits => {}
        }
        true
    }

    /// Goes on with the sweep, if one is under way; whether it has looked at any payload.
    fn sweep_some(&mut self) -> bool {
        let (Some(next), Some(slot)) = (&mut self.sweep, &self.slot) else {
            self.sweep = None;
            return false;
        };
        slot.pick_up(&mut self.swept, next);
        if self.swept.len() < Hand::ROOM {
            // There were no more.
            self.sweep = None;
        }
        if self.swept.is_empty() {
            return false;
        }
        while let Some(record) = self.swept.next() {
            if record.header().is_cancelled() {
                // If it stands in the queue as well it will be found to be over.
                task::end(record);
                self.swept.last_is_over();
            } else if record.state().is_holder() && !record.state().is_queued() {
                // Not taken out for it: who wakes it meanwhile puts it into the queue, as at any other time.
                if step(record).is_ready() {
                    self.swept.last_is_over();
                }
            }
        }
        slot.put_back(&mut self.swept, &mut self.over);
        self.over.clear();
        true
    }

    /// Makes as many of the new payloads known to the slot as are polled in one go.
    fn next_batch(&mut self) {
        let (new, queue) = (&mut self.new, &self.queue);
        let next = || loop {
            let payload = new.pop_front()?;
            if Slot::of(&**payload.record()).is_driven_by(queue) {
                return Some(payload.into_record());
            }
            // Of a flavour with another queue, which lost it to this one.
            drop(payload);
        };
        self.first.fill(std::iter::from_fn(next));
        if self.slot.is_none() {
            self.slot = self.queue.slot();
        }
        if let Some(slot) = self.slot.as_ref().filter(|_| !self.first.is_empty()) {
            slot.take_in_hand(&self.first);
        }
    }
}

/// What a payload is up to after a poll.
enum Polled {
    Over,
    /// It was woken meanwhile, and stands in the queue again.
    Woken,
    Waits,
}

fn step(record: &Arc<Record>) -> Poll<()> {
    record.with_waker(record, &mut |context| task::advance(record, context))
}

/// Polls a payload that was taken out of the queue, or is new.
fn poll(record: &Arc<Record>) -> Polled {
    match step(record) {
        Poll::Ready(()) => Polled::Over,
        Poll::Pending => match record.state().end_drive() {
            Driven::IsQueued => Polled::Woken,
            Driven::IsIdle => Polled::Waits,
        },
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // For whoever abandons the queue, once what has become of the executor is told.
        let mut inbox = self.queue.lock();
        self.new.append(&mut inbox.new);
        mem::swap(&mut self.new, &mut inbox.new);
    }
}
