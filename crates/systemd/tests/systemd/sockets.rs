//! Sockets without the tool that hands them over, and what the crate costs who does not use it.

use std::process::Command;

use crate::child::{Playing, command, program, setting, without_systemd};

pub fn without_any_they_are_bound() {
    let mut child = Playing::start(&mut command("bound"));
    let missing = "Missing: systemd handed over no socket `http` (handed over: nothing)";
    assert_eq!(child.line("error "), missing);
    for socket in ["tcp ", "udp ", "unix "] {
        assert_eq!(child.line(socket), "WouldBlock");
    }
    let error = child.line("error ");
    assert!(
        error.starts_with("Bind: no socket `control`: \"/"),
        "{error}"
    );
    assert_eq!(child.line("log "), "WouldBlock");
    child.ends_well();
}

/// This program, behind a shell that says what was handed over.
fn claimed(line: &str) -> Playing {
    let mut command = without_systemd(Command::new("sh"));
    command
        .arg("-c")
        .arg(format!("LISTEN_PID=$$ {line}"))
        .arg(program());
    let (name, value) = ("claims", setting("claims"));
    let (variable, _) = value.split_once('=').unwrap();
    Playing::start(command.env(variable, name))
}

pub fn what_was_promised_and_is_not_there_is_named() {
    let (status, errors) = claimed("LISTEN_FDS=1 exec \"$0\"").end();
    assert!(!status.success());
    let text = "descriptor 3, handed over as `unknown`, is not open";
    assert!(errors.contains(text), "{errors}");

    let second = "LISTEN_FDS=2 LISTEN_FDNAMES=a:b exec \"$0\" 3</dev/null";
    let (_, errors) = claimed(second).end();
    assert!(
        errors.contains("descriptor 4, handed over as `b`, is not open"),
        "{errors}"
    );

    let (_, errors) = claimed("LISTEN_FDS=1 LISTEN_FDNAMES=a:b exec \"$0\"").end();
    assert!(
        errors.contains("those are 2 names, and LISTEN_FDS is 1"),
        "{errors}"
    );

    let mut child = claimed("LISTEN_FDS=1 exec \"$0\" 3</dev/null");
    let error = "what systemd handed over as `unknown` is no socket, not a TCP listener";
    assert_eq!(child.line("error "), error);
    assert_eq!(child.line("error "), "Taken");
    child.ends_well();
}

pub fn no_crate_depends_on_this_one() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut tree = Command::new(cargo);
    tree.args([
        "tree",
        "--offline",
        "--locked",
        "--package",
        "foster",
        "--all-features",
    ]);
    tree.args(["--edges", "normal,build", "--prefix", "none"]);
    let output = tree
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("foster-core "), "{tree}");
    assert!(!tree.contains("foster-systemd "), "{tree}");
}
