//! Life: when a runtime starts, runs and ends. Rows L1 to L10.

mod accepted;
mod beginnings;
#[path = "../common/mod.rs"]
mod common;
mod endings;

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier,
    Instance, Key, Reporter, RunErrorKind, Shutdown, Smol, Thread, Tokio,
};
