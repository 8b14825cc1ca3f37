//! Reloads, as `Type=notify-reload` wants them.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::child::Playing;
use crate::server::{Server, Told};

const WATCHED: Duration = Duration::from_millis(400);

/// CLOCK_MONOTONIC in microseconds, which all processes of a machine share.
fn now() -> u128 {
    let now = Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
    now.as_micros()
}

/// That it is a moment since `before`.
fn assert_is_since(told: &Told, before: u128) {
    let at: u128 = told.value("MONOTONIC_USEC").unwrap().parse().unwrap();
    assert!(before <= at && at <= now(), "{before} {told:?} {}", now());
}

pub fn a_reload_is_told_from_its_beginning_to_its_end() {
    let mut server = Server::new();
    let mut child = Playing::new("reloading", &server);
    server.until_line("READY=1");
    for round in 1..=2 {
        let before = now();
        child.signal("HUP");
        child.line(&format!("reads {round}"));
        let reloading = server.until_line("RELOADING=1");
        assert_is_since(&reloading, before);
        assert!(reloading.status_has("reloading; running"), "{reloading:?}");
        server.never(WATCHED, "it reloads", |told| told.has("READY=1"));
        child.say(&format!("read {round}"));
        let ready = server.until_line("READY=1");
        assert_eq!(ready.value("STATUS"), Some("running: 1 service"));
        // Signals that come within 200 ms count once.
        server.never(WATCHED, "it has reloaded", |told| told.has("READY=1"));
    }
    child.signal("TERM");
    server.until_line("STOPPING=1");
    child.ends_well();
    server.drain();
    assert_eq!(
        (server.count("RELOADING=1"), server.count("READY=1")),
        (2, 3)
    );
}

pub fn one_of_two_requests_at_once_is_told_for_each_round() {
    let mut server = Server::new();
    let mut child = Playing::new("reloading", &server);
    server.until_line("READY=1");
    child.signal("HUP");
    child.line("reads 1");
    server.until_line("RELOADING=1");
    server.never(WATCHED, "it reloads", |told| told.has("READY=1"));
    let before = now();
    child.signal("HUP");
    server.never(WATCHED, "it reloads", |told| told.has("RELOADING=1"));
    child.say("read 1");
    server.until_line("READY=1");
    // The second one was asked for in the first: it is another, with a time of its own.
    let second = server.until_line("RELOADING=1");
    assert_is_since(&second, before);
    child.line("reads 2");
    child.say("read 2");
    server.until_line("READY=1");
    child.signal("TERM");
    child.ends_well();
}
