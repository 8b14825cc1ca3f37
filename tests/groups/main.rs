//! Groups: parts of a runtime with an end of their own. Rows G1 to G5.
//!
//! `ends`, `runs` and `failures` are the rows one by one; `tree_…` what the suites of other supervisors assert of parents and
//! children; `misused_…` groups in the hands of those who do what they should not; `many` what grows; `refusals` what is
//! given back, `over` what is left of those that are over; `order`, `readiness` and `finishing` their order and their
//! states; `by_hand` children that their parent ends itself.

mod by_hand;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod failures;
mod finishing;
mod many;
mod misused_ends;
mod misused_failures;
mod misused_runs;
mod order;
mod over;
mod readiness;
mod refusals;
mod runs;
mod tree_ends;
mod tree_failures;
mod tree_runs;

use std::future::{Future, pending};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::groups::*;
use common::services::*;
use common::trees::*;
use common::*;
use foster::{
    AdoptErrorKind, Clock, ExecuteErrorKind, Exit, FailureKind, Group, GroupErrorKind,
    PlaceErrorKind, ReadyErrorKind, Restart, Runtime, ServeErrorKind, Shutdown, Smol,
    StragglerReason, Thread, Tokio, UnitState, service, service_once,
};
use futures_lite::future::{block_on, poll_once};

/// Waits until the group is over.
#[track_caller]
fn expect_over(group: &Group, state: UnitState) {
    assert!(group.wait_stopped(SOON), "{group:?} is over");
    assert_eq!(group.state(), state);
}

#[track_caller]
fn goes_on(runtime: &Runtime) {
    runtime.execute(Thread, || ()).expect("the runtime goes on");
}

#[track_caller]
fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[track_caller]
fn child_runs(runtime: &Runtime, path: &str) {
    let unit = runtime.unit_named(path).expect("it is known");
    expect("it runs", || unit.state() == UnitState::Running);
}

/// How many threads a test may well have.
fn many<F: Host>() -> usize {
    match F::NAME == <Thread as AnyFlavour>::NAME {
        true => 200,
        false => 1_000,
    }
}

fn is_thread<F: Host>() -> bool {
    F::NAME == <Thread as AnyFlavour>::NAME
}
