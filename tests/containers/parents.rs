//! Under other programs: as process 1, under tini, under shells.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::Duration;

use crate::notes::{Noting, program, shell, start, with_program};
use crate::{namespace, once};

once!(
    as_process_one_it_ends_in_order,
    as_process_one_it_reaps_no_orphan,
    as_process_one_it_says_so_to_a_logger,
    elsewhere_it_says_nothing_of_that,
    as_process_one_it_hangs_after_a_failure_that_nobody_reads,
    under_tini_signals_are_passed_on,
    under_tini_orphans_are_reaped,
    under_tini_the_status_is_the_daemons,
    a_shell_around_it_dies_alone,
    a_shell_that_is_process_one_passes_nothing_on,
    a_shell_that_is_process_one_reaps_as_it_waits,
    a_shell_that_execs_it_is_gone,
    a_shell_with_a_trap_passes_signals_on,
);

/// For what must not happen: how long it is watched.
const A_WHILE: Duration = Duration::from_millis(500);

/// The daemon as process 1.
fn as_process_one(scenario: &str) -> Option<Noting> {
    let mut command = namespace()?;
    command.arg(std::env::current_exe().unwrap());
    Some(start(&mut with_program(command), scenario))
}

/// tini as process 1, and the daemon as its child.
fn under_tini(scenario: &str) -> Option<Noting> {
    let has_tini = Command::new("tini").arg("--version").output().is_ok();
    if !has_tini {
        eprintln!("SKIPPED: there is no `tini` here (Debian: `apt-get install tini`)");
        return None;
    }
    let mut command = namespace()?;
    command
        .args(["tini", "--"])
        .arg(std::env::current_exe().unwrap());
    Some(start(&mut with_program(command), scenario))
}

fn as_process_one_it_ends_in_order() {
    let Some(mut daemon) = as_process_one("orderly") else {
        return;
    };
    assert_eq!(daemon.after("ready "), "1");
    daemon.signal_to("TERM", daemon.inner());
    assert_eq!(daemon.end().code(), Some(0));
    assert!(daemon.find("asked").is_some() && daemon.find("run is over").is_some());
}

fn as_process_one_it_reaps_no_orphan() {
    let Some(mut daemon) = as_process_one("orphan") else {
        return;
    };
    daemon.after("the orphan is a zombie");
    assert_eq!(daemon.end().code(), Some(0));
}

const SAID: &str = "this is process 1, and nobody reaps the processes whose parents have ended";

fn as_process_one_it_says_so_to_a_logger() {
    let Some(mut daemon) = as_process_one("logged") else {
        return;
    };
    daemon.after(SAID);
    daemon.after("ready ");
    daemon.signal_to("TERM", daemon.inner());
    assert_eq!(daemon.end().code(), Some(0));
}

fn elsewhere_it_says_nothing_of_that() {
    let mut daemon = start(&mut program(), "logged");
    daemon.after("the runtime runs");
    let id = daemon.after("ready ");
    daemon.signal_to("TERM", id);
    assert_eq!(daemon.end().code(), Some(0));
    assert_eq!(daemon.find(SAID), None);
}

fn as_process_one_it_hangs_after_a_failure_that_nobody_reads() {
    let Some(mut daemon) = as_process_one("stderr unread: failing") else {
        return;
    };
    // It hangs as `main` prints the report, and no runtime listens any more.
    daemon.after("run has failed");
    daemon.signal_to("TERM", daemon.inner());
    assert_eq!(daemon.end_within(A_WHILE), None);
    daemon.signal_to("KILL", daemon.inner());
    daemon.end();
}

fn under_tini_signals_are_passed_on() {
    let Some(mut daemon) = under_tini("orderly") else {
        return;
    };
    assert_ne!(daemon.after("ready "), "1");
    daemon.signal_to("TERM", daemon.inner());
    assert_eq!(daemon.end().code(), Some(0));
    assert!(daemon.find("asked").is_some() && daemon.find("run is over").is_some());

    let mut daemon = under_tini("stuck").expect("as above");
    daemon.after("ready ");
    daemon.signal_to("TERM", daemon.inner());
    daemon.after("asked");
    daemon.signal_to("TERM", daemon.inner());
    daemon.after("cut short");
    daemon.signal_to("TERM", daemon.inner());
    assert_eq!(daemon.end().code(), Some(128 + 15));
}

fn under_tini_orphans_are_reaped() {
    let Some(mut daemon) = under_tini("orphan") else {
        return;
    };
    daemon.after("the orphan is gone");
    assert_eq!(daemon.end().code(), Some(0));
}

fn under_tini_the_status_is_the_daemons() {
    let Some(mut daemon) = under_tini("failing") else {
        return;
    };
    daemon.after("run has failed");
    assert_eq!(daemon.end().code(), Some(1));
}

fn a_shell_around_it_dies_alone() {
    let mut daemon = start(&mut shell(r#""$0" "$@"; true"#), "orderly");
    let number = daemon.after("ready ");
    daemon.signal("TERM");
    assert_eq!(daemon.end().signal(), Some(15), "the shell's own end");
    assert!(daemon.lacks("asked", A_WHILE), "nobody has told it");
    daemon.signal_to("TERM", number);
    daemon.after("run is over");
}

fn a_shell_that_is_process_one_passes_nothing_on() {
    let Some(mut command) = namespace() else {
        return;
    };
    let line = r#""$0" "$@"; true"#;
    command
        .args(["sh", "-c", line])
        .arg(std::env::current_exe().unwrap());
    let mut daemon = start(&mut with_program(command), "orderly");
    daemon.after("ready ");
    let process_one = daemon.inner();
    daemon.signal_to("TERM", process_one);
    assert!(daemon.lacks("asked", A_WHILE), "nobody has told it");
    assert_eq!(
        daemon.end_within(Duration::ZERO),
        None,
        "the shell does not care"
    );
    // What `docker stop` does in the end.
    daemon.signal_to("KILL", process_one);
    daemon.end();
    assert!(daemon.find("asked").is_none(), "it is killed unasked");
}

fn a_shell_that_is_process_one_reaps_as_it_waits() {
    let Some(mut command) = namespace() else {
        return;
    };
    command
        .args(["sh", "-c", r#""$0" "$@"; exit $?"#])
        .arg(std::env::current_exe().unwrap());
    let mut daemon = start(&mut with_program(command), "orphan");
    daemon.after("the orphan is gone");
    assert_eq!(daemon.end().code(), Some(0));
}

fn a_shell_that_execs_it_is_gone() {
    let mut daemon = start(&mut shell(r#"exec "$0" "$@""#), "orderly");
    assert_eq!(daemon.after("ready "), daemon.child.id().to_string());
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(0));
    assert!(daemon.find("asked").is_some());
}

fn a_shell_with_a_trap_passes_signals_on() {
    // The first wait ends with the signal, the second one with the daemon.
    let line = r#"trap 'kill -TERM $!' TERM; "$0" "$@" & wait $!; wait $!"#;
    let mut daemon = start(&mut shell(line), "orderly");
    daemon.after("ready ");
    daemon.signal("TERM");
    assert_eq!(daemon.end().code(), Some(0));
    assert!(daemon.find("asked").is_some());
}
