//! What sleeps leave behind, and what happens at the limits of time. Rows T2, T4 and T5; `clock_threads` has the rest of T4.

mod common;

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use common::services::*;
use common::*;
use foster::{Clock, Runtime};
use futures_lite::future::{block_on, poll_once};

once!(
    t2_for_ever_is_never,
    t2_a_dropped_sleep_leaves_no_waker,
    t4_a_sleep_takes_its_time_by_the_systems_clock,
    t4_a_sleep_goes_on_where_its_runtime_is_dropped_unrun,
    t5_wakers_run_with_nothing_locked,
    t5_a_waker_that_panics_spoils_nothing,
);
on_async_flavours!(t4_sleepers_wake_in_time_on_the_systems_clock);

const HOUR: Duration = Duration::from_secs(3600);

/// Code that a waker calls.
struct Calls<F>(F);

impl<F: Fn() + Send + Sync> Wake for Calls<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(code: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Calls(code)))
}

fn t2_for_ever_is_never() {
    for clock in [Clock::manual(), Clock::system()] {
        let mut context = Context::from_waker(Waker::noop());
        let mut sleep = pin!(clock.sleep(Duration::MAX));
        let late = clock.timeout(Duration::MAX, std::future::pending::<()>());
        let mut late = pin!(late);
        for _ in 0..3 {
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            assert!(late.as_mut().poll(&mut context).is_pending());
            clock.advance(Duration::MAX);
        }
        assert_eq!(format!("{sleep:?}"), "Sleep for ever");
    }
}

fn t2_a_dropped_sleep_leaves_no_waker() {
    for clock in [Clock::manual(), Clock::system()] {
        let held = Arc::new(Calls(|| {}));
        let kept = || Waker::from(Arc::clone(&held));
        let mut sleep = Box::pin(clock.sleep(HOUR));
        // The second one replaces the first.
        for _ in 0..2 {
            let (first, second) = (kept(), kept());
            let poll = |waker: &Waker, sleep: &mut std::pin::Pin<Box<foster::Sleep>>| {
                sleep
                    .as_mut()
                    .poll(&mut Context::from_waker(waker))
                    .is_pending()
            };
            assert!(poll(&first, &mut sleep) && poll(&second, &mut sleep));
        }
        assert_eq!(Arc::strong_count(&held), 2);
        drop(sleep);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

fn t4_a_sleep_takes_its_time_by_the_systems_clock() {
    const TIME: Duration = Duration::from_millis(50);
    let clock = Clock::system();
    let real = Instant::now();
    block_on(clock.sleep(TIME));
    assert!(real.elapsed() >= TIME);
    let late = block_on(clock.timeout(TIME, std::future::pending::<()>()));
    assert!(late.is_err() && real.elapsed() >= 2 * TIME);
    clock.wait(TIME);
    assert!(real.elapsed() >= 3 * TIME);
    assert!(real.elapsed() < SOON);
}

fn t4_a_sleep_goes_on_where_its_runtime_is_dropped_unrun() {
    let runtime = runtime();
    let mut sleep = runtime.clock().sleep(Duration::from_millis(20));
    assert!(block_on(poll_once(&mut sleep)).is_none());
    drop(runtime);
    block_on(sleep);
}

/// The short ones are not held up by those that come before them.
fn t4_sleepers_wake_in_time_on_the_systems_clock<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    for number in [5_u32, 1, 3, 600] {
        let written = log.clone();
        let sleeper = move || async move {
            Clock::current()
                .sleep(number * Duration::from_millis(100))
                .await;
            written.write(number);
        };
        runtime.adopt(flavour, sleeper).unwrap();
    }
    expect("the short ones are over", || log.read().len() == 3);
    assert_eq!(log.read(), [1, 3, 5]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// It asks the clock, sets and drops sleeps on it, and moves it.
fn t5_wakers_run_with_nothing_locked() {
    for clock in [Clock::manual(), Clock::system()] {
        let (woken, kept) = (Event::new(), Mutex::new(None));
        let (is_woken, of_waker) = (woken.clone(), clock.clone());
        let waker = waker(move || {
            of_waker.now();
            let mut sleep = Box::pin(of_waker.sleep(HOUR));
            let mut context = Context::from_waker(Waker::noop());
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            drop(kept.lock().unwrap().replace(sleep));
            of_waker.advance(SECOND);
            is_woken.happen();
        });
        let mut sleep = pin!(clock.sleep(Duration::from_millis(1)));
        let mut context = Context::from_waker(&waker);
        assert!(sleep.as_mut().poll(&mut context).is_pending());
        clock.advance(SECOND);
        woken.expect("the waker has run");
        assert!(sleep.poll(&mut context).is_ready());
    }
}

fn t5_a_waker_that_panics_spoils_nothing() {
    std::panic::set_hook(Box::new(|_| {}));
    for clock in [Clock::manual(), Clock::system()] {
        let (woken, count) = (Event::new(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&count);
        let bad = waker(move || {
            counted.fetch_add(1, SeqCst);
            panic!("as bad as it gets");
        });
        let is_woken = woken.clone();
        let good = waker(move || is_woken.happen());
        let sleep = || Box::pin(clock.sleep(Duration::from_millis(20)));
        let (mut one, mut other) = (sleep(), sleep());
        assert!(
            one.as_mut()
                .poll(&mut Context::from_waker(&bad))
                .is_pending()
        );
        assert!(
            other
                .as_mut()
                .poll(&mut Context::from_waker(&good))
                .is_pending()
        );
        clock.advance(SECOND);
        woken.expect("the other is woken");
        assert_eq!(count.load(SeqCst), 1);
    }
    let _ = std::panic::take_hook();
}

fn _is_send_and_sync() {
    fn is<T: Send + Sync + 'static>() {}
    is::<Clock>();
    is::<foster::Sleep>();
    is::<foster::Timeout<foster::Sleep>>();
    is::<foster::TimedOut>();
    is::<Runtime>();
}
