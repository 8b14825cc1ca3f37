//! What each path answers.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use foster::status::{RuntimeState, Status, UnitNode};
use foster::{Ready, Restart, Settings, Smol, Thread, Tokio, UnitState, service};
use foster_admin::Admin;

use crate::client::{AT_ONCE, Looked, builder, until};

/// One of each: a service that runs, one that fails again and again, one in a group, payloads.
fn busy() -> Looked {
    Looked::with(builder(), Admin::loopback(0), |runtime| {
        let keeper = service(Smol, std::future::pending::<()>);
        runtime.unit().name("keeper").serve(keeper).unwrap();
        let flaky = service(Tokio, || async { Err::<(), _>("no \"port\"\nat all") });
        let restart = Restart::on_failure().delay(std::time::Duration::from_secs(600));
        runtime
            .unit()
            .name("flaky")
            .restart(restart)
            .serve(flaky)
            .unwrap();
        let group = runtime.group("ingest").limit(10).create().unwrap();
        let poller = service(Smol, std::future::pending::<()>);
        group.unit().name("poller").serve(poller).unwrap();
        for _ in 0..3 {
            group
                .named("import")
                .adopt(Tokio, std::future::pending::<()>)
                .unwrap();
        }
    })
}

fn has_settled(looked: &Looked) {
    until("all have their state", || {
        let status = looked.runtime.status();
        let flaky = status.units.iter().find(|unit| unit.name == "flaky");
        let is_delayed = flaky.is_some_and(|unit| unit.next_start.is_some());
        let has_begun =
            |unit: &UnitNode| matches!(unit.state, UnitState::Running | UnitState::Delayed);
        let have_begun = status.units.iter().all(has_begun);
        is_delayed && have_begun && status.payloads.iter().map(|one| one.count).sum::<usize>() == 3
    });
}

#[test]
fn the_status_is_that_of_the_runtime() {
    let looked = busy();
    has_settled(&looked);
    let answer = looked.get("/status");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("Content-Type: application/json"));
    let status: Status = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(status.state, RuntimeState::Running);
    let names: Vec<_> = status.units.iter().map(|unit| &*unit.name).collect();
    assert_eq!(
        names,
        ["admin", "keeper", "flaky", "ingest", "ingest/poller"]
    );
    let flaky = &status.units[2];
    assert!(flaky.last_failure.as_ref().unwrap().contains("no \"port\""));
    assert_eq!(status.units[3].limit.unwrap().taken, 4);
    assert_eq!(status.payloads[0].count, 3);
}

#[test]
fn executors_that_go_on_are_alive() {
    let looked = busy();
    let answer = looked.get("/livez");
    assert_eq!((answer.status, &*answer.body), (200, "alive\n"));
}

#[test]
fn ready_is_what_has_said_so() {
    let (say, is_said) = channel::<()>();
    let is_said = std::sync::Mutex::new(is_said);
    let looked = Looked::with(builder(), Admin::loopback(0), |runtime| {
        let slow = service(Thread, move || {
            let ready = Ready::current();
            let _ = is_said.lock().unwrap().recv();
            ready.notify();
            foster::Shutdown::current().wait_timeout(crate::client::SOON);
        });
        let slow = slow.with(Settings::new().name("slow").notifies_ready());
        runtime.serve(slow).unwrap();
        let next = service(Smol, std::future::pending::<()>);
        runtime
            .unit()
            .name("next")
            .after("slow")
            .serve(next)
            .unwrap();
    });
    let answer = looked.get("/readyz");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.body.contains("next is waiting, waits for slow"),
        "{answer:?}"
    );
    say.send(()).unwrap();
    until("it is ready", || looked.get("/readyz").status == 200);
    // It says so at once in a stop.
    looked.runtime.shutdown();
    let answer = looked.get("/readyz");
    assert!(answer.status != 200, "{answer:?}");
}

#[test]
fn metrics_have_all_units_and_flavours() {
    let looked = busy();
    has_settled(&looked);
    let narrow = looked.runtime.group("narrow").limit(1).create().unwrap();
    let _place = narrow.try_place().unwrap();
    let waits = narrow.clone();
    let waits = || async move { waits.place().await.map(drop) };
    looked.runtime.adopt(Smol, waits).unwrap();
    until("one waits", || narrow.waiting() == 1);
    let answer = looked.get("/metrics");
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("text/plain; version=0.0.4"),
        "{}",
        answer.head
    );
    for line in [
        "foster_unit_state{unit=\"keeper\",flavour=\"smol\",state=\"running\"} 1",
        "foster_unit_state{unit=\"flaky\",flavour=\"tokio\",state=\"delayed\"} 1",
        "foster_unit_restarts_total{unit=\"flaky\",flavour=\"tokio\"} 0",
        "# TYPE foster_unit_restarts_total counter",
        "foster_unit_failures_total{unit=\"flaky\",flavour=\"tokio\",kind=\"error\"} 1",
        "foster_unit_places_taken{unit=\"ingest\"} 4",
        "foster_unit_places_waiting{unit=\"ingest\"} 0",
        "foster_unit_places_waiting{unit=\"narrow\"} 1",
        "foster_flavour_stalled{flavour=\"smol\"} 0",
        "foster_runtime_ready",
    ] {
        assert!(answer.body.contains(line), "no {line} in {}", answer.body);
    }
    assert!(!answer.body.contains(".rs:"), "a place in {}", answer.body);
    promtool(&answer.body);
}

