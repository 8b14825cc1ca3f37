//! Destructors of thread-locals, which run after a thread's last line. Row S3.

mod common;

use std::cell::RefCell;
use std::future::pending;
use std::time::{Duration, Instant};

use common::*;
use foster::StragglerReason;

on_every_flavour!(s3_a_destructor_of_a_thread_local_that_blocks_holds_up_nothing,);

/// Calls its closure when it is dropped.
type AtEnd = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static LOCAL: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// Has `code` run by the destructor of a local of the calling thread.
fn at_end_of_thread(code: impl FnMut() + 'static) {
    LOCAL.with(|local| *local.borrow_mut() = Some(OnDrop(Box::new(code))));
}

fn s3_a_destructor_of_a_thread_local_that_blocks_holds_up_nothing<F: AnyFlavour>(flavour: F) {
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
    match result {
        // A subroutine is over when it returns; its thread is nobody's executor.
        Ok(()) => assert_eq!(F::NAME, "std::thread"),
        Err(error) => {
            let [straggler] = error.stragglers() else {
                panic!("one straggler, not {error}");
            };
            assert_eq!(straggler.flavour(), F::NAME);
            assert_eq!(straggler.reason(), StragglerReason::Thread);
        }
    }
    go.happen();
}
