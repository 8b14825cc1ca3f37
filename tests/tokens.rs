//! Shutdown tokens: whose they are, and how they wake. Row S6.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{Clock, Runtime, Shutdown, Thread};

on_every_flavour!(
    s6_outside_of_payloads_there_is_no_token,
    s6_a_token_belongs_to_its_payload_and_clones_go_anywhere,
);
on_async_flavours!(
    s6_requested_wakes_coroutines,
    s6_a_waker_that_panics_leaves_no_other_token_asleep,
);
once!(
    s6_wait_timeout_wakes_threads_and_keeps_time,
    a_waiter_whose_waker_panics_leaves_no_other_asleep,
);

fn s6_requested_wakes_coroutines<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (waiting, woken) = (Event::new(), Event::new());
    let (is_waiting, is_woken) = (waiting.clone(), woken.clone());
    runtime
        .adopt(flavour, move || async move {
            let token = Shutdown::current();
            let mut requested = token.requested();
            assert!(
                futures_lite::future::poll_once(&mut requested)
                    .await
                    .is_none()
            );
            is_waiting.happen();
            (&mut requested).await;
            // It stays ready, and so is a new one.
            requested.await;
            token.requested().await;
            is_woken.happen();
        })
        .unwrap();
    waiting.expect("the coroutine waits");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(woken.has_happened());
}

/// A waker whose panic must not be anybody else's business.
struct Panics;

impl std::task::Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker's own panic");
    }
}

fn poll_with_panics<A: Future + Unpin>(future: &mut A) -> std::task::Poll<A::Output> {
    let waker = Arc::new(Panics).into();
    std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(&waker))
}

fn s6_a_waker_that_panics_leaves_no_other_token_asleep<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let token = runtime
        .execute(flavour, || async { Shutdown::current() })
        .unwrap();
    // First in the list of those to be woken.
    let mut bad = token.requested();
    assert!(poll_with_panics(&mut bad).is_pending());
    let (waiting, asked) = (Event::new(), Event::new());
    let (is_waiting, is_asked) = (waiting.clone(), asked.clone());
    runtime
        .adopt(flavour, move || async move {
            let mut requested = Shutdown::current().requested();
            assert!(
                futures_lite::future::poll_once(&mut requested)
                    .await
                    .is_none()
            );
            is_waiting.happen();
            requested.await;
            is_asked.happen();
        })
        .unwrap();
    waiting.expect("the payload waits");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(asked.has_happened());
    drop(bad);
}

fn a_waiter_whose_waker_panics_leaves_no_other_asleep() {
    let runtime = started();
    let mut bad = runtime.wait_async();
    assert!(poll_with_panics(&mut bad).is_pending());
    let waiter = thread::spawn({
        let runtime = runtime.clone();
        move || runtime.wait()
    });
    runtime.shutdown();
    waiter.join().unwrap().unwrap();
    drop(bad);
}

fn s6_wait_timeout_wakes_threads_and_keeps_time() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    let log = Log::new();
    let its_log = log.clone();
    let (ready, is_ready) = (Event::new(), Event::new());
    let has_ready = ready.clone();
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            has_ready.happen();
            its_log.write(token.wait_timeout(Duration::from_secs(100)));
            its_log.write(token.wait_timeout(Duration::from_secs(1_000_000)));
        })
        .unwrap();
    ready.expect("the thread waits");
    is_ready.happen();
    while log.read().is_empty() {
        clock.advance(Duration::from_secs(10));
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(log.read(), [false, true]);
}

fn s6_outside_of_payloads_there_is_no_token<F: AnyFlavour>(flavour: F) {
    assert!(Shutdown::try_current().is_none());
    let panic = catch_unwind(AssertUnwindSafe(Shutdown::current)).unwrap_err();
    let text = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    assert!(text.contains("take the token in the payload"), "{text}");

    let runtime = started();
    let elsewhere = flavour
        .execute(&runtime, || {
            let inside = Shutdown::try_current().is_some();
            let spawned = thread::spawn(|| Shutdown::try_current().is_some());
            (inside, spawned.join().unwrap())
        })
        .unwrap();
    assert_eq!(elsewhere, (true, false));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s6_a_token_belongs_to_its_payload_and_clones_go_anywhere<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let token = flavour.execute(&runtime, Shutdown::current).unwrap();
    let clone = token.clone();
    let waiter = thread::spawn(move || clone.wait_timeout(SOON));
    assert!(!token.is_requested());
    // Its payload is over, so nobody waits for the clones.
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(waiter.join().unwrap() && token.is_requested());
    futures_lite::future::block_on(token.requested());

    fn _is_send_and_sync<T: Send + Sync>() {}
    _is_send_and_sync::<(Shutdown, Runtime)>();
}
