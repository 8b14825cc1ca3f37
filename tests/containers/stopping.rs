//! `docker stop` and its like: SIGTERM, and SIGKILL if it takes too long.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::notes::{Noting, program, start};
use crate::once;

once!(
    a_time_out_that_is_shorter_than_the_grace_time_kills_without_a_report,
    a_time_out_that_is_longer_lets_the_run_report,
);

/// What `docker stop --time` does.
fn stop(daemon: &mut Noting, time_out: Duration) -> ExitStatus {
    daemon.after("ready ");
    daemon.signal("TERM");
    daemon.end_within(time_out).unwrap_or_else(|| {
        daemon.signal("KILL");
        daemon.end()
    })
}

fn a_time_out_that_is_shorter_than_the_grace_time_kills_without_a_report() {
    // The grace time of this one is a second.
    let mut daemon = start(&mut program(), "stubborn");
    assert_eq!(
        stop(&mut daemon, Duration::from_millis(500)).signal(),
        Some(9)
    );
    assert_eq!(daemon.find("run has failed"), None);
}

fn a_time_out_that_is_longer_lets_the_run_report() {
    let mut daemon = start(&mut program(), "stubborn");
    assert_eq!(stop(&mut daemon, Duration::from_secs(15)).code(), Some(1));
    let report = daemon.after("run has failed: ");
    assert!(
        report.contains("`stubborn`") && report.contains("overran"),
        "{report}"
    );
}
