//! As much of HTTP as a client of Kubernetes needs.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: HashMap<String, String>,
    pub(crate) body: Value,
}

pub(crate) struct Connection {
    stream: TcpStream,
    /// What was read, and is not used yet.
    read: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let read = Vec::new();
        Self { stream, read }
    }

    /// The next one, or none once the client has closed.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            if let Some((request, length)) = whole(&self.read)? {
                self.read.drain(..length);
                return Ok(Some(request));
            }
            let mut some = [0; 8 * 1024];
            match self.stream.read(&mut some)? {
                0 => return Ok(None),
                length => self.read.extend_from_slice(&some[..length]),
            }
        }
    }

    pub(crate) fn answer(&mut self, code: u16, body: &Value) -> io::Result<()> {
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        self.stream.write_all((head + &body).as_bytes())
    }

    /// Without an answer.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)
    }

    /// Begins an answer whose end nobody knows.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        self.stream.write_all(
            b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        )
    }

    /// A line of it.
    pub(crate) fn line(&mut self, line: &Value) -> io::Result<()> {
        let line = format!("{line}\n");
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        self.stream.write_all(chunk.as_bytes())
    }
}

/// The first request, and how long it is; none if a part is missing.
fn whole(read: &[u8]) -> io::Result<Option<(Request, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    let parsed = head.parse(read).map_err(io::Error::other)?;
    let httparse::Status::Complete(begin) = parsed else {
        return Ok(None);
    };
    let length = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
        .unwrap_or(0);
    let Some(body) = read.get(begin..begin + length) else {
        return Ok(None);
    };
    let target = head.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
    };
    Ok(Some((request, begin + length)))
}
