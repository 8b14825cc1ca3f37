//! A client as simple as can be, and a runtime to look at.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use foster::{Builder, Runtime, Signals, Unit};
use foster_admin::Admin;

/// How long anything may take that should happen at once.
pub const SOON: Duration = Duration::from_secs(20);

/// How long an answer may take, whatever hangs.
pub const AT_ONCE: Duration = Duration::from_millis(100);

/// A runtime with an admin on loopback. Its drop ends it.
pub struct Looked {
    pub runtime: Runtime,
    pub address: SocketAddr,
    pub admin: Unit,
}

impl Looked {
    pub fn new() -> Self {
        Self::with(builder(), Admin::loopback(0), |_| {})
    }

    /// With what `prepare` hands in before the start.
    pub fn with(builder: Builder, admin: Admin, prepare: impl FnOnce(&Runtime)) -> Self {
        let runtime = builder.build();
        let bound = admin.bind().unwrap();
        let address = bound.address().unwrap();
        let admin = bound.serve(&runtime).unwrap();
        prepare(&runtime);
        runtime.start().unwrap();
        Self {
            runtime,
            address,
            admin,
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// With further lines of the head, each with its end.
    pub fn ask(&self, method: &str, path: &str, lines: &str) -> Answer {
        let text = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"
        );
        self.send(text.as_bytes())
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        stream
    }

    pub fn send(&self, bytes: &[u8]) -> Answer {
        exchange(&mut self.connect(), bytes)
    }
}

impl Drop for Looked {
    fn drop(&mut self) {
        self.runtime.shutdown();
        let _ = self.runtime.wait();
    }
}

pub fn builder() -> Builder {
    Runtime::builder().signals(Signals::Leave).quiet()
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub took: Duration,
}

/// Sends `bytes`, and reads until the other side ends.
pub fn exchange(stream: &mut (impl Read + Write), bytes: &[u8]) -> Answer {
    let began = Instant::now();
    // Whoever is refused midway may be closed midway.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
            panic!("no answer: {error}")
        }
        _ => {}
    }
    let took = began.elapsed();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
        took,
    }
}

/// Waits until `holds`, and fails if it does not soon.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
