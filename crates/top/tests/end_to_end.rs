//! The program itself, against a daemon with a `foster-admin`.

use std::future::pending;
use std::process::{Command, Output, Stdio};

use foster::{Runtime, Tokio, service};
use foster_admin::Admin;

fn foster_top(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foster-top"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("FOSTER_TOKEN");
    command.output().expect("it was built")
}

/// What it prints with these arguments.
fn printed(arguments: &[&str]) -> String {
    let output = foster_top(arguments);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// What it complains of with these arguments.
fn refused(arguments: &[&str]) -> String {
    let output = foster_top(arguments);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("it prints text")
}

/// A daemon with one service, a group with a limit and two payloads in it.
fn daemon() -> Runtime {
    let runtime = Runtime::builder().quiet().build();
    runtime
        .unit()
        .name("keeper")
        .serve(service(Tokio, pending::<()>))
        .unwrap();
    let group = runtime.group("connections").limit(2).create().unwrap();
    for _ in 0..2 {
        group.named("guest").adopt(Tokio, pending::<()>).unwrap();
    }
    runtime
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[track_caller]
fn assert_shown(page: &str) {
    for part in [
        "Units 3",
        "keeper",
        "connections/",
        "2 of 2 places",
        "Flavours 2",
        "guest",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[test]
#[cfg(unix)]
fn a_daemon_at_a_socket_is_shown_until_it_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let (runtime, path) = (daemon(), path.to_str().unwrap());
    Admin::unix(path).serve(&runtime).unwrap();
    runtime.start().unwrap();
    assert_shown(&printed(&[path, "--once"]));
    end(&runtime);
    let complaint = refused(&[path, "--once"]);
    assert!(complaint.contains("cannot look at"), "{complaint}");
    assert!(complaint.contains("No such file"), "{complaint}");
}

#[test]
fn a_daemon_at_a_port_is_shown() {
    let runtime = daemon();
    let admin = Admin::loopback(0).bind().unwrap();
    let address = admin.address().unwrap();
    admin.serve(&runtime).unwrap();
    runtime.start().unwrap();
    assert_shown(&printed(&["--once", &address.to_string()]));
    assert_shown(&printed(&[
        "--once",
        &format!("http://localhost:{}/", address.port()),
    ]));
    end(&runtime);
}

#[test]
fn the_demo_is_a_daemon_like_any_other() {
    let page = printed(&["--demo", "--once"]);
    for part in [
        "database",
        "feed",
        "waits for import",
        "smol",
        "std::thread",
        "session",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[test]
fn it_says_what_it_lacks() {
    assert!(refused(&["localhost:1"]).contains("this needs a terminal"));
    assert!(refused(&[]).contains("Usage: foster-top"));
    assert!(refused(&["localhost:1", "--token-file", "/no/such/file"]).contains("/no/such/file"));
}
