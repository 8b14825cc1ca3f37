//! How a payload that is polled and dropped by hand is accounted for: once, whatever becomes of it and of
//! its flavour.

mod open;

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{Clock, FailureKind, Latch, Manual, Runtime, Shutdown, Signals, StragglerReason};

use open::*;

#[test]
fn f1_whoever_waits_for_an_adopted_payload_goes_on() {
    let (runtime, flavour) = (started(), Open::default());
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let mut payload = flavour.take();
    let (before, after) = (payload.completion(), payload.completion());
    let gone_on = Arc::new(Latch::default());
    let waiter = thread::spawn({
        let gone_on = Arc::clone(&gone_on);
        move || {
            before.wait();
            gone_on.open();
        }
    });
    assert!(poll(&mut payload).is_ready());
    let soon = Instant::now() + Duration::from_secs(20);
    assert!(gone_on.wait(soon), "the payload is over");
    waiter.join().unwrap();
    after.wait();
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn s3_cancel_time_ends_at_its_very_moment() {
    let clock = Clock::manual();
    let runtime = Runtime::builder()
        .signals(Signals::Leave)
        .clock(clock.clone())
        .cancel_timeout(Duration::from_secs(5))
        .build();
    runtime.start().unwrap();
    let (flavour, drops) = (Open::default(), Arc::default());
    runtime
        .adopt(flavour.clone(), move || awkward(drops))
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    runtime.shutdown();
    let soon = Instant::now() + Duration::from_secs(20);
    assert!(flavour.cancelled.wait(soon), "the cancel time has begun");
    let ended = Arc::new(Latch::default());
    let waiter = thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let result = runtime.wait();
            ended.open();
            result
        }
    });
    clock.advance(Duration::from_secs(5));
    assert!(ended.wait(soon), "the cancel time is over");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.stragglers()[0].reason(), StragglerReason::Kept);
}

#[test]
fn f2_a_cancelled_payload_may_be_dropped() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&drops);
    let mut call = Box::pin(runtime.call(flavour.clone(), move || awkward(count)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    drop(call);
    drop(payload);
    assert_eq!(drops.load(SeqCst), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn f2_what_comes_to_its_first_poll_too_late_may_be_dropped() {
    let runtime = Runtime::builder()
        .signals(Signals::Leave)
        .grace(Duration::ZERO)
        .build();
    runtime.start().unwrap();
    let (flavour, drops) = (Open::default(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&drops);
    runtime
        .adopt(flavour.clone(), move || awkward(count))
        .unwrap();
    let payload = flavour.take();
    runtime.shutdown();
    let soon = Instant::now() + Duration::from_secs(20);
    assert!(flavour.cancelled.wait(soon), "the flavour is cancelled");
    drop(payload);
    assert_eq!(drops.load(SeqCst), 0, "it never ran");
    runtime.wait().unwrap();
}

#[test]
fn f2_a_payload_lost_with_its_flavour_is_accounted_for_once() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::default());
    // Keeps the runtime from its end until all is done.
    let manual = Manual::new();
    runtime
        .adopt(manual.clone(), || async {
            Shutdown::current().requested().await;
        })
        .unwrap();
    manual.step();
    for _ in 0..2 {
        let count = Arc::clone(&drops);
        runtime
            .adopt(flavour.clone(), move || awkward(count))
            .unwrap();
    }
    let (mut polled, mut dropped) = (flavour.take(), flavour.take());
    assert!(poll(&mut polled).is_pending());
    assert!(poll(&mut dropped).is_pending());
    flavour.reporter().lost("its power was cut");
    // A flavour that is lost may still come by what it ran.
    assert!(poll(&mut polled).is_ready());
    drop((polled, dropped));
    assert_eq!(drops.load(SeqCst), 2);
    manual.step();
    let error = runtime.wait().unwrap_err();
    let kinds: Vec<_> = error.failures().iter().map(|one| one.kind()).collect();
    assert_eq!(kinds, [FailureKind::Lost; 3], "the flavour's and theirs");
    assert!(error.stragglers().is_empty());
}

#[test]
fn f2_a_lost_payload_whose_destructor_panics_is_told_too() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("as it is dropped");
        }
    }
    let (runtime, flavour, manual) = (started(), Open::default(), Manual::new());
    runtime
        .adopt(manual.clone(), || async {
            Shutdown::current().requested().await;
        })
        .unwrap();
    manual.step();
    runtime
        .adopt(flavour.clone(), || async {
            let _bomb = Bomb;
            pending::<()>().await;
        })
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    flavour.reporter().lost("its power was cut");
    drop(payload);
    manual.step();
    let error = runtime.wait().unwrap_err();
    let kinds: Vec<_> = error.failures().iter().map(|one| one.kind()).collect();
    let lost = FailureKind::Lost;
    assert_eq!(kinds, [lost, lost, FailureKind::Panic], "{error}");
}

#[test]
fn s2_a_payload_is_waited_for_once_and_not_when_it_is_accounted_for() {
    struct Takes;
    impl Drop for Takes {
        fn drop(&mut self) {
            assert!(Shutdown::try_current().is_some());
        }
    }
    // With a clock that stands still, the grace time ends when nobody is waited for.
    let runtime = Runtime::builder()
        .signals(Signals::Leave)
        .clock(Clock::manual())
        .build();
    runtime.start().unwrap();
    let (flavour, manual) = (Open::default(), Manual::new());
    runtime
        .adopt(manual.clone(), || async {
            let (first, second) = (Shutdown::current(), Shutdown::current());
            first.requested().await;
            drop(second);
        })
        .unwrap();
    manual.step();
    runtime
        .adopt(flavour.clone(), || async {
            let _takes = Takes;
            pending::<()>().await;
        })
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    flavour.reporter().lost("its power was cut");
    assert!(poll(&mut payload).is_ready());
    manual.step();
    let soon = Instant::now() + Duration::from_secs(20);
    assert!(flavour.cancelled.wait(soon), "the grace time is over");
    runtime.wait().unwrap_err();
}
