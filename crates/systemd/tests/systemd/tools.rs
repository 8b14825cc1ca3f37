//! systemd's own tools, where they are installed. They need no systemd that runs.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use crate::child::{Playing, SOON, program, setting, without_systemd};
use crate::server::Server;

/// Whether a tool is there; else it is said that nothing was tried.
fn is_there(tool: &str) -> bool {
    let version = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    let is_there = version.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("NOT TRIED: `{tool}` is not installed (Debian: apt-get install systemd)");
    }
    is_there
}

pub fn systemd_notify_is_understood_as_we_are() {
    if !is_there("systemd-notify") {
        return;
    }
    for mut server in [Server::new(), Server::without_path()] {
        let mut notify = without_systemd(Command::new("systemd-notify"));
        notify.args(["--ready", "--status=running: 0 services"]);
        let mut notify = notify
            .env("NOTIFY_SOCKET", &server.address)
            .spawn()
            .unwrap();
        let theirs = server.until_line("READY=1");
        // It waits until all that it has sent was read.
        server.until_line("BARRIER=1");
        assert!(notify.wait().unwrap().success());
        let child = Playing::new("plain", &server);
        let ours = server.until_line("READY=1");
        for name in ["READY", "STATUS"] {
            assert_eq!(ours.value(name), theirs.value(name), "{ours:?} {theirs:?}");
        }
        child.signal("TERM");
        child.ends_well();
    }
}

pub fn a_child_that_notifies_has_no_socket() {
    if !is_there("systemd-notify") {
        return;
    }
    let mut server = Server::new();
    let mut child = Playing::new("children", &server);
    assert_eq!(child.line("notified "), "false");
    child.line("all");
    child.signal("TERM");
    server.until_line("STOPPING=1");
    child.ends_well();
    server.drain();
    let of_child = |told: &&crate::server::Told| told.status_has("a child");
    assert_eq!(
        server.heard.iter().find(of_child).map(|told| &told.text),
        None
    );
}

/// A port that was free just now.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// This program with a scenario, started by `systemd-socket-activate`.
fn activated(scenario: &str, arguments: &[&str]) -> Command {
    let mut command = without_systemd(Command::new("systemd-socket-activate"));
    command.args(arguments).arg("-E").arg(setting(scenario));
    command.arg(program());
    command
}

/// What `look` finds at `path` as soon as it does.
fn once_there<T>(path: &Path, look: impl Fn(&Path) -> io::Result<T>) -> T {
    let by = Instant::now() + SOON;
    loop {
        match look(path) {
            Ok(found) => return found,
            Err(error) => assert!(Instant::now() < by, "{}: {error}", path.display()),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

pub fn sockets_are_handed_over_by_name() {
    if !is_there("systemd-socket-activate") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let address = format!("127.0.0.1:{}", port());
    let names = "--fdname=http:control";
    let mut command = activated(
        "sockets",
        &["-l", &address, "-l", path.to_str().unwrap(), names],
    );
    let mut child = Playing::start(&mut command);
    // The program is started by its first guest, who is refused while the socket is bound and does not listen yet.
    let mut guest = once_there(&path, |path| UnixStream::connect(path));
    let mut text = String::new();
    guest.read_to_string(&mut text).unwrap();
    assert_eq!(text, "smol");
    assert_eq!(child.line("again "), "Taken");
    assert_eq!(child.line("names "), "http control");
    for error in [
        "Missing: systemd handed over no socket `https` (handed over: `http`, `control`)",
        "Kind: what systemd handed over as `control` is a Unix listener, not a TCP listener",
        "Kind: what systemd handed over as `http` is a TCP listener, not a UDP socket",
        "Taken",
    ] {
        assert_eq!(child.line("error "), error);
    }
    let flags: u32 = child.line("flags ").parse().unwrap();
    let (nonblocking, close_on_exec) = (0o4_000, 0o2_000_000);
    assert_eq!(flags & nonblocking, nonblocking, "{flags:o}");
    assert_eq!(flags & close_on_exec, close_on_exec, "{flags:o}");
    let mut guest = TcpStream::connect(&address).unwrap();
    text.clear();
    guest.read_to_string(&mut text).unwrap();
    assert_eq!(text, "tokio");
    child.ends_well();
}

pub fn datagrams_are_handed_over_by_name() {
    if !is_there("systemd-socket-activate") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    let address = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let address = address.to_string();
    let names = "--fdname=log:syslog";
    let arguments = ["-d", "-l", path.to_str().unwrap(), "-l", &address, names];
    let mut child = Playing::start(&mut activated("datagrams", &arguments));
    once_there(&path, |path| fs::symlink_metadata(path));
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"a line", &path).unwrap();
    let error = "what systemd handed over as `log` is a Unix datagram socket, not a TCP listener";
    assert_eq!(child.line("error "), error);
    // By two executors, in any order.
    let mut lines = [child.line(""), child.line("")];
    lines.sort();
    assert_eq!(lines, ["got own", "read a line"]);
    child.ends_well();
}

/// The blocks of units on the page of the crate.
fn units() -> Vec<&'static str> {
    let page = include_str!("../../README.md");
    let blocks = page.split("```ini\n").skip(1);
    let blocks = blocks.map(|block| block.split_once("```").unwrap().0);
    blocks.collect()
}

pub fn the_units_of_the_page_are_understood() {
    if !is_there("systemd-analyze") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [service, socket] = units()[..] else {
        panic!("a service and a socket");
    };
    // Of systemd 253. The program has to be there.
    let service = service.replace("notify-reload", "notify");
    let service = service.replace("/usr/local/bin/crawler", program().to_str().unwrap());
    let files = [
        ("crawler.service", service.as_str()),
        ("crawler.socket", socket),
    ];
    let paths = files.map(|(name, text)| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    });
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]).args(paths);
    let output = verify.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains("crawler"), "{errors}");
}
