//! The table of `docs/guide/src/recipes/containers.md`: a daemon under other programs, with broken streams, and within limits.
//!
//! Each child is this very test program, told by a variable which scenario to play. What stands in the table and is not here
//! is in `signals`, in `signals_given_back` and in the tests of `foster-init`.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
mod limits;
mod named;
mod notes;
mod parents;
mod scenarios;
mod stderr;
mod stdout;
mod stopping;
mod streams;

use std::process::Command;

/// The child's side.
#[test]
fn as_child() {
    scenarios::play_if_told();
}

/// What comes before the program in a command line that has it as process 1, or has another program there; `None`, and a
/// line on stderr, where that is not allowed.
fn namespace() -> Option<Command> {
    const AS_USER: [&str; 2] = ["--user", "--map-root-user"];
    const ALWAYS: [&str; 4] = ["--fork", "--pid", "--mount-proc", "--kill-child"];
    for first in [&AS_USER[..0], &AS_USER] {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(first).args(ALWAYS);
            command
        };
        let can = command().arg("true").output();
        if can.is_ok_and(|can| can.status.success()) {
            return Some(command());
        }
    }
    eprintln!("SKIPPED: no PID namespace may be made here (`unshare -pf`)");
    None
}
