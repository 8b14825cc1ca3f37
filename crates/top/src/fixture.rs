//! Statuses for tests, as a daemon would send them.

use std::time::Duration;

use foster::status::Status;
use serde_json::{Value, json};

use crate::app::App;
use crate::link::News;

/// That of a daemon with something of everything.
pub(crate) fn value() -> Value {
    let unit = |name: &str, depth: usize, flavour: Option<&str>, state: &str| {
        json!({
            "name": name, "kind": if flavour.is_some() { "service" } else { "group" },
            "depth": depth, "flavour": flavour, "state": state, "state_age": 61.5, "restarts": 0,
            "counted": null, "next_start": null, "last_failure": null, "waits_for": [],
            "may_fail": false, "payloads": 0, "limit": null,
        })
    };
    let with = |mut unit: Value, more: Value| {
        let more = more.as_object().unwrap().clone();
        unit.as_object_mut().unwrap().extend(more);
        unit
    };
    json!({
        "state": "running", "state_age": 61.5, "age": 62.0, "is_ready": false, "stop": null,
        "failures": 2,
        "something_new": {"of": "a later version"},
        "flavours": [
            {"name": "smol", "threads": 1, "alive": 3, "queued": 2, "stall": {
                "is_whole": true, "payloads": ["digest"], "age": 4.25,
                "threads": ["smol: asleep in clock_nanosleep"]}},
            {"name": "tokio", "threads": 1, "alive": 49, "queued": 0, "stall": null},
            {"name": "std::thread", "threads": 2, "alive": 2, "queued": 0, "stall": null},
        ],
        "units": [
            unit("database", 0, Some("std::thread"), "running"),
            unit("listener", 0, Some("tokio"), "running"),
            with(unit("listener/connections", 1, None, "running"), json!({
                "payloads": 6, "limit": {"limit": 6, "taken": 6, "waiting": 3}})),
            unit("listener/connections/audit", 2, Some("smol"), "ended"),
            unit("listener/metrics", 1, Some("tokio"), "running"),
            with(unit("feed", 0, Some("smol"), "delayed"), json!({
                "state_age": 1.5, "restarts": 3, "next_start": 6.5,
                "counted": {"starts": 4, "limit": 15, "window": 120.0},
                "last_failure": "service `feed` on smol failed: the feed has ended: cannot reach \
                    quotes.example.org:7000: connection refused (os error 111)"})),
            with(unit("reports", 0, Some("std::thread"), "waiting"), json!({
                "waits_for": ["import"]})),
            with(unit("import", 0, Some("tokio"), "failed"), json!({
                "last_failure": "service `import` on tokio panicked: \u{1b}[31mred\nsecond line"})),
        ],
        "payloads": [
            {"name": "session", "group": null, "flavour": "tokio", "count": 40, "oldest": 60.0},
            {"name": "src/guest.rs:12", "group": "listener/connections", "flavour": "tokio",
                "count": 6, "oldest": null},
            {"name": "digest", "group": null, "flavour": "smol", "count": 1, "oldest": 7.5},
        ],
    })
}

/// A stop with what it waits for.
pub(crate) fn stop() -> Value {
    json!({
        "cause": {"failure": "payload `poller` on smol failed: no answer"}, "age": 3.0,
        "grace_left": 7.0, "waits_for": ["database", "src/main.rs:7"], "waits_for_more": 5,
    })
}

pub(crate) fn status() -> Status {
    serde_json::from_value(value()).unwrap()
}

/// With `entries` in place of those in `key`.
pub(crate) fn status_with(key: &str, entries: Value) -> Status {
    let mut status = value();
    status[key] = entries;
    serde_json::from_value(status).unwrap()
}

/// A program that has heard of `status`.
pub(crate) fn app(status: Status) -> App {
    let mut app = App::new("/run/demo.sock".to_owned(), true, Duration::from_secs(1));
    app.hear(News::Status(Box::new(status)), std::time::Instant::now());
    app
}
