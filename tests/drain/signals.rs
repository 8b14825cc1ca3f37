//! Signals that begin the drain, and those that end it, sent to real child processes.

use std::time::Instant;

use common::child::{Played, play, say_ready};
use foster::{Thread, Tokio};

use super::*;

once!(
    s8_sigterm_begins_it_and_the_stop_follows,
    s8_a_second_signal_ends_it_and_cuts_no_grace,
    s8_ctrl_c_skips_it,
    s8_sighup_begins_it_as_sigterm_does,
    s8_a_signal_behind_its_end_counts_as_the_second,
    s8_an_echo_does_not_end_it,
);

/// Says what becomes of it, and ends when its grace time is cut.
pub(crate) fn daemon(drain: Duration) -> Played {
    let hour = Duration::from_secs(3_600);
    let runtime = Runtime::builder().drain(drain).grace(hour).build();
    let mut changes = runtime.changes(8);
    let watch = move || async move {
        let _token = Shutdown::current();
        let mut last = None;
        while let Some(change) = changes.recv().await {
            println!("{change:?} behind {last:?}");
            last = Some(change);
        }
    };
    runtime.named("watcher").adopt(Tokio, watch)?;
    runtime.adopt(Thread, || {
        let token = Shutdown::current();
        say_ready();
        while !token.wait_timeout(SOON) {}
    })?;
    runtime.run()
}

/// Its grace time was an hour, and somebody has cut it.
#[track_caller]
fn expect_cut(mut child: common::child::Playing) {
    let (status, stdout, stderr) = child.end();
    assert_eq!(status.code(), Some(1), "{stdout}{stderr}");
    assert!(stderr.contains("`watcher`"), "{stderr}");
}

fn s8_sigterm_begins_it_and_the_stop_follows() {
    let mut child = play("short");
    child.ready();
    let began = Instant::now();
    child.signal("TERM");
    child.line_after("Draining");
    child.line_after("Stopping behind Some(Draining)");
    assert!(began.elapsed() >= Duration::from_millis(400));
    child.signal("TERM");
    expect_cut(child);
}

fn s8_a_second_signal_ends_it_and_cuts_no_grace() {
    for second in ["TERM", "INT", "HUP"] {
        let mut child = play("long");
        child.ready();
        child.signal("TERM");
        child.line_after("Draining");
        child.signal(second);
        child.line_after("Stopping");
        // The grace time goes on: the next one cuts it, and is not the third.
        child.signal("TERM");
        expect_cut(child);
    }
}

fn s8_ctrl_c_skips_it() {
    let mut child = play("long");
    child.ready();
    child.signal("INT");
    let line = child.line_after("Stopping behind ");
    assert!(!line.contains("Draining"), "{line}");
    child.signal("TERM");
    expect_cut(child);
}

fn s8_sighup_begins_it_as_sigterm_does() {
    let mut child = play("long");
    child.ready();
    child.signal("HUP");
    child.line_after("Draining");
    child.signal("TERM");
    child.line_after("Stopping");
    child.signal("TERM");
    expect_cut(child);
}

fn s8_a_signal_behind_its_end_counts_as_the_second() {
    let mut child = play("short");
    child.ready();
    child.signal("TERM");
    child.line_after("Stopping");
    child.signal("INT");
    expect_cut(child);
}

fn s8_an_echo_does_not_end_it() {
    let mut child = play("short");
    child.ready();
    let began = Instant::now();
    // As systemd does. The process may hear of them in any order.
    child.signals(&["TERM", "HUP"]);
    child.line_after("Stopping");
    assert!(began.elapsed() >= Duration::from_millis(400));
    child.signal("TERM");
    expect_cut(child);
}
