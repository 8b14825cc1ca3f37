//! The stop: told once, with more time as long as it goes on.

use std::time::{Duration, Instant};

use crate::child::{Playing, SOON};
use crate::server::{Server, Told};

/// A second between two looks, and another one for a busy machine.
const HANGS: Duration = Duration::from_millis(2_500);

fn extends(told: &Told) -> bool {
    told.value("EXTEND_TIMEOUT_USEC").is_some()
}

/// Listens until a stop that hangs has been silent for some looks.
fn until_it_hangs(server: &mut Server) {
    let by = Instant::now() + SOON;
    while let Some(told) = server.next(Instant::now() + HANGS) {
        assert!(
            Instant::now() < by,
            "time is asked for again and again: {told:?}"
        );
    }
}

pub fn time_is_asked_for_while_a_stop_proceeds_and_not_while_it_hangs() {
    let mut server = Server::new();
    let mut child = Playing::new("slow", &server);
    server.until_line("READY=1");
    for _ in 0..3 {
        child.line("holds ");
    }
    child.signal("TERM");
    let stopping = server.until_line("STOPPING=1");
    assert!(
        stopping.status_has("stopping (SIGTERM): waits for "),
        "{stopping:?}"
    );
    for (name, left) in [("one", ["two", "three"].as_slice()), ("two", &["three"])] {
        until_it_hangs(&mut server);
        server.never(HANGS, "it hangs", extends);
        let before = server.heard.len();
        child.say(name);
        let told = server.until("a step is told", extends);
        assert_eq!(told.value("EXTEND_TIMEOUT_USEC"), Some("10000000"));
        // Of the line, too, who has ended is gone.
        if !told.status_has("waits for") {
            server.until("who is left", |told| told.status_has("waits for"));
        }
        let status = server.heard[before..].iter().rev();
        let status = status
            .filter_map(|told| told.value("STATUS"))
            .next()
            .unwrap();
        assert!(left.iter().all(|one| status.contains(one)), "{status}");
        assert!(!status.contains(name), "{status}");
    }
    child.say("three");
    child.ends_well();
    server.drain();
    assert_eq!(server.count("STOPPING=1"), 1);
}

pub fn a_stop_waits_for_nobody_who_looks_on() {
    let mut server = Server::new();
    let child = Playing::new("quiet", &server);
    server.until_line("READY=1");
    let began = Instant::now();
    child.signal("TERM");
    child.ends_well();
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    server.drain();
    assert_eq!(server.count("STOPPING=1"), 1);
}

pub fn the_end_of_the_grace_time_leaves_time_for_the_cancel() {
    let mut server = Server::new();
    let mut child = Playing::new("cut", &server);
    server.until_line("READY=1");
    for _ in 0..3 {
        child.line("holds ");
    }
    let began = Instant::now();
    child.signal("TERM");
    server.until_line("STOPPING=1");
    // Nobody is told to end. The grace time is 2 s, of which nothing moves.
    let last = server.until("the last message", extends);
    assert_eq!(last.value("EXTEND_TIMEOUT_USEC"), Some("10000000"));
    let passed = last.at - began;
    let (least, most) = (Duration::from_millis(1_500), Duration::from_secs(4));
    assert!(least < passed && passed < most, "{passed:?}");
    let (status, errors) = child.end();
    assert!(!status.success(), "{errors}");
    assert!(
        !errors.contains("`systemd`"),
        "it overran nothing: {errors}"
    );
}

pub fn a_failure_is_the_cause_that_is_told() {
    let mut server = Server::new();
    let mut child = Playing::new("failing", &server);
    child.say("fail");
    let stopping = server.until_line("STOPPING=1");
    assert!(
        stopping.status_has("stopping (service `fails` on std::thread failed"),
        "{stopping:?}"
    );
    let (status, _) = child.end();
    assert_eq!(status.code(), Some(1));
}

pub fn a_drain_is_told_with_its_time() {
    let mut server = Server::new();
    let mut child = Playing::new("draining", &server);
    child.line("runs");
    server.until_line("READY=1");
    let began = Instant::now();
    child.signal("TERM");
    let stopping = server.until_line("STOPPING=1");
    assert!(
        stopping.at - began < Duration::from_secs(1),
        "not before its end"
    );
    assert_eq!(stopping.value("STATUS"), Some("draining, 3 s left"));
    let time: u64 = stopping
        .value("EXTEND_TIMEOUT_USEC")
        .unwrap()
        .parse()
        .unwrap();
    assert!((10_000_000..=13_000_000).contains(&time), "{time}");
    server.until("it counts down", |told| {
        told.value("STATUS") == Some("draining, 1 s left")
    });
    server.until("the stop", |told| told.status_has("stopping (SIGTERM)"));
    child.ends_well();
    assert!(began.elapsed() >= Duration::from_secs(3));
    server.drain();
    assert_eq!(server.count("STOPPING=1"), 1);
}
