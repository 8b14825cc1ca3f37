//! The guests: many connections to the server, which is another process.

use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::common::SOON;
use super::common::child::{Playing, play};

/// How many may be there at a time.
pub fn most() -> usize {
    std::env::var("FOSTER_GUESTS").map_or(100, |number| number.parse().unwrap())
}

/// A server, its port, and the number of its process.
pub struct Server {
    pub child: Playing,
    pub port: u16,
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "only Linux tells its memory")
    )]
    pub process: u32,
}

impl Server {
    pub fn start() -> Self {
        let mut child = play("server");
        let port = child.line_after("port ").parse().unwrap();
        let process = child.line_after("ready ").parse().unwrap();
        Self {
            child,
            port,
            process,
        }
    }

    /// The memory that the server has, in KiB.
    #[cfg(target_os = "linux")]
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.unwrap()
            .trim()
            .strip_suffix(" kB")
            .unwrap()
            .parse()
            .unwrap()
    }
}

pub struct Guest(BufReader<TcpStream>);

impl Guest {
    /// Comes in, and is sure to be served.
    pub async fn come(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut guest = Self(BufReader::new(stream));
        guest.say("ping").await;
        guest.hear("pong").await;
        guest
    }

    pub async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.0.get_mut().write_all(line.as_bytes()).await.unwrap();
    }

    /// Reads on until this line.
    pub async fn hear(&mut self, line: &str) {
        let mut heard = String::new();
        let hears = async {
            while heard.trim_end() != line {
                heard.clear();
                let read = self.0.read_line(&mut heard).await.unwrap();
                assert_ne!(read, 0, "the connection ends before `{line}`");
            }
        };
        timeout(SOON, hears).await.expect(line);
    }

    /// Reads on until the connection ends; returns the last that was said.
    pub async fn hear_end(&mut self) -> String {
        let mut rest = Vec::new();
        // A reset is an end as well.
        let end = timeout(2 * SOON, self.0.read_to_end(&mut rest)).await;
        let _ = end.expect("the connection ends");
        let rest = String::from_utf8(rest).unwrap();
        rest.lines().last().unwrap_or_default().to_owned()
    }
}

/// As many as may be there, less `absent`.
pub async fn come_in(port: u16, absent: usize) -> Vec<Guest> {
    let mut guests = Vec::new();
    for _ in absent..most() {
        guests.push(Guest::come(port).await);
    }
    guests
}

/// Runs `test`, which ends within some minutes.
pub fn play_guests(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    let end = runtime.block_on(async { timeout(Duration::from_secs(900), test).await });
    end.expect("ends in time");
}
