//! What every side hands in: payloads that count themselves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Instant;

/// Counts payloads down, and wakes the thread that made it when none is left.
///
/// Copied into every payload. A count in an `Arc` would be touched by the thread that hands in as well,
/// which would cost all sides about as much as some of them do.
#[derive(Clone, Copy)]
pub(crate) struct Counter(&'static Count);

/// With a cache line of its own, and the one beside it that processors fetch with it.
#[repr(align(128))]
struct Count {
    left: AtomicUsize,
    bench: Thread,
}

impl Counter {
    /// Lives on, so it is made once for a measure and set for each sample.
    pub(crate) fn new() -> Self {
        Self(Box::leak(Box::new(Count {
            left: AtomicUsize::new(0),
            bench: thread::current(),
        })))
    }

    pub(crate) fn set(self, payloads: usize) {
        self.0.left.store(payloads, Ordering::Release);
    }

    pub(crate) fn count(self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.bench.unpark();
        }
    }

    /// Waits until all have counted.
    pub(crate) fn wait(self) {
        while self.0.left.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

/// Counts down when it is dropped: proof that an idle payload came to its end.
pub(crate) struct Guard(pub(crate) Counter);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.count();
    }
}

/// Nanoseconds for each of `number` payloads that `hand_in` hands in one by one, from before the first
/// until the last has counted.
pub(crate) fn each(number: usize, counter: Counter, hand_in: impl Fn()) -> f64 {
    all(number, counter, || (0..number).for_each(|_| hand_in()))
}

/// The same where `hand_in` is called once for all.
pub(crate) fn all(number: usize, counter: Counter, hand_in: impl FnOnce()) -> f64 {
    counter.set(number);
    let start = Instant::now();
    hand_in();
    counter.wait();
    nanoseconds(start) / number as f64
}

pub(crate) fn nanoseconds(since: Instant) -> f64 {
    since.elapsed().as_nanos() as f64
}
