//! Executes that could never end: they are refused, and all others are not. Row E4.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Instant;

use common::*;
use foster::{ExecuteErrorKind, Instance, Smol, Thread, Tokio, TokioMultiThread};

on_async_flavours!(
    e4_execute_on_the_own_flavour_is_refused,
    e4_execute_in_a_task_beside_the_payloads_is_refused,
    e4_an_execute_that_was_refused_stands_in_nobodys_way,
);
once!(
    e4_a_ring_of_executes_is_refused_and_named,
    e4_a_ring_over_two_runtimes_is_refused,
    e4_a_ring_through_threads_is_refused,
    e4_two_halves_of_a_ring_never_both_wait,
    e4_a_chain_that_is_no_ring_is_fine,
    e4_the_end_of_an_inner_execute_leaves_the_outer_one_in_the_ring,
);

fn e4_execute_on_the_own_flavour_is_refused<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let inner = runtime.clone();
    let error = runtime
        .named("outer")
        .execute(flavour, move || async move {
            inner.execute(flavour, || async {}).unwrap_err()
        })
        .unwrap();
    assert_eq!(error.kind(), ExecuteErrorKind::Deadlock);
    let text = error.to_string();
    assert!(
        text.contains("deadlock") && text.contains(F::NAME),
        "{text}"
    );
    assert!(text.contains("outer"), "{text}");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_execute_in_a_task_beside_the_payloads_is_refused<F: AsyncFlavour>(_: F) {
    let runtime = started();
    let inner = runtime.clone();
    // No payload is current in a spawned task, but it runs on the flavour's only thread.
    let kind = runtime
        .execute(Tokio, move || async move {
            let task = async move { inner.execute(Tokio, || async {}).unwrap_err().kind() };
            tokio::task::spawn_local(task).await.unwrap()
        })
        .unwrap();
    assert_eq!(kind, ExecuteErrorKind::Deadlock);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_a_ring_of_executes_is_refused_and_named() {
    let runtime = started();
    let (outer, inner) = (runtime.clone(), runtime.clone());
    let error = runtime
        .named("one")
        .execute(Smol, move || async move {
            outer
                .named("two")
                .execute(Tokio, move || async move {
                    inner.named("three").execute(Smol, || async {}).unwrap_err()
                })
                .unwrap()
        })
        .unwrap();
    assert_eq!(error.kind(), ExecuteErrorKind::Deadlock);
    let text = error.to_string();
    for part in ["one", "two", "three", "smol", "tokio", "call"] {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
    // The ring is gone with the waits.
    assert_eq!(runtime.execute(Smol, || async { 1 }).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_a_ring_over_two_runtimes_is_refused() {
    let (one, two) = (started(), started());
    let (to_two, back_to_one) = (two.clone(), one.clone());
    let kind = one
        .execute(Smol, move || async move {
            to_two
                .execute(Smol, move || async move {
                    back_to_one.execute(Smol, || async {}).unwrap_err().kind()
                })
                .unwrap()
        })
        .unwrap();
    assert_eq!(kind, ExecuteErrorKind::Deadlock);
    for runtime in [one, two] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

fn e4_a_ring_through_threads_is_refused() {
    let runtime = started();
    let [a, b, c] = [(); 3].map(|()| runtime.clone());
    let kind = runtime
        .execute(Smol, move || async move {
            a.execute(Thread, move || {
                b.execute(Tokio, move || async move {
                    c.execute(Smol, || async {}).unwrap_err().kind()
                })
                .unwrap()
            })
            .unwrap()
        })
        .unwrap();
    assert_eq!(kind, ExecuteErrorKind::Deadlock);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_two_halves_of_a_ring_never_both_wait() {
    let runtime = started();
    // Both flavours execute into each other at the same time, again and again: at least one of the
    // two must be refused whenever they meet, and nobody hangs.
    let rounds = 200;
    let done = Arc::new(AtomicUsize::new(0));
    let (one, two) = (runtime.clone(), runtime.clone());
    let (one_done, two_done) = (Arc::clone(&done), Arc::clone(&done));
    runtime
        .adopt(Smol, move || async move {
            for _ in 0..rounds {
                let _ = one.execute(Tokio, || async {});
                one_done.fetch_add(1, SeqCst);
                futures_lite::future::yield_now().await;
            }
        })
        .unwrap();
    runtime
        .adopt(Tokio, move || async move {
            for _ in 0..rounds {
                let _ = two.execute(Smol, || async {});
                two_done.fetch_add(1, SeqCst);
                tokio::task::yield_now().await;
            }
        })
        .unwrap();
    let deadline = Instant::now() + SOON;
    while done.load(SeqCst) < 2 * rounds {
        assert!(Instant::now() < deadline, "they wait for each other");
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

const OTHER: Instance<Smol> = Instance::new(Smol, "smol::other");

fn e4_a_chain_that_is_no_ring_is_fine() {
    let runtime = started();
    let (a, b) = (runtime.clone(), runtime.clone());
    let value = runtime.execute(Smol, move || async move {
        a.execute(OTHER, move || async move {
            b.execute(Tokio, || async { 3 }).unwrap()
        })
        .unwrap()
    });
    assert_eq!(value.unwrap(), 3);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_an_execute_that_was_refused_stands_in_nobodys_way<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let [own, outer, inner, back] = [(); 4].map(|()| runtime.clone());
    // Alone, and in a ring that others close.
    let kinds = runtime.execute(flavour, move || async move {
        let own = own.execute(flavour, || async {}).unwrap_err().kind();
        let ring = outer.execute(OTHER, move || async move {
            inner.execute(flavour, || async {}).unwrap_err().kind()
        });
        [own, ring.unwrap()]
    });
    assert_eq!(kinds.unwrap(), [ExecuteErrorKind::Deadlock; 2]);
    // Neither flavour's thread waits for anything now, so that payloads of each may wait for the other.
    let there = back.clone();
    let value = runtime.execute(OTHER, move || async move {
        there.execute(flavour, || async { 1 }).unwrap()
    });
    assert_eq!(value.unwrap(), 1);
    let value = runtime.execute(flavour, move || async move {
        back.execute(OTHER, || async { 2 }).unwrap()
    });
    assert_eq!(value.unwrap(), 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e4_the_end_of_an_inner_execute_leaves_the_outer_one_in_the_ring() {
    // With a thread to spare, so that only who is in the payload tells that it waits.
    let several = TokioMultiThread::new().worker_threads(2);
    let runtime = started();
    let [a, b, c] = [(); 3].map(|()| runtime.clone());
    let kind = runtime.execute(Smol, move || async move {
        let through = a.execute(several, move || async move {
            let code = move || {
                c.execute(Tokio, || async {}).unwrap();
                c.execute(Smol, || async {}).unwrap_err().kind()
            };
            b.execute(Thread, code).unwrap()
        });
        through.unwrap()
    });
    assert_eq!(kind.unwrap(), ExecuteErrorKind::Deadlock);
    runtime.shutdown();
    runtime.wait().unwrap();
}
