//! With a stdout that is closed, full, broken, or read by nobody.

use crate::notes::{program, shell, start};
use crate::once;

once!(
    a_daemon_that_prints_nothing_does_not_mind,
    a_closed_stdout_takes_all_lines,
    a_stdout_that_fails_makes_println_panic,
    a_stdout_that_nobody_reads_blocks_println,
);

/// The standard library opens /dev/null in the place of what is closed.
const CLOSED: &str = r#"exec "$0" "$@" >&-"#;

fn a_daemon_that_prints_nothing_does_not_mind() {
    let daemons = [
        start(&mut shell(CLOSED), "orderly"),
        start(&mut program(), "stdout full: orderly"),
        start(&mut program(), "stdout broken: orderly"),
        start(&mut program(), "stdout unread: orderly"),
    ];
    for mut daemon in daemons {
        daemon.after("ready ");
        daemon.signal("TERM");
        assert_eq!(daemon.end().code(), Some(0));
        daemon.after("asked");
        daemon.after("run is over");
    }
}

fn a_closed_stdout_takes_all_lines() {
    let mut daemon = start(&mut shell(CLOSED), "printing");
    daemon.after("has printed a hundred lines");
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(0));
}

fn a_stdout_that_fails_makes_println_panic() {
    for (scenario, why) in [
        ("stdout full: printing", "No space left on device"),
        ("stdout broken: printing", "Broken pipe"),
    ] {
        let mut daemon = start(&mut program(), scenario);
        let report = daemon.after("run has failed: ");
        assert!(
            report.contains("`printer`") && report.contains(why),
            "{report}"
        );
        assert_eq!(daemon.end().code(), Some(1));
    }
}

fn a_stdout_that_nobody_reads_blocks_println() {
    let mut daemon = start(&mut program(), "stdout unread: printing");
    daemon.after("ready ");
    daemon.signal("TERM");
    // Its executor is blocked, and named.
    let report = daemon.after("run has failed: ");
    assert!(report.contains("`printer`"), "{report}");
    assert_eq!(daemon.end().code(), Some(1));
}
