//! A client that keeps its connection, until it is told that an answer was the last one on it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    /// The other side has said that it closes it.
    pub(crate) is_over: bool,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            address,
            is_over: false,
        })
    }

    /// The status of an answer, and its text.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<(u16, String)> {
        if self.is_over {
            *self = Self::new(self.address)?;
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: example\r\n\r\n");
        self.stream.write_all(request.as_bytes())?;
        let (mut answer, mut bytes) = (String::new(), [0; 1024]);
        loop {
            let length = self.stream.read(&mut bytes)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer += std::str::from_utf8(&bytes[..length]).map_err(io::Error::other)?;
            let Some((head, body)) = answer.split_once("\r\n\r\n") else {
                continue;
            };
            let head = head.to_ascii_lowercase();
            let field = |line: &str| line.strip_prefix("content-length: ")?.parse().ok();
            let length: Option<usize> = head.lines().find_map(field);
            if body.len() == length.expect("it says how long it is") {
                self.is_over = head.lines().any(|line| line == "connection: close");
                let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
                return Ok((status.expect("it has a status"), body.to_owned()));
            }
        }
    }
}

/// One request, on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    Connection::new(address)?.get(path)
}
