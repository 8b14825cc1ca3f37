//! Failures and their report: all of them, in order, told at once. Rows A6 and A7.

#[path = "../common/mod.rs"]
mod common;
mod reports;
mod telling;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Wake};
use std::time::Duration;

use anyhow::Context as _;
use common::*;
use foster::{FailureKind, RunError, Shutdown, Smol, StragglerReason, Thread, Tokio};
