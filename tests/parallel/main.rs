//! Flavours with several threads: tokio's multi-thread runtime, and a runtime that exists already.
//! Rows A2, E4, L5, S3 and F2, as they read for them.

mod borrowed;
#[path = "../common/mod.rs"]
mod common;
mod pools;

use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptErrorKind, ExecuteErrorKind, FailureKind, Runtime, Smol, StragglerReason, Thread, Tokio,
    TokioHandle, TokioMultiThread,
};

const POOL: TokioMultiThread = TokioMultiThread::new()
    .worker_threads(2)
    .thread_name("p::pool");
