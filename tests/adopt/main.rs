//! Adopt: what runs where, what it may return, and how its failure is told. Rows A1 to A5, A8.

#[path = "../common/mod.rs"]
mod common;
mod outcomes;
mod runs;

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{FailureKind, Runtime, Shutdown, Smol, Thread, Tokio};
