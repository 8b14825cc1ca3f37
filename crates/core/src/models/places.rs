//! Limits of groups: places given back against those who wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::thread;

use super::{holds, runtime};
use crate::base::event::Event;
use crate::lifetime::gate::Gate;
use crate::{Group, PlaceErrorKind, Runtime};

/// A limit, and how many have a place by their own account.
#[derive(Clone)]
struct Door {
    gate: Arc<Gate>,
    inside: Arc<AtomicUsize>,
}

impl Door {
    fn new(limit: usize) -> Self {
        Self {
            gate: Gate::new("it".into(), limit),
            inside: Arc::default(),
        }
    }

    /// Goes in with a place, and out again.
    fn pass(&self) {
        let inside = self.inside.fetch_add(1, SeqCst);
        assert!(inside < self.gate.limit(), "no place is given twice");
        thread::yield_now();
        self.inside.fetch_sub(1, SeqCst);
        self.gate.give_back().wake();
    }

    /// Waits as long as it takes. A model in which somebody sleeps for ever is a deadlock, and fails.
    fn wait(&self) {
        let event = Arc::new(Event::new());
        let (waiting, wakers) = self.gate.wait(1, &event);
        wakers.wake();
        loop {
            let news = event.listen();
            if waiting.has_place() {
                return self.pass();
            }
            shuttle::future::block_on(news);
        }
    }

    /// Waits for a moment only.
    fn wait_and_leave(&self) {
        let event = Arc::new(Event::new());
        let (waiting, wakers) = self.gate.wait(1, &event);
        wakers.wake();
        thread::yield_now();
        self.gate.leave(&waiting).wake();
    }

    fn take(&self) {
        if self.gate.take() {
            self.pass();
        }
    }

    /// Has each of these done by a thread of its own, and looks whether all places are free then.
    fn each<const N: usize>(self, acts: [fn(&Self); N]) {
        let threads = acts.map(|act| {
            let door = self.clone();
            thread::spawn(move || act(&door))
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!((self.gate.taken(), self.gate.waiting()), (0, 0));
        for _ in 0..self.gate.limit() {
            assert!(self.gate.take(), "no place is lost");
        }
        assert!(!self.gate.take());
    }
}

/// Whoever waits has a place in the end, also if others take places that are free and give them back meanwhile; no place
/// is given to two, and none is lost.
#[test]
fn a_place_that_is_given_back_meets_a_wait() {
    holds(|| {
        for limit in [1, 2] {
            Door::new(limit).each([Door::wait, Door::take, Door::wait, Door::take]);
        }
    });
}

/// So it has if others in the queue wait no more: a place that one of those had by then goes to the next.
#[test]
fn a_place_that_is_given_back_meets_one_who_leaves() {
    holds(|| {
        for limit in [1, 2] {
            Door::new(limit).each([Door::wait_and_leave, Door::wait, Door::take, Door::wait]);
        }
    });
}

/// A group with one place in a group with one place, in a runtime that runs.
fn nested() -> (Runtime, Group, Group) {
    let runtime = runtime();
    runtime.start().unwrap();
    let outer = runtime.group("outer").limit(1).create().unwrap();
    let inner = outer.group("inner").limit(1).create().unwrap();
    (runtime, outer, inner)
}

/// Waits for a place of a group, and gives it back.
fn place_of(group: &Group) -> thread::JoinHandle<Result<(), PlaceErrorKind>> {
    let group = group.clone();
    thread::spawn(move || {
        let taken = shuttle::future::block_on(group.place());
        taken.map(drop).map_err(|error| error.kind())
    })
}

/// Whoever needs places of two limits has both in the end, beside those who need the one of the outer limit alone.
#[test]
fn places_of_two_limits_are_had_in_the_end() {
    holds(|| {
        let (runtime, outer, inner) = nested();
        let place = inner.try_place().unwrap();
        let waiters = [place_of(&inner), place_of(&outer), place_of(&inner)];
        drop(place);
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Ok(()));
        }
        assert_eq!((outer.taken(), inner.taken()), (0, 0));
        assert_eq!((outer.waiting(), inner.waiting()), (0, 0));
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// The end of a group ends the waits for its places, and takes none from those who wait for the group around it.
#[test]
fn a_wait_meets_the_end_of_the_group() {
    holds(|| {
        let (runtime, outer, inner) = nested();
        let place = outer.try_place().unwrap();
        let (waits_inside, waits_outside) = (place_of(&inner), place_of(&outer));
        let giver = thread::spawn(move || drop(place));
        inner.shutdown();
        let ended = waits_inside.join().unwrap();
        assert!(matches!(ended, Ok(()) | Err(PlaceErrorKind::Stopping)));
        assert_eq!(waits_outside.join().unwrap(), Ok(()));
        giver.join().unwrap();
        assert_eq!((outer.taken(), inner.taken()), (0, 0));
        assert_eq!((outer.waiting(), inner.waiting()), (0, 0));
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}
