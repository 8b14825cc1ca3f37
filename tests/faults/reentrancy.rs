//! Handles that go where they should not: a runtime used inside its own end, or inside another's.
//! Rows L1, L2, L6, L7, E4.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use foster::{
    AdoptErrorKind, ExecuteErrorKind, RunErrorKind, Runtime, Shutdown, Smol, Thread, Tokio,
};
use futures_lite::future::block_on;

use crate::common::*;
use crate::waiting::Awaiting;
use crate::{on_awaiting_flavours, on_every_flavour};

on_every_flavour!(
    l2_run_inside_run_is_refused_and_another_runtime_is_not,
    l1_a_runtime_dropped_inside_its_own_payload_ends,
    l6_the_destructor_of_what_was_refused_may_use_the_runtime,
    e4_two_runtimes_that_execute_into_each_other_both_go_on,
);
on_awaiting_flavours!(
    l1_a_runtime_dropped_while_its_payload_is_cancelled_ends,
    l6_a_destructor_may_use_the_runtime_while_it_is_cancelled,
);

fn l2_run_inside_run_is_refused_and_another_runtime_is_not<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    let inner = runtime.clone();
    let payload = move || {
        let kind = inner.run().unwrap_err().kind();
        assert_eq!(kind, RunErrorKind::AlreadyStarted);
        let kind = inner.wait().unwrap_err().kind();
        assert_eq!(kind, RunErrorKind::InsideItself);
        let other = builder().until_idle().build();
        flavour.adopt(&other, || Err::<(), _>("its own")).unwrap();
        let error = other.run().unwrap_err();
        assert_eq!(error.failures()[0].message(), "its own");
    };
    flavour.adopt(&runtime, payload).unwrap();
    // What it asserts would be a failure here.
    runtime.run().unwrap();
}

fn l1_a_runtime_dropped_inside_its_own_payload_ends<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (alone, asked) = (Event::new(), Event::new());
    let (is_alone, is_asked, handle) = (alone.clone(), asked.clone(), runtime.clone());
    let payload = move || {
        let token = Shutdown::current();
        is_alone.expect("this is the last handle");
        assert!(!token.is_requested());
        drop(handle);
        assert!(token.is_requested(), "nobody could wait for it any more");
        is_asked.happen();
    };
    flavour.adopt(&runtime, payload).unwrap();
    let over = runtime.wait_async();
    drop(runtime);
    alone.happen();
    block_on(over).unwrap();
    assert!(asked.has_happened(), "the holder is waited for");
}

fn l1_a_runtime_dropped_while_its_payload_is_cancelled_ends<F: Awaiting>(flavour: F) {
    let runtime = started();
    let alone = Event::new();
    let is_alone = alone.clone();
    let fails = move || {
        is_alone.expect("only the other has a handle");
        Err::<(), _>("the cause")
    };
    Thread.adopt(&runtime, fails).unwrap();
    let (dropped, mut handle) = (Event::new(), Some(runtime.clone()));
    let is_dropped = dropped.clone();
    let waits = flavour.adopt_waiting(&runtime, "owner", move || {
        drop(handle.take());
        is_dropped.happen();
    });
    waits.expect("the owner waits");
    let over = runtime.wait_async();
    drop(runtime);
    alone.happen();
    let error = block_on(over).unwrap_err();
    assert!(dropped.has_happened());
    assert_eq!(error.failures().len(), 1, "{error}");
    assert!(error.stragglers().is_empty(), "{error}");
}

/// What somebody is told who uses `runtime` in every way.
fn use_in_every_way<F: AnyFlavour>(runtime: &Runtime, flavour: F) -> Vec<String> {
    let mut told = Vec::new();
    runtime.shutdown();
    let mut adopted = |result: Result<(), foster::AdoptError>| {
        told.push(format!("{:?}", result.unwrap_err().kind()));
    };
    adopted(flavour.adopt(runtime, || ()));
    adopted(Smol.adopt(runtime, || ()));
    adopted(Tokio.adopt(runtime, || ()));
    adopted(Thread.adopt(runtime, || ()));
    let mut executed = |result: Result<(), foster::ExecuteError>| {
        told.push(match result {
            Ok(()) => TAKEN.to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        });
    };
    executed(flavour.execute(runtime, || ()));
    executed(Smol.execute(runtime, || ()));
    executed(Tokio.execute(runtime, || ()));
    executed(Thread.execute(runtime, || ()));
    let mut call = Box::pin(flavour.call(runtime, || ()));
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => executed(result),
        Poll::Pending => executed(Ok(())),
    }
    told.push(format!("{:?}", runtime.run().unwrap_err().kind()));
    told
}

