//! The start: who is waited for, and when all are ready.

use std::fs;
use std::time::{Duration, Instant};

use crate::child::{Playing, SOON, command};
use crate::server::Server;

/// For how long is watched that something does not happen.
const WATCHED: Duration = Duration::from_millis(400);

fn three_units(mut server: Server) {
    let mut child = Playing::new("three", &server);
    let units = ["first", "second", "third"];
    for (index, unit) in units.iter().enumerate() {
        let awaited = format!("starting: waits for {}", units[index..].join(", "));
        server.until(&awaited, |told| told.value("STATUS") == Some(&awaited));
        server.never(WATCHED, "one is not ready", |told| told.has("READY=1"));
        child.say(unit);
    }
    let ready = server.until_line("READY=1");
    assert_eq!(ready.value("STATUS"), Some("running: 3 services"));
    server.never(WATCHED, "it was ready", |told| told.has("READY=1"));
    child.signal("TERM");
    let stopping = server.until_line("STOPPING=1");
    assert!(stopping.status_has("stopping (SIGTERM)"), "{stopping:?}");
    child.ends_well();
    server.drain();
    assert_eq!(
        (server.count("READY=1"), server.count("STOPPING=1")),
        (1, 1)
    );
    assert_eq!(server.count("WATCHDOG=1"), 0);
}

pub fn ready_comes_after_the_last_unit_and_not_before() {
    three_units(Server::new());
}

pub fn an_abstract_address_is_as_good_as_a_path() {
    three_units(Server::without_path());
}

pub fn without_a_socket_nothing_is_served() {
    let mut child = Playing::start(&mut command("nothing"));
    child.line("runs");
    child.signal("TERM");
    child.ends_well();
    // Of an empty one it is the same.
    let mut child = Playing::start(command("nothing").env("NOTIFY_SOCKET", ""));
    child.line("runs");
    child.signal("TERM");
    child.ends_well();
}

pub fn a_failure_at_the_start_is_no_readiness() {
    let mut server = Server::new();
    let mut child = Playing::new("failing", &server);
    server.until("it starts", |told| told.status_has("waits for never"));
    child.say("fail");
    let stopping = server.until_line("STOPPING=1");
    assert!(stopping.status_has("`fails`"), "{stopping:?}");
    let (status, errors) = child.end();
    assert!(!status.success());
    assert!(errors.contains("no space left"), "{errors}");
    server.drain();
    assert_eq!(server.count("READY=1"), 0);
}

pub fn a_runtime_that_is_idle_ends_all_the_same() {
    let mut server = Server::new();
    let mut child = Playing::new("idle", &server);
    server.until_line("READY=1");
    child.say("end");
    child.ends_well();
}

/// How often threads of a process have gone to sleep.
fn sleeps(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"))
        .unwrap()
        .flatten();
    let status = threads.filter_map(|one| fs::read_to_string(one.path().join("status")).ok());
    let count = |status: String| -> Option<u64> {
        let mut lines = status.lines();
        let line = lines.find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().last()?.parse().ok()
    };
    status.filter_map(count).sum()
}

pub fn nothing_wakes_up_while_nothing_changes() {
    let mut server = Server::new();
    let child = Playing::new("quiet", &server);
    server.until_line("READY=1");
    // The last looks for stalls, and threads that end, come some time after the start.
    let by = Instant::now() + SOON;
    loop {
        let before = sleeps(child.id());
        server.drain();
        server.never(Duration::from_secs(3), "all sleep", |told| {
            told.has("WATCHDOG=1")
        });
        if sleeps(child.id()) == before {
            break;
        }
        assert!(Instant::now() < by, "something wakes up again and again");
    }
    child.signal("TERM");
    server.until_line("STOPPING=1");
    child.ends_well();
}
