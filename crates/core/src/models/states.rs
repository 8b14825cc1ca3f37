//! A payload's state, against a scheduler that is nothing but a queue.

use std::sync::Arc;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::{Count, holds};
use crate::task::state::{AfterPoll, Birth, State, Wake};

/// A scheduler of one payload.
struct Fake {
    state: State,
    queue: Mutex<Queue>,
    changed: Condvar,
    /// How often it was woken.
    woken: Count,
}

#[derive(Default)]
struct Queue {
    /// Whether the payload stands in it.
    is_there: bool,
    /// How many may still put it there.
    wakers: usize,
}

impl Fake {
    fn new(wakers: usize) -> Arc<Self> {
        Arc::new(Self {
            state: State::new(Birth {
                is_blocking: false,
                is_late: false,
                is_observed: false,
                is_called: false,
                has_queue: true,
            }),
            queue: Mutex::new(Queue {
                is_there: false,
                wakers,
            }),
            changed: Condvar::new(),
            woken: Count::default(),
        })
    }

    /// Wakes the payload, on a thread of its own, for the last time.
    fn wake(
        self: &Arc<Self>,
        before: impl FnOnce(&State) + Send + 'static,
    ) -> thread::JoinHandle<()> {
        let this = Arc::clone(self);
        thread::spawn(move || {
            before(&this.state);
            this.woken.add();
            let wake = this.state.wake();
            let mut queue = this.queue.lock().unwrap();
            if wake == Wake::Enqueue {
                assert!(!queue.is_there, "it stands in the queue once");
                queue.is_there = true;
            }
            queue.wakers -= 1;
            this.changed.notify_all();
        })
    }

    /// Takes the payload out of the queue; `false` if nobody will put it there.
    fn next(&self) -> bool {
        let mut queue = self.queue.lock().unwrap();
        loop {
            if std::mem::take(&mut queue.is_there) {
                return true;
            }
            if queue.wakers == 0 {
                return false;
            }
            queue = self.changed.wait(queue).unwrap();
        }
    }

    /// Polls the payload until nobody will wake it or `poll` says that it is over; how often it had been woken at the
    /// last poll.
    fn drive(&self, poll: impl Fn() -> bool) -> usize {
        let mut seen;
        loop {
            seen = self.woken.get();
            if poll() {
                return seen;
            }
            match self.state.end_drive() {
                AfterPoll::IsQueued => {}
                AfterPoll::IsIdle if self.next() => {}
                AfterPoll::IsIdle => return seen,
            }
            self.state.begin_drive();
        }
    }
}

/// Counts if it is to be told.
fn tell(told: &Count, is_to_be: bool) {
    if is_to_be {
        told.add();
    }
}

/// After the last wake comes a poll, and the payload never stands in the queue twice.
#[test]
fn no_wake_is_lost() {
    holds(|| {
        let fake = Fake::new(3);
        let wakers: Vec<_> = (0..3).map(|_| fake.wake(|_| ())).collect();
        let seen = fake.drive(|| false);
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
        assert_eq!(seen, 3);
    });
}

/// A payload that is cancelled as it is woken is found to be, and settled once.
#[test]
fn a_cancel_is_seen_and_settles_once() {
    holds(|| {
        let fake = Fake::new(2);
        let waker = fake.wake(|_| ());
        let canceller = fake.wake(|state| assert!(state.cancel()));
        let settled = Count::default();
        fake.drive(|| {
            let is_cancelled = fake.state.is_cancelled();
            if is_cancelled && fake.state.settle().is_some() {
                settled.add();
            }
            is_cancelled
        });
        waker.join().unwrap();
        canceller.join().unwrap();
        assert_eq!(settled.get(), 1);
        assert!(fake.state.settle().is_none());
    });
}

/// Whoever waits for the end, or listens, as the payload ends is told by one of the two.
#[test]
fn whoever_waits_as_it_ends_is_told() {
    holds(|| {
        let fake = Fake::new(0);
        let ask = |say: fn(&State)| {
            let (told, fake) = (Count::default(), Arc::clone(&fake));
            let asked = told.clone();
            let thread = thread::spawn(move || {
                say(&fake.state);
                tell(&asked, fake.state.is_settled());
            });
            (told, thread)
        };
        let (waiter, waits) = ask(State::waiter);
        let (listener, listens) = ask(State::listen);
        let settled = fake.state.settle().expect("nobody else settles it");
        tell(&waiter, settled.was_awaited());
        tell(&listener, settled.was_listened());
        waits.join().unwrap();
        listens.join().unwrap();
        assert!(waiter.get() > 0 && listener.get() > 0);
    });
}
