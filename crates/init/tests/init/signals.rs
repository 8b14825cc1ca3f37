//! Signals to process 1, and its status.

use std::time::Duration;

use nix::sys::signal::Signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use nix::sys::signal::kill;

use crate::namespace::{start, start_by, wait_for};

/// For what must not happen: how long it is watched.
const A_WHILE: Duration = Duration::from_millis(500);

#[test]
fn sigterm_to_process_one_ends_the_daemon_in_order() {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let Some(mut inside) = start("daemon") else {
            return;
        };
        assert_ne!(inside.line_after("ready as "), "1");
        inside.signal(signal);
        let ended = inside.end();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {}", ended.stderr);
        for line in [
            "smol is asked",
            "tokio is asked",
            "thread is asked",
            "ended",
        ] {
            assert!(
                ended.stdout.contains(line),
                "{signal}: no `{line}`: {}",
                ended.stdout
            );
        }
    }
}

#[test]
fn without_the_crate_a_daemon_that_is_process_one_ends_in_order_as_well() {
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        let Some(mut inside) = start("bare daemon") else {
            return;
        };
        assert_eq!(inside.line_after("ready as "), "1");
        inside.signal(signal);
        let ended = inside.end();
        assert_eq!(ended.status.code(), Some(0), "{signal}: {}", ended.stderr);
        assert!(ended.stdout.contains("thread is asked"), "{}", ended.stdout);
    }
}

#[test]
fn the_second_signal_cuts_the_grace_time_and_the_third_ends_the_process() {
    // Without the crate, too: nothing is done to process 1 by default, but Foster ends it.
    for scenario in ["stubborn", "bare stubborn"] {
        let Some(mut inside) = start(scenario) else {
            return;
        };
        inside.line_after("ready as ");
        inside.signal(SIGTERM);
        inside.line_after("asked");
        inside.signal(SIGINT);
        inside.line_after("cut short");
        inside.signal(SIGTERM);
        let ended = inside.end();
        assert_eq!(
            ended.status.code(),
            Some(128 + 15),
            "{scenario}: {}",
            ended.stderr
        );
    }
}

#[test]
fn a_signal_to_both_processes_counts_once() {
    let Some(mut inside) = start("stubborn") else {
        return;
    };
    inside.line_after("ready as ");
    inside.signal_all(SIGINT);
    inside.line_after("asked");
    assert!(!inside.has_line_within("cut short", A_WHILE));
    inside.signal_all(SIGINT);
    inside.line_after("cut short");
    inside.signal_all(SIGINT);
    assert_eq!(inside.end().status.code(), Some(128 + 2));
}

#[test]
fn a_killed_program_gives_its_signal_and_another_one_its_status() {
    let Some(mut inside) = start("daemon") else {
        return;
    };
    inside.line_after("ready as ");
    kill(inside.program(), SIGKILL).unwrap();
    assert_eq!(inside.end().status.code(), Some(128 + 9));

    let inside = start("status 42").expect("a namespace can be had");
    assert_eq!(inside.end().status.code(), Some(42));
}

#[test]
fn a_program_without_a_runtime_is_ended_by_sigterm() {
    // As when it prints a report that nobody reads. Process 1 itself would go on.
    let Some(mut inside) = start("hangs") else {
        return;
    };
    inside.line_after("over");
    inside.signal(SIGTERM);
    assert_eq!(inside.end().status.code(), Some(128 + 15));

    let mut inside = start("bare hangs").expect("as above");
    inside.line_after("over");
    inside.signal(SIGTERM);
    assert!(!inside.has_line_within("ended", A_WHILE));
}

#[test]
fn a_real_time_signal_that_ends_the_program_is_in_the_status() {
    let Some(mut inside) = start("daemon") else {
        return;
    };
    inside.line_after("ready as ");
    let number = inside.program().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-40", &number])
        .status();
    assert!(sent.unwrap().success());
    assert_eq!(inside.end().status.code(), Some(128 + 40));
}

#[test]
fn a_stopped_program_is_waited_for_and_goes_on() {
    let Some(mut inside) = start("daemon") else {
        return;
    };
    inside.line_after("ready as ");
    kill(inside.program(), SIGSTOP).unwrap();
    wait_for("the stop", || (inside.state() == Some('T')).then_some(()));
    inside.signal(SIGTERM);
    assert!(!inside.has_line_within("asked", A_WHILE), "it is stopped");
    inside.signal(SIGCONT);
    assert_eq!(inside.end().status.code(), Some(0));
}

#[test]
fn a_signal_in_the_first_milliseconds_is_not_lost() {
    for _ in 0..20 {
        let Some(mut inside) = start("daemon") else {
            return;
        };
        // The last one that is caught, before the child is started. In the main thread of this test program, which is not the
        // one that blocks them, others might still come too early.
        wait_for("its handlers", || inside.catches(SIGCHLD).then_some(()));
        inside.signal(SIGTERM);
        let ended = inside.end();
        // It ends in order, or at once if the runtime does not listen yet.
        let status = ended.status.code();
        assert!(
            [Some(0), Some(128 + 15)].contains(&status),
            "{status:?}: {}",
            ended.stderr
        );
    }
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let Some(mut inside) = start_by(&["nohup"], "daemon") else {
        return;
    };
    inside.line_after("ready as ");
    inside.signal(SIGHUP);
    assert!(!inside.has_line_within("asked", A_WHILE), "it is ignored");
    inside.signal(SIGTERM);
    assert_eq!(inside.end().status.code(), Some(0));
}
