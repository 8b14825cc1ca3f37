//! Examples that are ended by signals, as real processes.

#![cfg(unix)]

mod child;
mod http;
mod http_service;
mod readme;
mod socket_activated;

use std::thread;
use std::time::{Duration, Instant};

/// Waits until `holds`, and fails if it does not soon.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let by = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < by, "not in time: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
