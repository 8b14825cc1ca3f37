//! Signals that are set one by one, sent to real child processes; and the verbs from which an application can rebuild what
//! they do. Rows R8 and R9.

#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
mod sent;

use std::future::pending;
use std::time::{Duration, Instant};

use common::reloads::apart;
use common::services::*;
use common::*;
use foster::{Shutdown, Smol, StragglerReason};

once!(
    r9_before_the_stop_there_is_no_grace_time_to_end,
    r9_a_runtime_says_when_a_failure_began_its_stop,
);

on_every_flavour!(r9_the_grace_time_can_be_ended);

/// The child's side.
#[cfg(unix)]
#[test]
fn as_child() {
    common::child::be_child(|scenario| match scenario {
        "reloads" => sent::reloads(foster::Signals::reload_on_hangup()),
        "stuck" => sent::stuck(),
        "no services" => sent::no_services(),
        "two" => sent::two(),
        "left" => sent::reloads(foster::Signals::listen().hangup(foster::OnSignal::Leave)),
        "given back" => sent::given_back(),
        "turned round" => sent::reloads(
            foster::Signals::Leave
                .hangup(foster::OnSignal::End)
                .terminate(foster::OnSignal::Reload),
        ),
        "two reload" => {
            sent::reloads(foster::Signals::reload_on_hangup().terminate(foster::OnSignal::Reload))
        }
        "rebuilt" => sent::rebuilt(),
        other => panic!("no scenario `{other}`"),
    });
}

fn r9_the_grace_time_can_be_ended(flavour: impl Host) {
    let (_clock, runtime) = manual();
    let asked = Event::new();
    let is_asked = asked.clone();
    let run = move || {
        let is_asked = is_asked.clone();
        async move {
            let token = Shutdown::current();
            token.requested().await;
            is_asked.happen();
            pending::<()>().await;
        }
    };
    let unit = flavour.serve(runtime.unit().name("hangs"), run).unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.shutdown();
    asked.expect("it is asked");
    // The clock stands still.
    runtime.end_grace();
    let error = runtime.wait().unwrap_err();
    let stragglers: Vec<_> = error.stragglers().iter().collect();
    assert_eq!(stragglers.len(), 1, "{error}");
    assert_eq!(stragglers[0].payload(), Some("hangs"));
    assert_eq!(stragglers[0].reason(), StragglerReason::CutShort);
    // Too late, and harmless.
    runtime.end_grace();
}

fn r9_before_the_stop_there_is_no_grace_time_to_end() {
    let (_clock, runtime) = manual();
    let (holds, dropped) = (Event::new(), Event::new());
    let (go_on, is_held, is_dropped) = (Event::new(), holds.clone(), dropped.clone());
    let goes_on = go_on.clone();
    runtime
        .adopt(Smol, move || async move {
            let _on_drop = OnDrop(|| is_dropped.happen());
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            let over = std::sync::Arc::new(tokio::sync::Notify::new());
            let wake = std::sync::Arc::clone(&over);
            apart(move || {
                goes_on.expect("the test says so");
                wake.notify_one();
            });
            over.notified().await;
        })
        .unwrap();
    holds.expect("it has its token");
    for _ in 0..2 {
        runtime.end_grace();
    }
    runtime.shutdown();
    // It has all of its time: were that over, it would be dropped where it awaits.
    assert!(!dropped.happens_within(Duration::from_millis(100)));
    go_on.happen();
    runtime.wait().unwrap();
}

fn r9_a_runtime_says_when_a_failure_began_its_stop() {
    let before = Instant::now();
    let runtime = started();
    assert_eq!(
        (runtime.is_stopping(), runtime.failing_since()),
        (false, None)
    );
    runtime
        .adopt(Smol, || async { Err::<(), _>("on purpose") })
        .unwrap();
    runtime.wait().unwrap_err();
    assert!(runtime.is_stopping());
    let since = runtime.failing_since().unwrap();
    assert!(before <= since && since <= Instant::now());
    let runtime = started();
    runtime.shutdown();
    assert!(runtime.is_stopping() && runtime.failing_since().is_none());
    runtime.wait().unwrap();
}
