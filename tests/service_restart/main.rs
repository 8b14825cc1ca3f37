//! Restarts: policies, delays, limits, and restarts by hand. Rows V5 to V7.

mod by_hand;
#[path = "../common/mod.rs"]
mod common;
mod policies;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{
    Clock, Exit, FailureKind, Restart, Runtime, ServeErrorKind, Settings, Shutdown, Smol, Thread,
    Tokio, Unit, UnitState, service,
};

const SECOND: Duration = Duration::from_secs(1);

fn by(clock: &Clock) -> Runtime {
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    runtime
}

/// Fails at once, as often as it starts up to `times`, and holds from then on.
fn failing(runtime: &Runtime, settings: Settings, times: usize) -> (Unit, Arc<AtomicUsize>) {
    let starts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&starts);
    let run = move || {
        let start = count.fetch_add(1, SeqCst);
        async move {
            if start < times {
                return Err::<(), _>(format!("failure {}", start + 1));
            }
            pending().await
        }
    };
    let unit = runtime.serve(service(Smol, run).with(settings)).unwrap();
    (unit, starts)
}

fn exactly() -> Restart {
    Restart::on_failure()
        .jitter(0.0)
        .delay(SECOND)
        .max_delay(8 * SECOND)
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}
