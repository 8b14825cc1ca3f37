//! What the tests of services on slow and hung flavours have in common.
#![allow(dead_code, unreachable_pub, reason = "no test uses all of it")]

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{Clock, Manual, Runtime, Signals};

pub const SOON: Duration = Duration::from_secs(20);
pub const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` on a thread of its own, and fails if that hangs.
pub fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    let over = receiver.recv_timeout(3 * SOON);
    assert!(over.is_ok() || thread.is_finished(), "the test hangs");
    thread.join().unwrap();
}

/// Waits until `is_it`, and fails the test if it does not come soon.
#[track_caller]
pub fn expect(what: &str, mut is_it: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_it() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        thread::yield_now();
    }
}

/// Steps `flavour` until `is_it`.
#[track_caller]
pub fn step_until(flavour: &Manual, what: &str, mut is_it: impl FnMut() -> bool) {
    expect(what, || {
        flavour.step();
        is_it()
    });
}

/// A runtime whose clock the test moves.
pub fn manual() -> (Clock, Runtime) {
    let clock = Clock::manual();
    let builder = Runtime::builder().signals(Signals::Leave).quiet();
    let runtime = builder.clock(clock.clone()).build();
    runtime.start().unwrap();
    (clock, runtime)
}

/// Starts `flavour`, so that services wait for nothing.
pub fn up(runtime: &Runtime, flavour: &Manual) {
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    assert!(flavour.step());
}

/// Stops the runtime, and steps `flavour` until it is over.
pub fn end(runtime: Runtime, flavour: &Manual) {
    runtime.shutdown();
    let waiter = thread::spawn(move || runtime.wait());
    step_until(flavour, "the runtime is over", || waiter.is_finished());
    waiter.join().unwrap().unwrap();
}

pub fn quiet() -> Runtime {
    let builder = Runtime::builder().signals(Signals::Leave).quiet();
    let runtime = builder.build();
    runtime.start().unwrap();
    runtime
}

/// An error that looks at services when it is dropped, which is no good under their lock.
pub struct Looks {
    pub runtime: Runtime,
    pub dropped: Arc<AtomicUsize>,
}

impl Drop for Looks {
    fn drop(&mut self) {
        drop(self.runtime.unit_changes(1));
        self.dropped.fetch_add(1, SeqCst);
    }
}

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looks")
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it looks at services")
    }
}

impl Error for Looks {}
