//! A systemd that does not listen: nothing ends, nobody waits.

use std::time::Duration;

use crate::child::{Playing, command};
use crate::server::Server;

pub fn a_socket_that_is_gone_ends_nothing() {
    let server = Server::new();
    let mut command = command("told");
    command.env("NOTIFY_SOCKET", &server.address);
    command.env("WATCHDOG_USEC", "100000");
    drop(server);
    let mut child = Playing::start(&mut command);
    child.line("runs");
    child.any_line("systemd.unheard");
    // Ten rounds of the watchdog, of which none is told.
    let others = child.lines_for(Duration::from_millis(500));
    assert!(
        !others.iter().any(|line| line.contains("systemd.unheard")),
        "{others:?}"
    );
    child.signal("TERM");
    let (status, errors) = child.end();
    assert!(status.success(), "{errors}");
}

pub fn a_socket_without_room_holds_up_nobody() {
    let mut server = Server::new();
    server.fill();
    let mut child = Playing::watched("told", &server, Duration::from_millis(200));
    child.line("runs");
    // It has tried, and goes on.
    child.any_line("systemd.unheard");
    server.until_line("READY=1");
    server.until_line("WATCHDOG=1");
    server.fill();
    child.signal("TERM");
    child.ends_well();
}
