//! Units that one can manage: whose failure is their own affair, who starts without whom, and who is started again. Rows V16
//! and V17.

#[path = "../common/mod.rs"]
mod common;
mod owned;
mod readiness;
mod startable;
mod tolerated;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::services::*;
use common::*;
use foster::{
    Clock, Coroutine, FailureKind, OwnedService, Permanent, Ready, ReadyErrorKind, Restart, Run,
    ServeErrorKind, Shutdown, Smol, Thread, Tokio, TokioMultiThread, UnitState, service_once,
};
use futures_lite::future::block_on;

async fn until_asked() {
    Shutdown::current().requested().await;
}
