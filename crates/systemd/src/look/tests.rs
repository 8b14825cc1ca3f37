//! Lines and moves of statuses, written as the JSON that they are read from.

use serde_json::{Value, json};

use super::*;

/// A runtime that runs, and has these units: names and states.
fn with(units: &[(&str, &str)]) -> Value {
    let units: Vec<_> = units
        .iter()
        .map(|(name, state)| unit(name, state))
        .collect();
    json!({
        "state": "running", "state_age": 0.0, "age": 0.0, "is_ready": true, "stop": null, "drain": null,
        "failures": 0, "flavours": [], "units": units, "payloads": [],
    })
}

fn unit(name: &str, state: &str) -> Value {
    json!({
        "name": name, "kind": "service", "depth": 0, "flavour": "smol", "state": state, "state_age": 0.0,
        "restarts": 0, "counted": null, "next_start": null, "last_failure": null, "waits_for": [],
        "may_fail": false, "payloads": 0, "limit": null,
    })
}

fn set(mut status: Value, values: Value) -> Value {
    for (name, value) in values.as_object().unwrap() {
        status[name] = value.clone();
    }
    status
}

/// A stop for SIGTERM.
fn stop(status: Value, state: &str, waits_for: &[&str], more: usize) -> Value {
    let stop = json!({
        "cause": { "signal": "SIGTERM" }, "age": 0.0, "grace_left": 9.0, "waits_for": waits_for,
        "waits_for_more": more,
    });
    set(status, json!({ "state": state, "stop": stop }))
}

fn drain(status: Value, left: Value) -> Value {
    let drain = json!({ "age": 0.0, "left": left });
    set(status, json!({ "state": "draining", "drain": drain }))
}

fn stalled(is_whole: bool, payloads: &[&str]) -> Value {
    let stall = json!({ "is_whole": is_whole, "payloads": payloads, "age": 1.0, "threads": [] });
    json!([{ "name": "smol", "threads": 1, "alive": 1, "queued": 0, "stall": stall }])
}

fn look(status: &Value) -> Look {
    Look::new(&serde_json::from_value(status.clone()).unwrap())
}

#[test]
fn a_line_says_what_is_done_and_what_is_amiss() {
    let starting = |status| set(status, json!({ "is_ready": false, "state": "starting" }));
    let six = ["a", "b", "c", "d", "e", "f"].map(|name| (name, "starting"));
    for (status, line) in [
        (with(&[]), "running: 0 services"),
        (
            with(&[("a", "running"), ("systemd", "running")]),
            "running: 1 service",
        ),
        (
            with(&[("a", "running"), ("b", "finishing"), ("c", "ended")]),
            "running: 2 services",
        ),
        (
            with(&[("a", "delayed"), ("b", "failed"), ("c", "starting")]),
            "running: 0 services; starting: c; to start again: a; failed: b",
        ),
        (starting(with(&[("a", "running")])), "starting"),
        (
            starting(with(&[
                ("a", "waiting"),
                ("b", "starting"),
                ("systemd", "starting"),
            ])),
            "starting: waits for b, a",
        ),
        (
            starting(with(&six)),
            "starting: waits for a, b, c, d, e and 1 more",
        ),
        // Ready, though not all of it is seen yet.
        (
            set(with(&[]), json!({ "state": "starting" })),
            "running: 0 services",
        ),
        (drain(with(&[]), json!(3.2)), "draining, 4 s left"),
        (drain(with(&[]), json!(3.0)), "draining, 3 s left"),
        (
            drain(with(&[]), json!(Duration::MAX.as_secs_f64())),
            "draining",
        ),
        (
            drain(with(&[("a", "failed")]), json!(0.0)),
            "draining, 0 s left; failed: a",
        ),
        (
            stop(with(&[("a", "stopping")]), "stopping", &["a"], 0),
            "stopping (SIGTERM): waits for a",
        ),
        (
            stop(with(&[]), "stopping", &["a", "b", "c", "d", "e", "f"], 3),
            "stopping (SIGTERM): waits for a, b, c, d, e and 4 more",
        ),
        (
            stop(with(&[]), "cancelling", &[], 0),
            "cancelling what is left (SIGTERM)",
        ),
        (
            set(
                with(&[]),
                json!({ "flavours": stalled(true, &["`greedy` on smol"]) }),
            ),
            "running: 0 services; blocked by `greedy` on smol",
        ),
        (
            set(with(&[]), json!({ "flavours": stalled(true, &[]) })),
            "running: 0 services; smol is blocked",
        ),
        (
            set(
                with(&[]),
                json!({ "flavours": stalled(false, &["`greedy` on smol"]) }),
            ),
            "running: 0 services",
        ),
    ] {
        assert_eq!(look(&status).line, line, "{status}");
    }
}

