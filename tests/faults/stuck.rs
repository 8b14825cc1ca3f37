//! Code that never comes back, and an executor that is gone. Rows S3, E5, F2.

use std::sync::Arc;
use std::task::{Context, Wake};
use std::thread;
use std::time::{Duration, Instant};

use foster::{
    ExecuteErrorKind, FailureKind, Runtime, Shutdown, Smol, StragglerReason, Thread, Tokio,
};

use crate::common::*;
use crate::waiting::Awaiting;
use crate::{on_awaiting_flavours, on_every_flavour, once};

on_every_flavour!(
    s3_a_payload_that_blocks_for_ever_holds_up_no_other_flavour,
    s3_a_payload_that_blocks_once_it_is_asked_is_a_straggler,
);
on_awaiting_flavours!(s3_a_destructor_that_blocks_for_ever_is_named_and_no_other);
once!(f2_an_executor_that_a_waker_has_killed_is_reported_with_its_payloads);

/// A runtime with little patience, which runs.
fn hasty() -> Runtime {
    let runtime = builder()
        .grace(Duration::from_millis(50))
        // Enough for what is healthy to end in, on a machine that has much else to do.
        .cancel_timeout(Duration::from_millis(500))
        .build();
    runtime.start().unwrap();
    runtime
}

fn s3_a_payload_that_blocks_for_ever_holds_up_no_other_flavour<F: AnyFlavour>(flavour: F) {
    let runtime = hasty();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    let blocks = move || {
        let _token = Shutdown::current();
        is_blocked.happen();
        block_until(&its_go);
    };
    flavour.adopt_named(&runtime, "blocks", blocks).unwrap();
    blocked.expect("the payload blocks");
    // While it does, all else goes on, and an adopt behind it waits for nothing.
    if F::NAME != Smol::NAME {
        assert_eq!(Smol.execute(&runtime, || 1).unwrap(), 1);
    }
    if F::NAME != Tokio::NAME {
        assert_eq!(Tokio.execute(&runtime, || 2).unwrap(), 2);
    }
    assert_eq!(Thread.execute(&runtime, || 3).unwrap(), 3);
    match F::IN_TURN {
        true => flavour.adopt(&runtime, || ()).unwrap(),
        false => flavour.execute(&runtime, || ()).unwrap(),
    }
    let fails = || Err::<(), _>("the cause");
    Thread.adopt_named(&runtime, "fails", fails).unwrap();
    let start = Instant::now();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    let [cause] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(cause.payload(), "fails");
    let [blocks] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocks.payload(), Some("blocks"));
    assert_eq!(blocks.flavour(), F::NAME);
    go.happen();
}

fn s3_a_payload_that_blocks_once_it_is_asked_is_a_straggler<F: AnyFlavour>(flavour: F) {
    let runtime = hasty();
    let (held, blocked, go) = (Event::new(), Event::new(), Event::new());
    let (is_held, is_blocked, its_go) = (held.clone(), blocked.clone(), go.clone());
    let blocks = move || {
        let token = Shutdown::current();
        is_held.happen();
        assert!(token.wait_timeout(SOON));
        is_blocked.happen();
        block_until(&its_go);
    };
    flavour.adopt_named(&runtime, "blocks", blocks).unwrap();
    held.expect("the payload holds a token");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    blocked.expect("it was asked");
    let [blocks] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocks.payload(), Some("blocks"));
    assert_eq!(blocks.flavour(), F::NAME);
    assert!(error.failures().is_empty(), "{error}");
    go.happen();
}

fn s3_a_destructor_that_blocks_for_ever_is_named_and_no_other<F: Awaiting>(flavour: F) {
    let runtime = hasty();
    let (blocked, go, other) = (Event::new(), Event::new(), Event::new());
    let (is_blocked, its_go, is_dropped) = (blocked.clone(), go.clone(), other.clone());
    let waits = flavour.adopt_waiting(&runtime, "blocks", move || {
        is_blocked.happen();
        block_until(&its_go);
    });
    waits.expect("the payload waits");
    // A neighbour on a flavour that is not held up.
    let waits = match F::NAME {
        Smol::NAME => Tokio.adopt_waiting(&runtime, "other", move || is_dropped.happen()),
        _ => Smol.adopt_waiting(&runtime, "other", move || is_dropped.happen()),
    };
    waits.expect("the other waits");
    let (inner, key) = (runtime.clone(), flavour);
    let caller = thread::spawn(move || {
        // Waits for a payload whose end is behind the destructor's, where they come in turn.
        let mut result = Ok(());
        while result.is_ok() {
            result = key.execute(&inner, || ());
        }
        result.unwrap_err().kind()
    });
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    assert!(blocked.has_happened(), "it was cancelled");
    assert!(other.has_happened(), "the other was cancelled as well");
    let [blocks] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocks.payload(), Some("blocks"));
    assert!(
        matches!(blocks.reason(), StragglerReason::Blocking { .. }),
        "{error}"
    );
    assert!(error.failures().is_empty(), "{error}");
    let kind = caller.join().unwrap();
    assert!(
        matches!(
            kind,
            ExecuteErrorKind::Stopping | ExecuteErrorKind::Cancelled
        ),
        "{kind:?}"
    );
    go.happen();
}

/// A waker whose panic tokio's timers let through to whoever drives them.
struct Deadly;

impl Wake for Deadly {
    fn wake(self: Arc<Self>) {
        panic!("a deadly wake");
    }
}

/// A fault of the executor's own, brought about by a payload: tokio's thread goes down with all that
/// is on it.
fn f2_an_executor_that_a_waker_has_killed_is_reported_with_its_payloads() {
    let runtime = started();
    let waits = Tokio.adopt_waiting(&runtime, "one", || {});
    waits.expect("the first waits");
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    let waits = Smol.adopt_waiting(&runtime, "healthy", move || is_dropped.happen());
    waits.expect("the one on the other flavour waits");
    let inner = runtime.clone();
    let caller = thread::spawn(move || inner.execute(Tokio, std::future::pending::<()>));
    runtime
        .named("killer")
        .adopt(Tokio, || async {
            let mut timer = Box::pin(tokio::time::sleep(Duration::from_millis(1)));
            let waker = Arc::new(Deadly).into();
            let _ = timer.as_mut().poll(&mut Context::from_waker(&waker));
            std::future::pending::<()>().await;
        })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    let cause = &error.failures()[0];
    assert_eq!(cause.kind(), FailureKind::Lost, "{error}");
    assert_eq!(cause.flavour(), "tokio");
    assert!(cause.message().contains("a deadly wake"), "{error}");
    for name in ["one", "killer"] {
        let failures = error.failures().iter();
        let told: Vec<_> = failures.filter(|one| one.payload() == name).collect();
        assert_eq!(told.len(), 1, "{error}");
        assert_eq!(told[0].kind(), FailureKind::Lost, "{error}");
    }
    assert!(error.stragglers().is_empty(), "{error}");
    assert!(dropped.has_happened(), "the other flavour ends in order");
    let kind = caller.join().unwrap().unwrap_err().kind();
    assert!(
        matches!(
            kind,
            ExecuteErrorKind::Stopping | ExecuteErrorKind::Cancelled
        ),
        "{kind:?}"
    );
}
