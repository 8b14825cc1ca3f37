//! The thread that wakes sleepers on the system's clock. Row T4. Linux alone lists threads with their names.
#![cfg(target_os = "linux")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use common::services::*;
use common::*;
use foster::{Clock, Smol, Tokio};
use futures_lite::future::{block_on, poll_once};

const HOUR: Duration = Duration::from_secs(3600);

// One test, and alone in its file, as all of it looks at the threads of the process.
#[test]
fn t4_the_thread_that_wakes_sleepers_comes_and_goes() {
    within_a_minute(|| {
        a_runtime_that_nobody_sleeps_in_has_none();
        it_has_ended_when_run_returns();
        who_sleeps_still_goes_on();
        a_sleep_outside_of_runtimes_leaves_no_thread();
        a_million_dropped_sleeps_leave_nothing();
    });
}

fn timers() -> usize {
    threads_named("foster timer")
}

fn a_runtime_that_nobody_sleeps_in_has_none() {
    let runtime = running(Smol);
    let for_ever = || async {
        let clock = Clock::current();
        assert!(poll_once(clock.sleep(Duration::MAX)).await.is_none());
        let ready = clock.timeout(HOUR, std::future::ready(()));
        assert!(ready.await.is_ok());
        // One that is never polled.
        drop(clock.sleep(HOUR));
    };
    let before = threads_named("");
    runtime.execute(Smol, for_ever).unwrap();
    // A thread counts from when it is spawned, before it has its name.
    assert_eq!(threads_named(""), before);
    assert_eq!(timers(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn it_has_ended_when_run_returns() {
    for _ in 0..20 {
        let runtime = started();
        let asleep = Event::new();
        let sleeps = asleep.clone();
        let sleeper = move || async move {
            let mut sleep = pin!(Clock::current().sleep(HOUR));
            assert!(poll_once(sleep.as_mut()).await.is_none());
            sleeps.happen();
            sleep.await;
        };
        runtime.adopt(Tokio, sleeper).unwrap();
        asleep.expect("it sleeps");
        // A thread takes its name when it has begun.
        expect("there is one", || timers() == 1);
        runtime.shutdown();
        runtime.wait().unwrap();
        // The system lists a thread that was joined for a moment longer.
        expect("it has ended", || timers() == 0);
    }
}

/// A sleep of a runtime's clock that the end of the runtime does not end.
fn who_sleeps_still_goes_on() {
    let runtime = started();
    let clock = runtime.clock().clone();
    let real = Instant::now();
    let sleeper = std::thread::spawn(move || {
        block_on(clock.sleep(SECOND / 2));
        // And afterwards.
        block_on(clock.sleep(Duration::from_millis(1)));
    });
    expect("it sleeps", || timers() == 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    expect("it wakes", || sleeper.is_finished());
    assert!(real.elapsed() >= SECOND / 2);
    sleeper.join().unwrap();
    expect("nobody is left", || timers() == 0);
}

fn a_sleep_outside_of_runtimes_leaves_no_thread() {
    block_on(Clock::system().sleep(Duration::from_millis(1)));
    expect("nobody is left", || timers() == 0);
}

fn a_million_dropped_sleeps_leave_nothing() {
    for clock in [Clock::system(), Clock::manual()] {
        for is_polled in [false, true] {
            let real = Instant::now();
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..1_000_000 {
                let mut sleep = pin!(clock.sleep(HOUR));
                if is_polled {
                    assert!(sleep.as_mut().poll(&mut context).is_pending());
                }
            }
            assert!(real.elapsed() < SOON, "{:?}", real.elapsed());
        }
        // Nobody is waited for.
        let real = Instant::now();
        clock.advance(2 * HOUR);
        assert!(real.elapsed() < SECOND);
    }
    expect("nobody is left", || timers() == 0);
}
