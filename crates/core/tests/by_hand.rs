//! A runtime whose payloads are polled and dropped by hand, on threads of the test's choice: what a
//! flavour may do to a coroutine, in safe code, and nothing may come of it but a report.
//!
//! Small enough for Miri: `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p foster-core`.

mod open;

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, Wake};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    Clock, ExecuteErrorKind, FailureKind, Latch, Manual, Runtime, Shutdown, Signals,
};

use open::*;

#[test]
fn a2_a_payload_that_is_cancelled_is_dropped_at_its_next_poll() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::default());
    let count = Arc::clone(&drops);
    runtime
        .adopt(flavour.clone(), move || awkward(count))
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    assert!(poll(&mut payload).is_pending());
    runtime.shutdown();
    while poll(&mut payload).is_pending() {
        thread::yield_now();
    }
    assert_eq!(drops.load(SeqCst), 1);
    assert!(poll(&mut payload).is_ready(), "it stays ready");
    drop(payload);
    runtime.wait().unwrap();
}

#[test]
fn s1_the_waker_of_the_last_poll_is_woken_by_the_end() {
    #[derive(Default)]
    struct Woken(Latch);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.open();
        }
    }
    let (runtime, flavour) = (started(), Open::default());
    runtime.adopt(flavour.clone(), pending::<()>).unwrap();
    let mut payload = flavour.take();
    let wakes = [(); 2].map(|()| Arc::<Woken>::default());
    for woken in &wakes {
        let waker = Arc::clone(woken).into();
        let polled = Pin::new(&mut payload).poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    runtime.shutdown();
    let soon = Instant::now() + Duration::from_secs(20);
    assert!(wakes[1].0.wait(soon), "its task is woken, to drop it");
    assert!(poll(&mut payload).is_ready());
    runtime.wait().unwrap();
}

#[test]
fn f2_a_poll_elsewhere_leaks_and_is_reported() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::default());
    let count = Arc::clone(&drops);
    runtime
        .adopt(flavour.clone(), move || awkward(count))
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    thread::spawn(move || {
        assert!(poll(&mut payload).is_ready());
        assert!(poll(&mut payload).is_ready());
    })
    .join()
    .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(
        drops.load(SeqCst),
        0,
        "leaked, as its thread alone may drop it"
    );
}

#[test]
fn f2_a_drop_elsewhere_leaks_and_is_reported() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::default());
    let count = Arc::clone(&drops);
    runtime
        .adopt(flavour.clone(), move || awkward(count))
        .unwrap();
    let payload = thread::spawn(move || {
        let mut payload = flavour.take();
        assert!(poll(&mut payload).is_pending());
        payload
    })
    .join()
    .unwrap();
    // The thread that it is bound to is gone.
    drop(payload);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    let message = error.failures()[0].message();
    assert!(message.contains("its future was leaked"), "{message}");
    assert_eq!(drops.load(SeqCst), 0);
}

#[test]
fn f2_a_payload_dropped_at_home_is_dropped_and_reported() {
    let (runtime, flavour, drops) = (started(), Open::default(), Arc::default());
    let count = Arc::clone(&drops);
    runtime
        .adopt(flavour.clone(), move || awkward(count))
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    drop(payload);
    assert_eq!(drops.load(SeqCst), 1);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
}

/// What was dropped on the same thread before that, and is no failure, excuses nothing.
#[test]
fn f2_a_payload_dropped_after_others_were_refused_is_reported() {
    let builder = || Runtime::builder().signals(Signals::Leave);
    let refused = || {
        // Too little for any flavour.
        let runtime = builder().stack_size(1).build();
        runtime.start().unwrap();
        assert!(runtime.adopt(Manual::new(), || async {}).is_err());
        runtime.shutdown();
        runtime.wait().unwrap();
    };
    let unrun = || {
        let runtime = builder().build();
        runtime.adopt(Manual::new(), || async {}).unwrap();
        runtime.shutdown();
        runtime.run().unwrap();
    };
    for drops_one in [&refused as &dyn Fn(), &unrun] {
        let (runtime, flavour) = (started(), Open::default());
        runtime.adopt(flavour.clone(), pending::<()>).unwrap();
        let mut payload = flavour.take();
        assert!(poll(&mut payload).is_pending());
        drops_one();
        drop(payload);
        // If that was no failure nothing else ends the runtime.
        runtime.shutdown();
        let error = runtime.wait().unwrap_err();
        assert_eq!(error.failures().len(), 1);
        assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    }
}

