//! Reload where it is inconvenient: while the runtime starts, stops or reloads, and of services that begin or end meanwhile.
//! Rows R6 and R7, and what R3 says of runs that end.

#[path = "../common/mod.rs"]
mod common;
mod runs;
mod runtimes;

use std::sync::Arc;
use std::time::Duration;

use common::reloads::*;
use common::services::*;
use common::*;
use foster::{
    Ready, Reload, ReloadErrorKind, ReloadOutcome, ReloadReport, Restart, Runtime, Shutdown, Smol,
    Thread, Tokio, UnitState, service,
};
use futures_lite::future::block_on;
use tokio::sync::Notify;

fn names(report: &ReloadReport) -> Vec<&str> {
    report.services().iter().map(|one| one.name()).collect()
}

#[track_caller]
fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}
