//! With a stderr that is closed, full, broken, or read by nobody.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use crate::notes::{program, shell, start};
use crate::once;

once!(
    a_failure_is_reported_where_stderr_fails,
    a_failure_ends_the_run_where_nobody_reads_stderr,
    a_service_restarts_where_nobody_reads_stderr,
    a_panic_hangs_in_the_hook_where_nobody_reads_stderr,
    the_third_signal_ends_the_process_where_nobody_reads_stderr,
);

/// For what must not happen: how long it is watched.
const A_WHILE: Duration = Duration::from_millis(500);

fn a_failure_is_reported_where_stderr_fails() {
    for failure in ["failing", "panicking"] {
        let daemons = [
            start(&mut shell(r#"exec "$0" "$@" 2>&-"#), failure),
            start(&mut program(), &format!("stderr full: {failure}")),
            start(&mut program(), &format!("stderr broken: {failure}")),
        ];
        for mut daemon in daemons {
            let report = daemon.after("run has failed: ");
            assert!(
                report.contains("`failing`") && report.contains("on purpose"),
                "{report}"
            );
            assert_eq!(daemon.end().code(), Some(1));
        }
    }
}

fn a_failure_ends_the_run_where_nobody_reads_stderr() {
    let mut daemon = start(&mut program(), "stderr unread: failing");
    daemon.after("asked");
    let report = daemon.after("run has failed: ");
    assert!(report.contains("on purpose"), "{report}");
    // It hangs as `main` prints what it returns. No runtime listens any more.
    assert_eq!(daemon.end_within(A_WHILE), None);
    daemon.signal("TERM");
    assert_eq!(daemon.end().signal(), Some(15));
}

fn a_service_restarts_where_nobody_reads_stderr() {
    let mut daemon = start(&mut program(), "stderr unread: restarting");
    daemon.after("has failed 2000 times");
    daemon.signal("TERM");
    // The whole cancel time, as the lines are waited for.
    let stopped = daemon.after("stopped after ");
    let time: u64 = stopped.trim_end_matches(" ms").parse().unwrap();
    assert!(time >= 400, "{time}");
    assert_eq!(daemon.end().code(), Some(0));
}

fn a_panic_hangs_in_the_hook_where_nobody_reads_stderr() {
    let mut daemon = start(&mut program(), "stderr unread: panicking");
    daemon.after("ready ");
    assert!(daemon.lacks("asked", A_WHILE), "nobody knows of it yet");
    daemon.signal("TERM");
    daemon.after("asked");
    let report = daemon.after("run has failed: ");
    assert!(report.contains("`failing`"), "{report}");
}

fn the_third_signal_ends_the_process_where_nobody_reads_stderr() {
    let mut daemon = start(&mut program(), "stderr unread: stuck");
    daemon.after("ready ");
    daemon.signal("TERM");
    daemon.after("asked");
    daemon.signal("TERM");
    daemon.after("cut short");
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(128 + 15));
}
