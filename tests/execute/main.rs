//! Execute and call: values, panics, cancelled callers; and both while the runtime stops. Rows E1 to E3, E5, E6, L7.

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod executes;
mod stopping;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{Call, ExecuteErrorKind, FailureKind, Shutdown, Smol, Thread, Tokio};
use futures_lite::future::block_on;

fn panic_of<R>(code: impl FnOnce() -> R) -> Option<&'static str> {
    let panic = catch_unwind(AssertUnwindSafe(code)).err()?;
    panic.downcast_ref::<&'static str>().copied()
}

/// A runtime with little patience whose flavour is stuck until the event.
fn stuck<F: AsyncFlavour>(flavour: F) -> (foster::Runtime, Event) {
    let runtime = builder()
        .grace(Duration::from_millis(20))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .named("stuck")
        .adopt(flavour, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour is blocked");
    (runtime, go)
}
