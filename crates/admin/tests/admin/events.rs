//! What is told while it happens.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use foster::{Smol, service};
use foster_admin::Admin;
use serde_json::Value;

use crate::client::{Looked, SOON, builder, until};

/// The events, as they come, by name.
fn listen(looked: &Looked) -> Receiver<(String, Value)> {
    let mut stream = looked.connect();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut name = String::new();
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let data = serde_json::from_str(data).unwrap();
                if tell.send((name.clone(), data)).is_err() {
                    return;
                }
            }
        }
    });
    told
}

fn wait_for(events: &Receiver<(String, Value)>, what: impl Fn(&str, &Value) -> bool) -> Value {
    let until = Instant::now() + SOON;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let (name, data) = events.recv_timeout(left).expect("it is told in time");
        if what(&name, &data) {
            return data;
        }
    }
}

#[test]
fn changes_are_told_in_order_and_then_the_status() {
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let idle = service(Smol, std::future::pending::<()>);
        runtime.unit().name("idle").serve(idle).unwrap();
    });
    until("it runs", || looked.runtime.status().is_ready);
    let events = listen(&looked);
    let (name, first) = events.recv_timeout(SOON).unwrap();
    assert_eq!(
        (&*name, &first["state"]),
        ("status", &Value::from("running"))
    );
    looked.runtime.unit_named("idle").unwrap().restart();
    let states = ["stopping", "starting", "running"];
    for state in states {
        let change = wait_for(&events, |name, _| name == "change");
        assert_eq!(
            (&change["unit"], &change["state"]),
            (&Value::from("idle"), &Value::from(state))
        );
    }
    wait_for(&events, |name, data| {
        name == "status" && data["units"][1]["restarts"] == 1
    });
}

#[test]
fn the_end_is_told() {
    let looked = Looked::new();
    let events = listen(&looked);
    events.recv_timeout(SOON).unwrap();
    looked.runtime.shutdown();
    let why = wait_for(&events, |name, _| name == "end");
    assert_eq!(why, "the runtime is over");
}

#[test]
fn a_line_that_holds_is_heard_and_payloads_are_seen() {
    let looked = Looked::new();
    let events = listen(&looked);
    wait_for(&events, |name, _| name == "beat");
    // It changes no unit, and nothing else has for a while.
    looked
        .runtime
        .named("import")
        .adopt(Smol, std::future::pending::<()>)
        .unwrap();
    wait_for(&events, |name, data| {
        name == "status" && data["payloads"][0]["name"] == "import"
    });
}

/// Who takes nothing is dropped, and costs others nothing.
#[test]
fn who_does_not_read_is_dropped() {
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let text = "x".repeat(10_000);
        let flaky = service(Smol, move || {
            let text = text.clone();
            async move { Err::<(), _>(text) }
        });
        let restart = foster::Restart::on_failure().delay(Duration::from_millis(1));
        let restart = restart.max_delay(Duration::from_millis(1));
        runtime
            .unit()
            .name("flaky")
            .restart(restart)
            .serve(flaky)
            .unwrap();
    });
    let began = Instant::now();
    let mut deaf: TcpStream = looked.connect();
    deaf.write_all(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    // What comes after the drop is answered by a reset.
    until("it is dropped", || deaf.write_all(b"x").is_err());
    assert!(began.elapsed() < Duration::from_secs(6));
    assert_eq!(looked.get("/livez").status, 200);
}
