//! A crate that a test only links: its service is collected across crates.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use foster::Tokio;

/// How often the service was started.
pub static STARTED: AtomicUsize = AtomicUsize::new(0);

#[foster::service(flavour = Tokio, linked)]
async fn elsewhere() {
    STARTED.fetch_add(1, SeqCst);
}
