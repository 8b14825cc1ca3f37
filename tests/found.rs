//! What the random programs of `property` found, each in the fewest steps that show it.

mod common;

use std::future::{Future, pending};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{ExecuteErrorKind, FailureKind, Smol, Thread, Tokio, TokioMultiThread};
use tokio::sync::Notify;

const POOL: TokioMultiThread = TokioMultiThread::new().worker_threads(2);

once!(
    e4_execute_on_the_own_pool_is_refused_where_a_payload_has_moved_to,
    e4_execute_in_the_destructor_of_what_never_started_is_refused,
    e4_a_ring_through_one_of_several_threads_is_refused,
    e3_code_on_the_callers_thread_gives_its_value_also_after_the_end,
    l7_what_starts_after_the_grace_time_is_no_failure,
    l7_what_is_dropped_unrun_is_dropped_before_run_returns,
);

fn e4_execute_on_the_own_pool_is_refused_where_a_payload_has_moved_to() {
    let runtime = started();
    let (inner, go) = (runtime.clone(), Arc::new(Notify::new()));
    let (blocked, release, refused) = (Event::new(), Event::new(), Event::new());
    let (is_blocked, hold, is_refused) = (blocked.clone(), release.clone(), refused.clone());
    let gone = Arc::clone(&go);
    runtime
        .adopt(POOL, move || async move {
            let first = thread::current().id();
            // A task that Foster does not know of keeps this worker, once the payload waits.
            let released = hold.clone();
            tokio::spawn(async move {
                is_blocked.happen();
                block_until(&released);
            });
            gone.notified().await;
            assert_ne!(
                thread::current().id(),
                first,
                "it goes on on the other worker"
            );
            hold.happen();
            let error = inner.execute(POOL, || async {}).unwrap_err();
            assert_eq!(error.kind(), ExecuteErrorKind::Deadlock);
            is_refused.happen();
        })
        .unwrap();
    blocked.expect("the first worker is kept");
    go.notify_one();
    let nudging = Nudging::start(&runtime, POOL);
    refused.expect("the execute is refused");
    drop(nudging);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_execute_in_the_destructor_of_what_never_started_is_refused() {
    for _ in 0..100 {
        let runtime = started();
        let (inner, ended) = (runtime.clone(), Event::new());
        let is_ended = ended.clone();
        let on_drop = OnDrop(move || {
            // Refused on the flavour's thread; fine if it is dropped by the caller.
            let _ = inner.execute(Smol, || async {});
            is_ended.happen();
        });
        let mut call = Box::pin(runtime.call(Smol, move || async move {
            let _on_drop = on_drop;
            pending::<()>().await;
        }));
        // Handed in, and cancelled before the flavour's new thread gets to it.
        let _ = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(call);
        ended.expect("the execute ends");
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// smol waits for a parallel, the parallel for tokio, tokio for smol. That the pool has another
/// worker helps nobody: the payload is on the one that waits.
fn e4_a_ring_through_one_of_several_threads_is_refused() {
    for _ in 0..50 {
        let runtime = started();
        let (held, closing, over) = (Event::new(), Event::new(), Event::new());
        let (is_held, is_closing, is_over) = (held.clone(), closing.clone(), over.clone());
        let (from_tokio, from_smol) = (runtime.clone(), runtime.clone());
        runtime
            .adopt(Tokio, move || async move {
                is_held.happen();
                closing.expect("the others are about to wait");
                let _ = from_tokio.execute(Smol, || async {});
            })
            .unwrap();
        held.expect("tokio's thread is held");
        runtime
            .adopt(Smol, move || async move {
                let from_pool = from_smol.clone();
                let _ = from_smol.execute(POOL, move || async move {
                    is_closing.happen();
                    let _ = from_pool.execute(Tokio, || async {});
                });
                is_over.happen();
            })
            .unwrap();
        over.expect("one of the three is refused");
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

/// The caller waits for nobody, so there is nothing that the end of the runtime could cancel.
fn e3_code_on_the_callers_thread_gives_its_value_also_after_the_end() {
    let runtime = started();
    let (running, over) = (Event::new(), Event::new());
    let caller = {
        let (runtime, is_running, over) = (runtime.clone(), running.clone(), over.clone());
        thread::spawn(move || {
            runtime.execute(Thread, move || {
                is_running.happen();
                over.expect("the runtime is over");
                7
            })
        })
    };
    running.expect("the code runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    over.happen();
    assert_eq!(caller.join().unwrap().unwrap(), 7);
}

fn l7_what_starts_after_the_grace_time_is_no_failure() {
    for _ in 0..50 {
        let runtime = builder().grace(Duration::ZERO).build();
        for _ in 0..60 {
            runtime
                .adopt(Thread, || Err::<(), _>("on purpose"))
                .unwrap();
        }
        // While these are launched the first fails, and with that the grace time is over.
        runtime.start().unwrap();
        let error = runtime.wait().unwrap_err();
        let mut failures = error.failures().iter();
        assert!(
            failures.all(|one| one.kind() == FailureKind::Error),
            "{error}"
        );
    }
}

fn l7_what_is_dropped_unrun_is_dropped_before_run_returns() {
    for _ in 0..20 {
        let runtime = builder().grace(Duration::ZERO).build();
        let (running, release, ended) = (Event::new(), Event::new(), Log::new());
        let (is_running, hold) = (running.clone(), release.clone());
        runtime
            .adopt(Thread, move || {
                is_running.happen();
                block_until(&hold);
            })
            .unwrap();
        runtime.start().unwrap();
        running.expect("the first one runs");
        for _ in 0..50 {
            let its = ended.clone();
            let on_drop = OnDrop(move || its.write(()));
            runtime.adopt(Thread, move || drop(on_drop)).unwrap();
        }
        runtime.shutdown();
        runtime.wait().unwrap();
        let (over, left) = (ended.read().len(), runtime.left_behind().len());
        release.happen();
        // All but the first; what was listed may have ended meanwhile.
        assert!(over + left > 50, "{over} over, {left} left behind");
    }
}
