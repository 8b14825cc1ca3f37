//! Destructors of thread-locals, which run after a thread's last line. Rows L5 and S3.

mod common;

use std::cell::RefCell;
use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::*;
use foster::{RunError, Straggler, StragglerReason, Thread};

on_every_flavour!(s3_a_destructor_of_a_thread_local_that_blocks_holds_up_nothing,);
on_async_flavours!(l5_a_thread_that_a_cancelled_payload_lets_go_has_ended,);

/// Calls its closure when it is dropped.
type AtEnd = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static LOCAL: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Has `code` run by the destructor of a local of the calling thread.
fn at_end_of_thread(code: impl FnMut() + 'static) {
    LOCAL.with(|local| *local.borrow_mut() = Some(OnDrop(Box::new(code))));
}

/// One of these tests at a time: on Windows no thread starts while the locals of another one are dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn s3_a_destructor_of_a_thread_local_that_blocks_holds_up_nothing<F: AnyFlavour>(flavour: F) {
    let _alone = alone();
    let short = Duration::from_millis(100);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    let go = Event::new();
    let its_go = go.clone();
    flavour
        .adopt(&runtime, move || {
            at_end_of_thread(move || block_until(&its_go))
        })
        .unwrap();
    // A healthy flavour beside it.
    runtime
        .adopt(
            foster::Instance::new(foster::Smol, "s::healthy"),
            pending::<()>,
        )
        .unwrap();
    let start = Instant::now();
    runtime.shutdown();
    let result = runtime.wait();
    assert!(start.elapsed() < SOON / 4, "{:?}", start.elapsed());
    go.happen();
    // On Windows no other thread ends before that one, be it ever so healthy.
    let is_held_up = |one: &Straggler| cfg!(windows) && one.flavour() == "s::healthy";
    let error = result.err();
    let stragglers = error.iter().flat_map(RunError::stragglers);
    let stragglers: Vec<_> = stragglers.filter(|one| !is_held_up(one)).collect();
    match stragglers[..] {
        // A build with GNU's tools cannot always tell the end of a worker from that of its locals.
        [] if cfg!(all(windows, target_env = "gnu")) => assert!(!F::IN_TURN),
        // A subroutine is over when it returns; its thread is nobody's executor.
        [] => assert_eq!(F::NAME, "std::thread"),
        [straggler] => {
            assert_eq!(straggler.flavour(), F::NAME);
            assert_eq!(straggler.reason(), StragglerReason::Thread);
        }
        _ => panic!("one straggler, not {stragglers:?}"),
    }
    let failures = error.iter().flat_map(RunError::failures);
    assert_eq!(failures.count(), 0);
}

fn l5_a_thread_that_a_cancelled_payload_lets_go_has_ended<F: AsyncFlavour>(flavour: F) {
    let _alone = alone();
    let runtime = runtime();
    runtime.start().unwrap();
    let (runs, may_end) = (Event::new(), Event::new());
    let (leaves, may_leave) = (Event::new(), Event::new());
    let ends = leaves.clone();
    let deaf = {
        let (runs, may_end) = (runs.clone(), may_end.clone());
        let (leaves, may_leave) = (leaves.clone(), may_leave.clone());
        move || {
            at_end_of_thread(move || {
                leaves.happen();
                block_until(&may_leave);
            });
            runs.happen();
            block_until(&may_end);
        }
    };
    // On the flavour that is known first.
    runtime.adopt(Thread, deaf).unwrap();
    runs.expect("it has its thread");
    let polled = Event::new();
    let is_polled = polled.clone();
    runtime
        .adopt(flavour, move || async move {
            let _at_end = OnDrop(move || {
                may_end.happen();
                block_until(&ends);
            });
            is_polled.happen();
            pending::<()>().await;
        })
        .unwrap();
    polled.expect("it is polled");
    runtime.shutdown();
    leaves.expect("the thread comes to its end");
    let (over, waiter) = wait_apart(runtime);
    let at_once = over.happens_within(Duration::from_millis(100));
    may_leave.happen();
    assert!(!at_once, "its thread is still there");
    waiter.join().unwrap().unwrap();
}
