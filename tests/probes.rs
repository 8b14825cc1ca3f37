//! Whether executors go on. Row I2.

mod common;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use common::services;
use common::*;
use foster::{Manual, Probing, Runtime, Smol, Thread, Tokio, TokioHandle, TokioMultiThread};

/// For what must not happen.
const MOMENT: Duration = Duration::from_millis(50);

on_async_flavours!(
    i2_an_executor_that_is_blocked_does_not_answer,
    i2_many_short_turns_are_no_block,
    i2_whoever_is_answered_may_ask_again_at_once,
);

once!(
    i2_a_pool_answers_as_long_as_one_of_its_threads_does,
    i2_a_blocked_task_of_another_kind_is_seen,
    i2_the_runtime_of_a_handle_is_asked,
    i2_a_probe_can_be_awaited,
    i2_who_cannot_tell_counts_as_answered,
    i2_an_executor_that_ends_is_no_block,
);

fn i2_an_executor_that_is_blocked_does_not_answer<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    runtime.probe().wait(SOON).unwrap();
    let go = busy(&runtime, flavour);
    let blocked = runtime.probe().wait(MOMENT).unwrap_err();
    assert_eq!(blocked.flavours(), [F::NAME]);
    let text = format!(
        "no answer within 50ms from `{}`: something blocks there",
        F::NAME
    );
    assert_eq!(blocked.to_string(), text);
    // It answers as soon as it goes on.
    let probing = runtime.probe();
    go.happen();
    probing.wait(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// On the thread that answers, before that has gone to sleep again.
fn i2_whoever_is_answered_may_ask_again_at_once<F: AsyncFlavour>(flavour: F) {
    struct AsksAgain {
        runtime: Runtime,
        again: Mutex<Option<Probing>>,
    }
    impl Wake for AsksAgain {
        fn wake(self: Arc<Self>) {
            *self.again.lock().unwrap() = Some(self.runtime.probe());
        }
    }
    // Nobody else wakes the executor: those who look for stalls would.
    let runtime = builder().stall_after(Duration::MAX).build();
    runtime.start().unwrap();
    // Held up, so that the first answer comes when there is somebody to be woken by it.
    let go = busy(&runtime, flavour);
    let asks = Arc::new(AsksAgain {
        runtime: runtime.clone(),
        again: Mutex::new(None),
    });
    let waker = Waker::from(Arc::clone(&asks));
    let mut first = pin!(runtime.probe());
    let polled = first.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    go.happen();
    let mut again = None;
    services::expect("it is answered, and asks again", || {
        again = asks.again.lock().unwrap().take();
        again.is_some()
    });
    again.unwrap().wait(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_many_short_turns_are_no_block<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    for _ in 0..300 {
        let spin = || async {
            loop {
                futures_lite::future::yield_now().await;
            }
        };
        runtime.adopt(flavour, spin).unwrap();
    }
    for _ in 0..10 {
        runtime.probe().wait(SOON).unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_a_pool_answers_as_long_as_one_of_its_threads_does() {
    const POOL: TokioMultiThread = TokioMultiThread::new().worker_threads(2);
    let runtime = started();
    runtime.execute(POOL, || async {}).unwrap();
    let block = || {
        let blocker = Blocker::new();
        let blocks = blocker.clone();
        let payload = move || async move {
            blocks.block();
        };
        runtime.adopt(POOL, payload).unwrap();
        blocker.expect_blocked();
        blocker
    };
    let first = block();
    runtime.probe().wait(SOON).unwrap();
    let second = block();
    let blocked = runtime.probe().wait(MOMENT).unwrap_err();
    assert_eq!(blocked.flavours(), ["tokio::multi_thread"]);
    first.go_on();
    runtime.probe().wait(SOON).unwrap();
    second.go_on();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_a_blocked_task_of_another_kind_is_seen() {
    let runtime = running(Smol);
    runtime.execute(Tokio, || async {}).unwrap();
    let (on_smol, on_tokio) = (Blocker::new(), Blocker::new());
    let blocks = on_smol.clone();
    let spawn = move || async move {
        let task = foster_smol::spawn_local(async move { blocks.block() });
        task.detach();
    };
    runtime.adopt(Smol, spawn).unwrap();
    let blocks = on_tokio.clone();
    let spawn = move || async move {
        tokio::task::spawn_local(async move { blocks.block() });
    };
    runtime.adopt(Tokio, spawn).unwrap();
    on_smol.expect_blocked();
    on_tokio.expect_blocked();
    let mut blocked = runtime
        .probe()
        .wait(MOMENT)
        .unwrap_err()
        .flavours()
        .to_vec();
    blocked.sort();
    assert_eq!(blocked, ["smol", "tokio"]);
    on_smol.go_on();
    on_tokio.go_on();
    runtime.probe().wait(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_the_runtime_of_a_handle_is_asked() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let runtime = started();
    let key = TokioHandle::new(tokio.handle().clone());
    runtime.execute(key, || async {}).unwrap();
    runtime.probe().wait(SOON).unwrap();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    // A task that is not Foster's.
    tokio.spawn(async move {
        blocks.block();
    });
    blocker.expect_blocked();
    let blocked = runtime.probe().wait(MOMENT).unwrap_err();
    assert_eq!(blocked.flavours(), ["tokio::runtime::handle"]);
    blocker.go_on();
    runtime.probe().wait(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_a_probe_can_be_awaited() {
    let runtime = running(Smol);
    let go = busy(&runtime, Smol);
    let mut probing = pin!(runtime.probe());
    let waker = Waker::noop();
    assert!(
        probing
            .as_mut()
            .poll(&mut Context::from_waker(waker))
            .is_pending()
    );
    assert_eq!(
        probing
            .unanswered()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["smol"]
    );
    go.happen();
    futures_lite::future::block_on(probing.as_mut());
    assert!(probing.is_answered());
    // One that asks itself.
    let asks = runtime.clone();
    runtime
        .execute(Smol, move || async move { asks.probe().await })
        .unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i2_who_cannot_tell_counts_as_answered() {
    let runtime = started();
    // No flavour was started.
    runtime.probe().wait(Duration::ZERO).unwrap();
    let manual = Manual::new();
    runtime.adopt(manual.clone(), || async {}).unwrap();
    let go = Event::new();
    let goes = go.clone();
    runtime.adopt(Thread, move || block_until(&goes)).unwrap();
    runtime.probe().wait(Duration::ZERO).unwrap();
    go.happen();
    while manual.step() {}
    runtime.shutdown();
    runtime.wait().unwrap();
    // It is over.
    runtime.probe().wait(SOON).unwrap();
}

fn i2_an_executor_that_ends_is_no_block() {
    let runtime = running(Smol);
    let is_last_seen = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_last_seen);
    let until_seen = move || async move {
        poll_fn(|context| match seen.load(SeqCst) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
    };
    runtime.adopt(Smol, until_seen).unwrap();
    let probings: Vec<_> = (0..100).map(|_| runtime.probe()).collect();
    is_last_seen.store(true, SeqCst);
    runtime.shutdown();
    runtime.wait().unwrap();
    for probing in probings {
        probing.wait(SOON).unwrap();
    }
}
