//! The example `socket_activated`, from a shell and by systemd's own tool.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{Example, program};
use crate::until;

fn guest(address: SocketAddr) -> TcpStream {
    let mut guest = None;
    until("somebody listens", || {
        guest = TcpStream::connect(address).ok();
        guest.is_some()
    });
    let guest = guest.expect("it is there");
    guest
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    guest
}

#[track_caller]
fn expect_echo(guest: &mut TcpStream, text: &str) {
    guest.write_all(text.as_bytes()).unwrap();
    let mut bytes = vec![0; text.len()];
    guest.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, text.as_bytes());
}

#[test]
fn from_a_shell_it_has_a_socket_of_its_own() {
    let mut server = Example::start("socket_activated", &[]);
    let [address] = server.addresses(["listening on "]);
    expect_echo(&mut guest(address), "hello");
    server.signal("TERM");
    let (status, output) = server.end();
    assert_eq!(status.code(), Some(0), "{output}");
}

#[test]
fn it_ends_when_it_is_idle_and_not_as_long_as_a_guest_is_there() {
    let mut server = Example::start("socket_activated", &["0.2"]);
    let [address] = server.addresses(["listening on "]);
    let mut stays = guest(address);
    for _ in 0..5 {
        expect_echo(&mut stays, "I am still here");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(stays);
    let (status, output) = server.end();
    assert_eq!(status.code(), Some(0), "{output}");
}

#[test]
fn a_time_that_is_none_is_an_error() {
    for given in ["soon", "-1"] {
        let (status, output) = Example::start("socket_activated", &[given]).end();
        assert_eq!(status.code(), Some(1), "{output}");
        assert!(output.starts_with("Error: "), "{output}");
    }
}

#[test]
fn systemd_starts_it_with_the_first_guest() {
    let tool = "systemd-socket-activate";
    let version = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if !version.is_ok_and(|status| status.success()) {
        eprintln!("NOT TRIED: `{tool}` is not installed (Debian: apt-get install systemd)");
        return;
    }
    // Free just now.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new(tool);
    command.args(["-l", &address.to_string(), "--fdname=echo"]);
    let mut server = Example::spawn(command.arg(program("socket_activated")).arg("0.5"));
    let mut guest = guest(address);
    expect_echo(&mut guest, "hello");
    assert_eq!(server.addresses(["listening on "]), [address]);
    drop(guest);
    let (status, output) = server.end();
    assert_eq!(status.code(), Some(0), "{output}");
}
