//! The watchdog, which is fed as long as every executor answers.

use std::process::id;
use std::time::Duration;

use crate::child::{Playing, command};
use crate::server::Server;

const TIME: Duration = Duration::from_secs(2);

pub fn it_stops_while_smol_is_blocked() {
    let mut server = Server::new();
    let mut child = Playing::watched("watched", &server, TIME);
    server.until_line("READY=1");
    server.until_line("WATCHDOG=1");
    child.say("block");
    let text = "running: 0 services; blocked by payload `greedy` on smol";
    server.until("who blocks", |told| told.value("STATUS") == Some(text));
    // systemd would count from the last one, which was before this.
    server.never(2 * TIME, "smol is blocked", |told| told.has("WATCHDOG=1"));
    let mut told = server.heard.iter();
    let last = told.rfind(|told| told.has("WATCHDOG=1")).unwrap().at;
    assert!(last.elapsed() > 2 * TIME);
    child.say("go on");
    child.line("goes on");
    server.until_line("WATCHDOG=1");
    server.until("it goes on", |told| {
        told.value("STATUS") == Some("running: 0 services")
    });
    child.signal("TERM");
    child.ends_well();
}

pub fn it_goes_on_while_a_thread_is_busy() {
    let mut server = Server::new();
    let mut child = Playing::watched("watched", &server, TIME);
    server.until_line("READY=1");
    child.say("work");
    child.line("works");
    server.drain();
    let mut last = server.until_line("WATCHDOG=1").at;
    for _ in 0..4 {
        let told = server.until_line("WATCHDOG=1").at;
        assert!(told - last < TIME, "systemd would have ended it");
        last = told;
    }
    child.signal("TERM");
    server.until_line("STOPPING=1");
    let (status, errors) = child.end();
    // The thread took no token.
    assert!(status.success(), "{errors}");
}

pub fn it_is_told_at_half_its_time() {
    let mut server = Server::new();
    let child = Playing::watched("plain", &server, TIME);
    let first = server.until_line("WATCHDOG=1").at;
    for _ in 0..3 {
        server.until_line("WATCHDOG=1");
    }
    let passed = server.heard.last().unwrap().at - first;
    let three = 3 * (TIME / 2);
    let slack = TIME / 2;
    assert!(
        passed > three - slack && passed < three + slack,
        "{passed:?}"
    );
    child.signal("TERM");
    child.ends_well();
}

pub fn that_of_another_process_is_not_ours() {
    let mut server = Server::new();
    let mut command = command("plain");
    command.env("NOTIFY_SOCKET", &server.address);
    command.env("WATCHDOG_USEC", "20000");
    command.env("WATCHDOG_PID", id().to_string());
    let child = Playing::start(&mut command);
    server.until_line("READY=1");
    server.never(Duration::from_millis(500), "it is another's", |told| {
        told.has("WATCHDOG=1")
    });
    child.signal("TERM");
    child.ends_well();
}