/// Has promtool judge `text`, if it is on this machine.
fn promtool(text: &str) {
    let mut command = Command::new("promtool");
    let command = command
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped());
    let Ok(mut judge) = command.spawn() else {
        println!("promtool is not here, so it was not asked");
        return;
    };
    judge
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let verdict = judge.wait_with_output().unwrap();
    assert!(
        verdict.status.success(),
        "{}",
        String::from_utf8_lossy(&verdict.stderr)
    );
}

#[test]
fn starts_stops_and_failures_are_counted_from_the_first_look() {
    let looked = busy();
    has_settled(&looked);
    looked.get("/metrics");
    let keeper = looked.runtime.unit_named("keeper").unwrap();
    let flaky = looked.runtime.unit_named("flaky").unwrap();
    keeper.restart();
    flaky.restart();
    until("both have started again", || {
        keeper.restarts() == 1 && flaky.restarts() == 1
    });
    until("one failed again, the other is ready", || {
        flaky.status().next_restart().is_some() && keeper.state() == foster::UnitState::Running
    });
    let body = looked.get("/metrics").body;
    for line in [
        "foster_unit_failures_total{unit=\"flaky\",flavour=\"tokio\",kind=\"error\"} 2",
        "foster_unit_restarts_total{unit=\"keeper\",flavour=\"smol\"} 1",
        "foster_unit_ready_seconds{unit=\"keeper\",flavour=\"smol\"} ",
    ] {
        assert!(body.contains(line), "no {line} in {body}");
    }
    keeper.stop();
    until("it is over", || keeper.state().is_over());
    let line = "foster_unit_stop_seconds{unit=\"keeper\",flavour=\"smol\"} ";
    let body = looked.get("/metrics").body;
    assert!(body.contains(line), "no {line} in {body}");
}

#[test]
fn open_metrics_are_there_for_who_asks() {
    let looked = busy();
    let accept = "Accept: application/openmetrics-text; version=1.0.0, text/plain;q=0.5\r\n";
    let answer = looked.ask("GET", "/metrics", accept);
    assert!(
        answer.head.contains("application/openmetrics-text"),
        "{}",
        answer.head
    );
    assert!(answer.body.ends_with("# EOF\n"));
    assert!(
        answer
            .body
            .contains("# UNIT foster_runtime_age_seconds seconds")
    );
}

#[test]
fn the_page_is_whole_and_strict() {
    let looked = Looked::new();
    let answer = looked.get("/");
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("Content-Security-Policy: default-src 'none'; script-src 'sha256-")
    );
    assert!(answer.body.contains("data-control=\"off\""));
    let controlled = Looked::with(builder(), Admin::loopback(0).control("secret"), |_| {});
    assert!(controlled.get("/").body.contains("data-control=\"on\""));
}

#[test]
fn other_paths_and_methods_are_refused_with_what_there_is() {
    let looked = Looked::new();
    let answer = looked.get("/nothing");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("/metrics") && answer.body.contains("/nothing"),
        "{answer:?}"
    );
    for (method, path, allowed) in [
        ("POST", "/status", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("OPTIONS", "/events", "GET, HEAD"),
        ("GET", "/reload", "POST"),
        ("PUT", "/units/a/stop", "POST"),
    ] {
        let answer = looked.ask(method, path, "");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(
            answer.head.contains(&format!("Allow: {allowed}")),
            "{answer:?}"
        );
    }
}

#[test]
fn a_head_is_all_that_head_gets() {
    let looked = Looked::new();
    for path in ["/", "/livez", "/readyz", "/metrics", "/status", "/events"] {
        let answer = looked.ask("HEAD", path, "");
        assert_eq!((answer.status, &*answer.body), (200, ""), "{path}");
    }
}

#[test]
fn one_connection_may_ask_again() {
    let looked = Looked::new();
    let text = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(40)
        + "GET /livez HTTP/1.0\r\nHost: localhost\r\n\r\n";
    let answer = looked.send(text.as_bytes());
    assert_eq!(answer.body.matches("HTTP/1.1 200 OK").count(), 40);
    assert!(answer.body.ends_with("alive\n"));
    assert!(answer.took < 10 * AT_ONCE);
}
