//! Shutdown: the order of the end, tokens, stragglers. Rows S1 to S3, S5, and L7's limit.

#[path = "../common/mod.rs"]
mod common;
mod dropped;
mod stragglers;
mod times;
mod tokens;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{Clock, FailureKind, Shutdown, Smol, StragglerReason, Thread, Tokio};
