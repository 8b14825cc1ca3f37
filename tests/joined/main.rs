//! Children that are joined: started before anybody waits for them, waited for on a thread, and their panics as values. Row
//! E7, and what E4 and E5 say of those who wait.

mod children;
#[path = "../common/mod.rs"]
mod common;
mod waits;

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{Call, ExecuteError, ExecuteErrorKind, FailureKind, Smol, Thread, Tokio};
use futures_lite::future::{block_on, yield_now};
