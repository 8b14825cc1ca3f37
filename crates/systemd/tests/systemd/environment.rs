//! The environment: read, and kept from children.

use crate::child::{Playing, command};
use crate::server::Server;

pub fn children_find_nothing_of_it() {
    let mut server = Server::new();
    let mut command = command("children");
    command.env("NOTIFY_SOCKET", &server.address);
    for (name, value) in [
        ("WATCHDOG_USEC", "30000000"),
        ("LISTEN_FDS", "1"),
        ("LISTEN_PID", "1"),
        ("LISTEN_FDNAMES", "http"),
        ("LISTEN_PIDFDID", "7"),
    ] {
        command.env(name, value);
    }
    let mut child = Playing::start(&mut command);
    let mut found = 0;
    loop {
        let line = child.line("");
        if line == "all" {
            break;
        }
        found += usize::from(line.starts_with("env "));
        for name in ["NOTIFY_", "WATCHDOG_", "LISTEN_"] {
            assert!(!line.contains(name), "{line}");
        }
    }
    assert!(found > 0, "it has an environment");
    server.until_line("READY=1");
    child.signal("TERM");
    child.ends_well();
}

pub fn it_is_an_error_with_threads() {
    let server = Server::new();
    let mut child = Playing::new("threads", &server);
    child.line("kind Threads");
    let (status, errors) = child.end();
    assert!(!status.success());
    let text = "NOTIFY_SOCKET cannot be kept from children, as this process has 2 threads already";
    assert!(errors.contains(text), "{errors}");
    assert!(errors.contains("first in `main`"), "{errors}");
    assert!(errors.contains("keep_environment"), "{errors}");
}

pub fn it_may_be_kept() {
    let mut server = Server::new();
    let child = Playing::new("kept", &server);
    server.until_line("READY=1");
    child.signal("TERM");
    server.until_line("STOPPING=1");
    child.ends_well();
}

pub fn bad_values_are_named() {
    let server = Server::new();
    for (name, value, text) in [
        (
            "WATCHDOG_USEC",
            "abc",
            "WATCHDOG_USEC is `abc`: it must be a number of microseconds",
        ),
        (
            "WATCHDOG_USEC",
            "0",
            "WATCHDOG_USEC is `0`: it must be a number of microseconds",
        ),
        (
            "NOTIFY_SOCKET",
            "relative",
            "NOTIFY_SOCKET is `relative`: it must be an absolute path, or `@`",
        ),
    ] {
        let mut command = command("plain");
        command.env("NOTIFY_SOCKET", &server.address);
        let (status, errors) = Playing::start(command.env(name, value)).end();
        assert_eq!(status.code(), Some(1));
        assert!(errors.contains(text), "{errors}");
    }
}
