//! Limits of groups: what is refused, who waits for a place, and when one is free. Row G5.

#[path = "../common/mod.rs"]
mod common;
mod counts;
mod deadlocks;
mod ends;
mod waits;

use std::future::pending;
use std::time::Duration;

use common::groups::*;
use common::services::*;
use common::trees::*;
use common::*;
use foster::{
    AdoptErrorKind, ExecuteErrorKind, Group, PlaceErrorKind, Restart, ServeErrorKind, Shutdown,
    Smol, Thread, UnitState,
};
use futures_lite::future::{block_on, or, poll_once, zip};

fn limited(runtime: &foster::Runtime, limit: usize) -> Group {
    runtime.group("limited").limit(limit).create().unwrap()
}