#[test]
fn f2_a_forgotten_payload_is_a_straggler() {
    let clock = Clock::manual();
    let runtime = Runtime::builder()
        .signals(Signals::Leave)
        .clock(clock.clone())
        .build();
    runtime.start().unwrap();
    let (flavour, drops) = (Open::default(), Arc::default());
    runtime
        .adopt(flavour.clone(), move || awkward(drops))
        .unwrap();
    let mut payload = flavour.take();
    assert!(poll(&mut payload).is_pending());
    std::mem::forget(payload);
    runtime.shutdown();
    let waiter = thread::spawn({
        let runtime = runtime.clone();
        move || runtime.wait()
    });
    while !waiter.is_finished() {
        clock.advance(Duration::from_secs(1));
        thread::yield_now();
    }
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.stragglers().len(), 1);
}

#[test]
fn e5_a_payload_dropped_unpolled_lets_its_caller_go() {
    let (runtime, flavour) = (started(), Open::default());
    let (inner, key) = (runtime.clone(), flavour.clone());
    let caller = thread::spawn(move || {
        inner.execute(key, || async {
            Rc::new(1);
            2
        })
    });
    let payload = loop {
        if let Some(payload) = flavour.payloads.lock().unwrap().pop() {
            break payload;
        }
        thread::yield_now();
    };
    drop(payload);
    assert_eq!(
        caller.join().unwrap().unwrap_err().kind(),
        ExecuteErrorKind::Cancelled
    );
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
}

#[test]
fn e2_values_and_panics_come_back() {
    let manual = Manual::new();
    let runtime = started();
    let (inner, key) = (runtime.clone(), manual.clone());
    let caller = thread::spawn(move || {
        let value = inner
            .execute(key.clone(), || async { vec![1, 2, 3] })
            .unwrap();
        let panic = std::panic::catch_unwind(|| inner.execute(key, || async { panic!("mine") }));
        (value, panic.is_err())
    });
    while !caller.is_finished() {
        manual.step();
        thread::yield_now();
    }
    assert_eq!(caller.join().unwrap(), (vec![1, 2, 3], true));
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn s2_tokens_failures_and_destructors_at_the_end() {
    let manual = Manual::new();
    let runtime = started();
    runtime
        .adopt(manual.clone(), || async {
            let token = Shutdown::current();
            token.requested().await;
            Err::<(), _>(String::from("asked"))
        })
        .unwrap();
    runtime
        .adopt(manual.clone(), || async {
            struct Loud(Rc<()>);
            impl Drop for Loud {
                fn drop(&mut self) {
                    panic!("destructor {}", Rc::strong_count(&self.0));
                }
            }
            let _loud = Loud(Rc::new(()));
            pending::<()>().await;
        })
        .unwrap();
    runtime
        .adopt(manual.clone(), || {
            let mut turns = 0;
            poll_fn(move |_| {
                turns += 1;
                if turns < 3 {
                    Poll::Pending
                } else {
                    Poll::Ready(Some(Rc::new(turns)))
                }
            })
        })
        .unwrap();
    let waiter = thread::spawn({
        let runtime = runtime.clone();
        move || runtime.wait()
    });
    while !waiter.is_finished() {
        manual.step();
        thread::yield_now();
    }
    let error = waiter.join().unwrap().unwrap_err();
    let kinds: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| failure.kind())
        .collect();
    assert_eq!(
        kinds,
        [
            FailureKind::OrphanedReturn,
            FailureKind::Error,
            FailureKind::Panic
        ]
    );
}
