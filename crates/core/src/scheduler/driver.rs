//! The thread that polls what stands in a run queue.
//!
//! A payload that a run queue polls is in one of these places, and changes them on this thread, but for the two moves
//! that others make:
//!
//! ```text
//!   adopted: others
//!      │
//!      ▼                 turn: known to the slot            polled, waits
//!   inbox.new ──► new ──────────────────────► first hand ───────────────► parked ◄──┐
//!                                                │ woken while it was polled   │    │
//!                                                ▼                             │    │
//!   inbox.woken ────────────────────────────► woken ◄─ ─ ─ ─ woken: others ─ ─ ┘    │
//!                                                │ polled                           │
//!                                                └──────────────────────────────────┤
//!                                     stop: sweep hand (those that are parked) ─────┘
//! ```
//!
//! What stands in `woken` is parked as well, or in a hand, where the slot finds it. From each place a payload goes to
//! `over` when it is over, and is forgotten with the next batch.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::mem;
use std::task::{Context, Poll};

use crate::base::sync::Arc;
use crate::payload::Coroutine;
use crate::scheduler::driven::{Hand, Purpose};
use crate::scheduler::run_queue::{BATCH, RunQueue};
use crate::scheduler::slot::Slot;
use crate::task::{self, Driven, Envelope, Record};

impl RunQueue {
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

    /// The slot whose payloads it polls, if it has polled any.
    fn slot(&self) -> Option<Arc<Slot>> {
        let owner = self.owner()?;
        let slot: &Slot = owner.as_any().downcast_ref()?;
        slot.me.upgrade()
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
        slot.driven.put_all_back();
        let (mut hand, mut over, mut next) = (Hand::new(Purpose::Sweep), Vec::new(), 0);
        loop {
            slot.driven.pick_up(&mut hand, &mut next);
            if hand.is_empty() {
                return;
            }
            while let Some(record) = hand.next() {
                // As any flavour's that drops what it was given.
                drop(Envelope::from(Arc::clone(record)));
                hand.last_is_over();
            }
            slot.driven.put_back(&mut hand, &mut over);
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
        self.slot
            .as_ref()
            .is_none_or(|slot| !slot.driven.has_parked())
    }

    /// Polls what is there, in bounded batches; whether the executor is to have its turn.
    fn turn(&mut self, is_spent: &mut impl FnMut() -> bool) -> bool {
        let paused = self.poll_all(is_spent);
        if let Some(slot) = &self.slot {
            if self.first.was_seen() || !self.over.is_empty() {
                slot.driven.put_back(&mut self.first, &mut self.over);
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
        slot.driven.pick_up(&mut self.swept, next);
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
        slot.driven.put_back(&mut self.swept, &mut self.over);
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
            take_in_hand(slot, &self.first);
        }
    }
}

/// The payloads in `hand` are about to be polled for the first time.
fn take_in_hand(slot: &Slot, hand: &Hand) {
    slot.note_thread();
    for record in hand.iter() {
        if record.state().is_started() {
            // Its flavour has polled it by other means before.
            slot.unregister(record.header());
        }
        record.state().begin_driven();
    }
    slot.driven.take_in_hand(hand);
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

    /// A slot whose payloads the test has polled by a queue of its own.
    fn slot() -> (Runtime, Arc<Slot>) {
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        runtime.adopt(Manual::new(), || async {}).unwrap();
        let slot = runtime.core().slots.iter().next().cloned();
        (runtime, slot.expect("the payload has one"))
    }

    fn push<A: Future<Output = ()> + 'static>(
        queue: &RunQueue,
        slot: &Arc<Slot>,
        make: impl FnOnce() -> A + Send + 'static,
    ) {
        let identity = Identity::new(None, Location::caller(), Arc::clone(slot) as _);
        slot.accept();
        let payload = Coroutine::new(make, Ticket::adopted(identity));
        queue.push(payload).unwrap();
    }

    fn kept(slot: &Slot) -> usize {
        slot.driven.lock().iter().count()
    }

    /// Also if nothing new comes.
    #[test]
    fn payloads_that_are_over_are_forgotten() {
        let (_runtime, slot) = slot();
        let queue = Arc::<RunQueue>::default();
        let waker = Arc::new(Mutex::new(None::<Waker>));
        let kept_waker = Arc::clone(&waker);
        let mut is_first = true;
        push(&queue, &slot, move || {
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
        assert_eq!(kept(&slot), 1);
        waker.lock().unwrap().take().unwrap().wake();
        assert!(drive.as_mut().poll(&mut context).is_pending());
        assert_eq!(kept(&slot), 0);
        queue.close();
        assert!(drive.as_mut().poll(&mut context).is_ready());
    }

    /// What the first has passed is to be ended by the second.
    #[test]
    fn a_sweep_that_is_asked_for_during_another_one_begins_anew() {
        const PAYLOADS: usize = Hand::ROOM + 2;
        let (runtime, slot) = slot();
        let queue = Arc::<RunQueue>::default();
        for _ in 0..PAYLOADS {
            push(&queue, &slot, pending::<()>);
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
        assert_eq!(kept(&slot), PAYLOADS);
        queue.sweep();
        // It pauses when it has passed as many as there is room for.
        assert!(drive.as_mut().poll(&mut context).is_pending());
        assert!(
            runtime
                .core()
                .lifetime
                .advance(Phase::Idle, Phase::Cancelling)
        );
        queue.sweep();
        for _ in 0..4 {
            assert!(drive.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(kept(&slot), 0);
        queue.close();
        assert!(drive.as_mut().poll(&mut context).is_ready());
    }
}
