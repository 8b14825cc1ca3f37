//! Time that tests can move: sleeps, time limits and waits by a clock. Rows T1 to T3.

#[path = "../common/mod.rs"]
mod common;
mod moves;
mod sleeps;

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::services::*;
use common::*;
use foster::{Clock, Restart, Runtime, Shutdown, Smol, Thread, Tokio, UnitState};
use futures_lite::future::{block_on, poll_once, zip};

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn is_clock_at(clock: &Clock, moment: Instant) -> bool {
    clock.now() == moment
}
