//! Who is named when a runtime ends, and who is not. Rows S3 and S5.

mod common;

use std::future::pending;
use std::time::Duration;

use common::*;
use foster::{FailureKind, Shutdown, Smol, StragglerReason, Thread, Tokio};

on_every_flavour!(s5_a_closure_that_panics_when_dropped_unrun_is_reported);
on_async_flavours!(s3_a_holder_that_ended_in_time_is_not_named);
once!(s3_payloads_from_the_same_line_are_told_apart);

fn s5_a_closure_that_panics_when_dropped_unrun_is_reported<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let loud = OnDrop(|| panic!("dropped unrun"));
    flavour.adopt(&runtime, move || drop(loud)).unwrap();
    runtime.shutdown();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.kind(), FailureKind::Panic);
    assert_eq!(failure.message(), "dropped unrun");
}

fn s3_a_holder_that_ended_in_time_is_not_named<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_millis(50)).build();
    runtime.start().unwrap();
    let (held, ended, go) = (Event::new(), Event::new(), Event::new());
    let (is_held, has_ended) = (held.clone(), ended.clone());
    runtime
        .named("quick")
        .adopt(flavour, move || async move {
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            has_ended.happen();
        })
        .unwrap();
    held.expect("the first payload holds a token");
    let (held, its_go) = (Event::new(), go.clone());
    let is_held = held.clone();
    runtime
        .named("slow")
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the second payload holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    ended.expect("the first payload was asked");
    let named: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
    assert_eq!(named, [Some("slow")], "{error}");
}

fn s3_payloads_from_the_same_line_are_told_apart() {
    let short = Duration::from_millis(50);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    let (blocked, held, go) = (Event::new(), Event::new(), Event::new());
    for blocks in [true, false] {
        let (is_blocked, is_held, its_go) = (blocked.clone(), held.clone(), go.clone());
        let payload = move || async move {
            let _token = Shutdown::current();
            if blocks {
                is_blocked.happen();
                block_until(&its_go);
            }
            is_held.happen();
            pending::<()>().await;
        };
        let adopt = |flavour: &str| match flavour {
            "smol" => runtime.named("worker").adopt(Smol, payload),
            _ => runtime.named("worker").adopt(Tokio, payload),
        };
        adopt(if blocks { "smol" } else { "tokio" }).unwrap();
    }
    blocked.expect("the one blocks its thread");
    held.expect("the other holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    let mut named: Vec<_> = error
        .stragglers()
        .iter()
        .map(|one| (one.flavour(), one.reason()))
        .collect();
    named.sort_by_key(|(flavour, _)| *flavour);
    let blocking = StragglerReason::Blocking { others: 0 };
    let expected = [("smol", blocking), ("tokio", StragglerReason::Overran)];
    assert_eq!(named, expected, "{error}");
}
