//! A socket that plays systemd.

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child::SOON;

/// One datagram.
#[derive(Debug, Clone)]
pub struct Told {
    pub text: String,
    pub at: Instant,
}

impl Told {
    /// What it says for `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut lines = self.text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }

    pub fn has(&self, line: &str) -> bool {
        self.text.lines().any(|one| one == line)
    }

    pub fn status_has(&self, text: &str) -> bool {
        self.value("STATUS")
            .is_some_and(|status| status.contains(text))
    }
}

/// What listens in systemd's place, and all that it has heard.
pub struct Server {
    socket: UnixDatagram,
    pub address: String,
    pub heard: Vec<Told>,
    _directory: Option<TempDir>,
}

impl Server {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self {
            socket,
            address: path.to_str().unwrap().to_owned(),
            heard: Vec::new(),
            _directory: Some(directory),
        }
    }

    /// At an abstract address.
    pub fn without_path() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("foster-systemd-{}-{count}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        Self {
            socket: UnixDatagram::bind_addr(&address).unwrap(),
            address: format!("@{name}"),
            heard: Vec::new(),
            _directory: None,
        }
    }

    /// The next datagram, if one comes until then.
    pub fn next(&mut self, by: Instant) -> Option<Told> {
        let mut bytes = [0; 4_097];
        let length = loop {
            let left = by.saturating_duration_since(Instant::now());
            let left = left.max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).unwrap();
            match self.socket.recv(&mut bytes) {
                Ok(length) => break length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert!(length <= 4_096, "systemd takes no more");
        let told = Told {
            text: String::from_utf8(bytes[..length].to_vec()).unwrap(),
            at: Instant::now(),
        };
        self.heard.push(told.clone());
        Some(told)
    }

    /// The next datagram that is wanted.
    pub fn until(&mut self, what: &str, is_wanted: impl Fn(&Told) -> bool) -> Told {
        let by = Instant::now() + SOON;
        while let Some(told) = self.next(by) {
            if is_wanted(&told) {
                return told;
            }
        }
        panic!("never told: {what}; heard {:#?}", self.heard);
    }

    pub fn until_line(&mut self, line: &str) -> Told {
        self.until(line, |told| told.has(line))
    }

    /// Listens for `time`, in which nothing of that kind may come.
    pub fn never(&mut self, time: Duration, what: &str, is_bad: impl Fn(&Told) -> bool) {
        let by = Instant::now() + time;
        while let Some(told) = self.next(by) {
            assert!(!is_bad(&told), "{what}: {told:?}");
        }
    }

    /// Takes in all that has come.
    pub fn drain(&mut self) {
        while self.next(Instant::now()).is_some() {}
    }

    /// How often a line was told.
    pub fn count(&self, line: &str) -> usize {
        self.heard.iter().filter(|told| told.has(line)).count()
    }

    /// Fills the socket, so that there is no room for another datagram.
    pub fn fill(&self) {
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_nonblocking(true).unwrap();
        let address = self.socket.local_addr().unwrap();
        for _ in 0..100_000 {
            if let Err(error) = sender.send_to_addr(b"FILLED=1", &address) {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return;
            }
        }
        panic!("it takes everything");
    }
}