const TAKEN: &str = "taken";

/// Refused nine times, and neither started again nor waited for.
fn all_refused() -> Vec<String> {
    adopts_refused_and(&format!("{:?}", ExecuteErrorKind::Stopping))
}

/// As in the grace time: what has a caller is taken.
fn adopts_refused_and(executed: &str) -> Vec<String> {
    let mut told = vec![format!("{:?}", AdoptErrorKind::Stopping); 4];
    told.extend(vec![executed.to_owned(); 5]);
    told.push(format!("{:?}", RunErrorKind::AlreadyStarted));
    told
}

fn l6_a_destructor_may_use_the_runtime_while_it_is_cancelled<F: Awaiting>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    for _ in 0..10 {
        let (inner, its) = (runtime.clone(), log.clone());
        let at_end = move || its.write(use_in_every_way(&inner, flavour));
        let waits = flavour.adopt_waiting(&runtime, "reentrant", at_end);
        waits.expect("the payload waits");
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(log.read(), vec![all_refused(); 10]);
}

fn l6_the_destructor_of_what_was_refused_may_use_the_runtime<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    let holder = move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&its_go);
    };
    runtime.adopt(Thread, holder).unwrap();
    held.expect("the grace time is held open");
    runtime.shutdown();
    let log = Log::new();
    for expected in [adopts_refused_and(TAKEN), all_refused()] {
        let (inner, its) = (runtime.clone(), log.clone());
        let on_drop = OnDrop(move || its.write(use_in_every_way(&inner, flavour)));
        let error = flavour.adopt(&runtime, move || drop(on_drop)).unwrap_err();
        assert_eq!(error.kind(), AdoptErrorKind::Stopping);
        assert_eq!(log.read().pop(), Some(expected));
        // And once more when all is over.
        go.happen();
        runtime.wait().unwrap();
    }
}

/// Adopts on `own` what executes into `other`, again and again, until one of the two stops.
fn execute_into<F: AnyFlavour>(flavour: F, own: Runtime, other: Runtime, count: Arc<AtomicUsize>) {
    let (runtime, its) = (own.clone(), Arc::clone(&count));
    let payload = move || {
        match flavour.execute(&other, || ()).map_err(|error| error.kind()) {
            Ok(()) => its.fetch_add(1, SeqCst),
            // Where otherwise each would wait for the other's only thread.
            Err(ExecuteErrorKind::Deadlock) if F::IN_TURN => its.fetch_add(1, SeqCst),
            Err(ExecuteErrorKind::Stopping | ExecuteErrorKind::Cancelled) => return,
            Err(kind) => panic!("{kind:?}"),
        };
        // The other's execute gets its turn in between.
        execute_into(flavour, own, other, count);
    };
    let refused = flavour.adopt(&runtime, payload).err();
    assert!(refused.is_none_or(|error| error.kind() == AdoptErrorKind::Stopping));
}

fn e4_two_runtimes_that_execute_into_each_other_both_go_on<F: AnyFlavour>(flavour: F) {
    let (one, two) = (started(), started());
    let counts = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    execute_into(flavour, one.clone(), two.clone(), Arc::clone(&counts[0]));
    execute_into(flavour, two.clone(), one.clone(), Arc::clone(&counts[1]));
    let deadline = Instant::now() + SOON;
    while counts.iter().any(|count| count.load(SeqCst) < 200) {
        assert!(Instant::now() < deadline, "they wait for each other");
        thread::yield_now();
    }
    // One of them stops while the other may be waiting for it.
    for runtime in [two, one] {
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