#[test]
fn a_line_is_one_line_and_not_too_long() {
    let forged = with(&[("a\nREADY=1\r\u{1b}[2J", "failed")]);
    assert_eq!(
        look(&forged).line,
        "running: 0 services; failed: a READY=1  [2J"
    );
    let long = "ä".repeat(2_000);
    let long = [long.as_str(), &long, &long, &long, &long].map(|name| (name, "failed"));
    let line = look(&with(&long)).line;
    assert!(
        line.contains(&format!("{}…, ä", "ä".repeat(LETTERS))),
        "{line}"
    );
    let many: Vec<_> = ["delayed", "failed", "starting", "waiting"]
        .into_iter()
        .flat_map(|state| long.map(|(name, _)| (name, state)))
        .collect();
    let line = look(&with(&many)).line;
    assert!(line.len() <= BYTES + '…'.len_utf8(), "{}", line.len());
}

#[test]
fn what_ends_or_moves_on_is_another_number() {
    let payloads = |count| json!([{ "name": "a", "group": null, "flavour": "smol", "count": count, "oldest": 1.0 }]);
    let start = stop(with(&[("a", "stopping")]), "stopping", &["a", "b"], 0);
    let start = set(
        start,
        json!({ "payloads": payloads(2), "flavours": stalled(false, &[]) }),
    );
    let moves = |status: &Value| look(status).moves;
    let mut later = start.clone();
    later["stop"]["age"] = json!(5.0);
    later["stop"]["grace_left"] = json!(4.0);
    later["units"][0]["state_age"] = json!(5.0);
    later["payloads"][0]["oldest"] = json!(9.0);
    later["flavours"][0]["queued"] = json!(7);
    assert_eq!(moves(&later), moves(&start), "time alone moves nothing");
    // Executes come and go while something hangs.
    for other in [
        set(start.clone(), json!({ "payloads": payloads(1) })),
        set(start.clone(), json!({ "flavours": [] })),
        set(start.clone(), json!({ "failures": 1 })),
    ] {
        assert_eq!(moves(&other), moves(&start), "{other}");
    }
    for other in [
        stop(start.clone(), "stopping", &["a"], 0),
        stop(start.clone(), "stopping", &["a", "b"], 1),
        stop(start.clone(), "cancelling", &["a", "b"], 0),
        set(start.clone(), json!({ "units": [unit("a", "ended")] })),
    ] {
        assert_ne!(moves(&other), moves(&start), "{other}");
    }
}

#[test]
fn a_drain_has_its_time() {
    let look = look(&drain(with(&[]), json!(3.5)));
    assert_eq!(look.drain_left, Some(Duration::from_millis(3_500)));
    assert!(look.is_ending);
}

#[test]
fn it_is_over_when_nothing_else_is_waited_for_or_no_time_is_left() {
    let is_over = |status: &Value| is_over(&serde_json::from_value(status.clone()).unwrap());
    assert!(is_over(&with(&[])), "it was asked alone");
    assert!(is_over(&stop(with(&[]), "stopping", &[], 0)));
    let waits = stop(with(&[]), "stopping", &["a"], 0);
    assert!(!is_over(&waits));
    let mut late = waits;
    late["stop"]["grace_left"] = json!(0.1);
    assert!(is_over(&late));
}
