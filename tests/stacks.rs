//! Stacks: how large a payload may be, and how large the stacks of a flavour's threads are. Row F4.
//!
//! What does not fit ends the process: a test that fails here takes the others with it.

mod common;

use std::error::Error;
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use common::*;
use foster::{AdoptErrorKind, Builder, Smol, Thread, Tokio, TokioMultiThread};
use futures_lite::future::{block_on, yield_now};

once!(
    f4_a_future_that_raw_tokio_takes_is_taken,
    f4_what_a_closure_has_captured_may_be_large,
    f4_stacks_are_as_large_as_the_builder_says,
    f4_a_stack_that_cannot_be_is_refused_with_the_reason,
);

const KB: usize = 1_000;

/// As much as fits on a thread of 2 MiB in a debug build, where raw tokio's own spawn takes it as well.
macro_rules! large_future {
    () => {
        || async {
            let held = [1_u8; 800 * KB];
            yield_now().await;
            held.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        }
    };
}

/// As [`large_future`], and its closure has the bytes that the future is to hold.
macro_rules! large_closure {
    () => {{
        let held = [1_u8; 200 * KB];
        move || async move {
            yield_now().await;
            held.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        }
    }};
}

/// Hands payloads to `$key`, each in a frame of its own.
macro_rules! takes {
    ($key:expr, $payload:ident, $sum:expr) => {{
        fn adopts(runtime: &foster::Runtime) {
            let (sender, sum) = mpsc::channel();
            let make = $payload!();
            let payload = move || async move {
                let _ = sender.send(make().await);
            };
            runtime.adopt($key, payload).unwrap();
            assert_eq!(sum.recv().unwrap(), $sum);
        }
        fn executes(runtime: &foster::Runtime) {
            assert_eq!(runtime.execute($key, $payload!()).unwrap(), $sum);
        }
        fn calls(runtime: &foster::Runtime) {
            assert_eq!(block_on(runtime.call($key, $payload!())).unwrap(), $sum);
        }
        let runtime = started();
        adopts(&runtime);
        executes(&runtime);
        calls(&runtime);
        runtime.shutdown();
        runtime.wait().unwrap();
    }};
}

fn f4_a_future_that_raw_tokio_takes_is_taken() {
    let raw = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let task = raw.spawn(large_future!()());
    assert_eq!(raw.block_on(task).unwrap(), 800 * KB);
    takes!(Smol, large_future, 800 * KB);
    takes!(Tokio, large_future, 800 * KB);
    takes!(TokioMultiThread, large_future, 800 * KB);
}

fn f4_what_a_closure_has_captured_may_be_large() {
    takes!(Smol, large_closure, 200 * KB);
    takes!(Tokio, large_closure, 200 * KB);
    takes!(TokioMultiThread, large_closure, 200 * KB);
    let held = [1_u8; 200 * KB];
    let (sender, sum) = mpsc::channel();
    let payload = move || {
        let _ = sender.send(held.iter().map(|byte| usize::from(*byte)).sum::<usize>());
    };
    let runtime = started();
    runtime.adopt(Thread, payload).unwrap();
    assert_eq!(sum.recv().unwrap(), 200 * KB);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Uses `kb` of the stack, and a little more.
fn deep(kb: usize) -> usize {
    let here = black_box([1_u8; KB]);
    match kb.checked_sub(1) {
        Some(left) => deep(left) + usize::from(here[left % KB]),
        None => 0,
    }
}

/// More than a thread has unless the builder says otherwise, on every system.
const DEEP: usize = 12 * KB;

fn with_stacks(bytes: usize) -> Builder {
    builder().stack_size(bytes)
}

fn f4_stacks_are_as_large_as_the_builder_says() {
    let runtime = with_stacks(32 << 20).build();
    runtime.start().unwrap();
    assert_eq!(Smol.execute(&runtime, || deep(DEEP)).unwrap(), DEEP);
    assert_eq!(Tokio.execute(&runtime, || deep(DEEP)).unwrap(), DEEP);
    let pool = TokioMultiThread::new().worker_threads(2);
    assert_eq!(pool.execute(&runtime, || deep(DEEP)).unwrap(), DEEP);
    // Not by an execute, which runs on the thread of its caller.
    let called = runtime.call(Thread, || deep(DEEP));
    assert_eq!(block_on(called).unwrap(), DEEP);
    // So are those of blocking jobs, which are tokio's own.
    let job = || async { tokio::task::spawn_blocking(|| deep(DEEP)).await.unwrap() };
    assert_eq!(runtime.execute(Tokio, job).unwrap(), DEEP);
    assert_eq!(runtime.execute(pool, job).unwrap(), DEEP);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn f4_a_stack_that_cannot_be_is_refused_with_the_reason() {
    fn refuses<F: AnyFlavour>(flavour: F, bytes: usize, kind: AdoptErrorKind, text: &str) {
        let runtime = with_stacks(bytes).build();
        runtime.start().unwrap();
        let error = flavour.adopt(&runtime, || ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(error.source().is_some(), "{error:?}");
        runtime.shutdown();
        runtime.wait().unwrap();
    }
    let pool = TokioMultiThread::new().worker_threads(2);
    let start = AdoptErrorKind::Start;
    for bytes in [0, 1, 65_535] {
        let text = format!("a stack of {bytes} bytes is too small, 65536 are the least");
        refuses(Smol, bytes, start, &text);
        refuses(Tokio, bytes, start, &text);
        refuses(pool, bytes, start, &text);
        refuses(Thread, bytes, start, &text);
    }
    // Wine 8 crashes if it is asked for all there is.
    let most = usize::MAX / if cfg!(windows) { 4 } else { 1 };
    for bytes in [1 << 50, usize::MAX / 2, most] {
        refuses(Smol, bytes, start, "os error");
        refuses(Tokio, bytes, start, "os error");
        refuses(pool, bytes, start, "os error");
        // Its threads come with its payloads.
        refuses(Thread, bytes, AdoptErrorKind::Rejected, "os error");
    }
    // The least is enough for small payloads.
    let runtime = with_stacks(64 << 10).build();
    runtime.start().unwrap();
    let here = thread::current().id();
    for there in [
        Smol.execute(&runtime, || thread::current().id()),
        Tokio.execute(&runtime, || thread::current().id()),
        pool.execute(&runtime, || thread::current().id()),
        block_on(runtime.call(Thread, || thread::current().id())),
    ] {
        assert_ne!(there.unwrap(), here);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}
