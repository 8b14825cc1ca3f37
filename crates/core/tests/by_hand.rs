//! A runtime whose payloads are polled and dropped by hand, on threads of the test's choice: what a
//! flavour may do to a coroutine, in safe code, and nothing may come of it but a report.
//!
//! Small enough for Miri: `MIRIFLAGS=-Zmiri-ignore-leaks cargo +nightly miri test -p foster-core`.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Clock, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier, Key, Latch,
    Manual, Rejected, Reporter, Runtime, Shutdown, Signals, StragglerReason,
};

/// A flavour that hands its payloads to the test.
#[derive(Clone, Default)]
struct Open {
    payloads: Arc<Mutex<Vec<Coroutine>>>,
    reporter: Arc<OnceLock<Reporter>>,
    cancelled: Arc<Latch>,
}

impl Open {
    fn take(&self) -> Coroutine {
        self.payloads.lock().unwrap().remove(0)
    }

    fn reporter(&self) -> &Reporter {
        self.reporter.get().expect("the flavour was started")
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.payloads, &other.payloads)
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open")
    }
}

impl Key for Open {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("open")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.reporter.set(reporter).unwrap();
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Open {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.payloads.lock().unwrap().push(payload);
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.cancelled.open();
    }

    fn join(&self, _: Instant) -> bool {
        true
    }
}

fn started() -> Runtime {
    let runtime = Runtime::builder().signals(Signals::Leave).build();
    runtime.start().unwrap();
    runtime
}

fn poll(payload: &mut Coroutine) -> Poll<()> {
    Pin::new(payload).poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that is neither `Send` nor `Unpin`, points into itself, and counts its drops.
fn awkward(drops: Arc<AtomicUsize>) -> impl Future<Output = ()> {
    struct Awkward {
        value: Rc<Cell<u32>>,
        own: Cell<*const Rc<Cell<u32>>>,
        drops: Arc<AtomicUsize>,
        _pinned: PhantomPinned,
    }
    impl Drop for Awkward {
        fn drop(&mut self) {
            assert!(self.own.get().is_null() || std::ptr::eq(self.own.get(), &self.value));
            self.drops.fetch_add(1, SeqCst);
        }
    }
    impl Future for Awkward {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            self.own.set(&self.value);
            self.value.set(self.value.get() + 1);
            Poll::Pending
        }
    }
    Awkward {
        value: Rc::new(Cell::new(0)),
        own: Cell::new(std::ptr::null()),
        drops,
        _pinned: PhantomPinned,
    }
}

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
