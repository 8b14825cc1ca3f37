//! Shutdown tokens: whose they are, and how they wake. Row S6.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{Clock, Runtime, Shutdown, Thread};

on_every_flavour!(
    s6_outside_of_payloads_there_is_no_token,
    s6_a_token_belongs_to_its_payload_and_clones_go_anywhere,
    s6_clones_say_requested_once_their_payload_is_over,
    s6_clones_say_requested_once_their_payload_has_panicked,
);
on_async_flavours!(
    s6_requested_wakes_coroutines,
    s6_a_waker_that_panics_leaves_no_other_token_asleep,
);
once!(
    s6_wait_timeout_wakes_threads_and_keeps_time,
    s6_wait_lasts_until_the_end_however_long_that_takes,
    s6_a_waker_that_blocks_leaves_no_thread_asleep,
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
    let (token, go) = alive_with_token(&runtime, Thread);
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
    go.happen();
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

fn s6_wait_lasts_until_the_end_however_long_that_takes() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    let (ready, log) = (Event::new(), Log::new());
    let (is_ready, its_log) = (ready.clone(), log.clone());
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            is_ready.happen();
            token.wait();
            its_log.write(token.is_requested());
        })
        .unwrap();
    ready.expect("the thread waits");
    clock.advance(Duration::from_secs(1_000_000_000));
    assert!(log.read().is_empty());
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(log.read(), [true]);
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

/// A payload that is alive until the event, and its token.
fn alive_with_token<F: AnyFlavour>(runtime: &Runtime, flavour: F) -> (Shutdown, Event) {
    let (sender, receiver) = channel();
    let go = Event::new();
    let its_go = go.clone();
    let code = move || {
        sender.send(Shutdown::current()).unwrap();
        block_until(&its_go);
    };
    flavour.adopt(runtime, code).unwrap();
    (receiver.recv_timeout(SOON).unwrap(), go)
}

fn s6_a_token_belongs_to_its_payload_and_clones_go_anywhere<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (token, go) = alive_with_token(&runtime, flavour);
    let clone = token.clone();
    let waiter = thread::spawn(move || clone.wait_timeout(SOON));
    assert!(!token.is_requested());
    runtime.shutdown();
    assert!(waiter.join().unwrap() && token.is_requested());
    futures_lite::future::block_on(token.requested());
    // Nobody waits for the clones once the payload is over.
    let start = Instant::now();
    go.happen();
    runtime.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));

    fn _is_send_and_sync<T: Send + Sync>() {}
    _is_send_and_sync::<(Shutdown, Runtime)>();
}

fn s6_clones_say_requested_once_their_payload_is_over<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (token, go) = alive_with_token(&runtime, flavour);
    let helpers: Vec<_> = (0..50)
        .map(|number| {
            let (clone, begun) = (token.clone(), Event::new());
            let has_begun = begun.clone();
            let mut waiting = clone.requested();
            let helper = thread::spawn(move || match number % 2 {
                0 => {
                    has_begun.happen();
                    clone.wait_timeout(Duration::from_secs(3_600))
                }
                _ => {
                    let polled = futures_lite::future::poll_once(&mut waiting);
                    assert!(futures_lite::future::block_on(polled).is_none());
                    has_begun.happen();
                    futures_lite::future::block_on(waiting);
                    clone.is_requested()
                }
            });
            begun.expect("it waits");
            helper
        })
        .collect();
    assert!(!token.is_requested());
    go.happen();
    for helper in helpers {
        assert!(helper.join().unwrap());
    }
    // A new one, and one that looks for the first time.
    assert!(token.wait_timeout(Duration::ZERO));
    futures_lite::future::block_on(token.requested());
    // The runtime itself goes on.
    assert_eq!(flavour.execute(&runtime, || 1).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s6_clones_say_requested_once_their_payload_has_panicked<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (sender, receiver) = channel();
    let panic = catch_unwind(AssertUnwindSafe(|| {
        flavour.execute(&runtime, move || -> () {
            sender.send(Shutdown::current()).unwrap();
            panic!("its caller's");
        })
    }));
    assert!(panic.is_err());
    let token = receiver.recv().unwrap();
    assert!(token.wait_timeout(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A waker that does not come back until the event.
struct Blocks(Event, Event);

impl std::task::Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.0.happen();
        block_until(&self.1);
    }
}

fn s6_a_waker_that_blocks_leaves_no_thread_asleep() {
    let runtime = started();
    let (token, go) = alive_with_token(&runtime, Thread);
    let (blocked, on) = (Event::new(), Event::new());
    let waker = Arc::new(Blocks(blocked.clone(), on.clone())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut bad = token.requested();
    assert!(std::pin::Pin::new(&mut bad).poll(&mut context).is_pending());
    let clone = token.clone();
    let waiter = thread::spawn(move || clone.wait_timeout(SOON));
    let stopper = {
        let runtime = runtime.clone();
        thread::spawn(move || runtime.shutdown())
    };
    blocked.expect("the waker blocks whoever asked for the stop");
    assert!(waiter.join().unwrap());
    // Nor is anything of it locked.
    assert!(token.wait_timeout(SOON));
    drop(bad);
    go.happen();
    runtime.wait().unwrap();
    on.happen();
    stopper.join().unwrap();
}
