//! Threads are used again, and yet each payload has one to itself.
#![forbid(unsafe_code)]

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use foster_core::{Runtime, Shutdown, Signals};
use foster_thread::Thread;

/// The time limit for everything that should happen at once.
const SOON: Duration = Duration::from_secs(10);

fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

fn next<T>(told: &Receiver<T>) -> T {
    told.recv_timeout(SOON).expect("it is told soon")
}

/// Adopts payloads called `name` one after the other until one gets a thread that is in `known`.
fn is_reused(runtime: &Runtime, name: &'static str, known: &mut HashSet<ThreadId>) -> bool {
    let deadline = Instant::now() + SOON;
    while Instant::now() < deadline {
        let (tell, told) = channel();
        let payload = move || tell.send(thread::current().id());
        runtime.named(name).adopt(Thread, payload).unwrap();
        if !known.insert(next(&told)) {
            return true;
        }
    }
    false
}

#[test]
fn a_thread_is_used_again_by_payloads_of_its_name() {
    let runtime = started();
    let mut threads = HashSet::new();
    assert!(is_reused(&runtime, "one", &mut threads));
    // Its name would be wrong for another payload.
    let (tell, told) = channel();
    let payload = move || tell.send(thread::current().name().map(str::to_owned));
    runtime.named("other").adopt(Thread, payload).unwrap();
    assert_eq!(next(&told).as_deref(), Some("other"));
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
#[cfg_attr(miri, ignore = "its clock runs by what is executed")]
fn a_thread_that_waits_is_called_and_not_found_when_its_time_is_over() {
    const CALLS: u32 = 8;
    let runtime = started();
    let mut known = HashSet::new();
    let (mut calls, mut taken) = (0, Duration::ZERO);
    while calls < CALLS {
        let (tell, told) = channel();
        let start = Instant::now();
        let payload = move || tell.send(thread::current().id());
        runtime.named("called").adopt(Thread, payload).unwrap();
        if !known.insert(next(&told)) {
            calls += 1;
            taken += start.elapsed();
        }
    }
    // Each would take a second.
    assert!(taken < Duration::from_secs(1) * CALLS / 2, "{taken:?}");
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn payloads_at_a_time_have_a_thread_each() {
    const MANY: usize = 64;
    let runtime = started();
    for _ in 0..4 {
        let (tell, told) = channel();
        // None of them ends before all have begun.
        let gates: Vec<Sender<()>> = (0..MANY)
            .map(|_| {
                let (open, gate) = channel();
                let tell = tell.clone();
                let payload = move || {
                    tell.send(thread::current().id()).unwrap();
                    // Closed by the test.
                    let _ = gate.recv_timeout(SOON);
                };
                runtime.named("many").adopt(Thread, payload).unwrap();
                open
            })
            .collect();
        let threads: HashSet<_> = (0..MANY).map(|_| next(&told)).collect();
        assert_eq!(threads.len(), MANY);
        drop(gates);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

thread_local! {
    static LEFT: Cell<Option<DropTold>> = const { Cell::new(None) };
}

struct DropTold(Sender<ThreadId>);

impl Drop for DropTold {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

#[test]
fn its_locals_are_dropped_with_the_runtime_at_the_latest() {
    let runtime = started();
    let (tell, told) = channel();
    runtime
        .adopt(Thread, move || LEFT.set(Some(DropTold(tell))))
        .unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    // Over with the runtime, not only soon after it.
    told.try_recv().unwrap();
}

#[test]
fn a_thread_that_has_waited_for_long_ends_and_is_not_called_any_more() {
    let runtime = started();
    for _ in 0..2 {
        let (tell, told) = channel();
        let payload = move || LEFT.set(Some(DropTold(tell)));
        runtime.named("short").adopt(Thread, payload).unwrap();
        // On a new thread, as that of the round before is gone.
        next(&told);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn an_idle_thread_holds_up_no_end() {
    let runtime = started();
    let (tell, told) = channel();
    runtime
        .adopt(Thread, move || tell.send(Shutdown::current()))
        .unwrap();
    drop(next(&told));
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    // Far less than the second for which it is kept.
    assert!(
        start.elapsed() < Duration::from_millis(500),
        "{:?}",
        start.elapsed()
    );
}
