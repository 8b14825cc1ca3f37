//! What is answered.

use std::borrow::Cow;

use super::request::Refusal;

pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    kind: &'static str,
    body: Cow<'static, [u8]>,
    /// Further lines of the head, each with its end.
    lines: String,
}

impl Response {
    pub(crate) fn new(status: u16, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            kind,
            body: Cow::Owned(body.into()),
            lines: String::new(),
        }
    }

    /// A line of text.
    pub(crate) fn text(status: u16, text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.push('\n');
        Self::new(status, TEXT, text)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.lines += &format!("{name}: {value}\r\n");
        self
    }

    /// The bytes of it: without the body, if only the head was asked for.
    pub(crate) fn into_bytes(self, is_kept: bool, is_head: bool) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n", self.body.len());
        let mut bytes = head(self.status, self.kind, is_kept, &(length + &self.lines));
        if !is_head {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        Self::text(refusal.status, refusal.text)
    }
}

/// The head of a stream of events, which lasts as long as its connection.
pub(crate) fn head_of_events() -> Vec<u8> {
    head(200, "text/event-stream", false, "")
}

fn head(status: u16, kind: &str, is_kept: bool, lines: &str) -> Vec<u8> {
    let connection = if is_kept { "keep-alive" } else { "close" };
    let reason = reason(status);
    let text = format!(
        "HTTP/1.1 {status} {reason}\r\n\
         Content-Type: {kind}\r\n\
         Connection: {connection}\r\n\
         Cache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\n\
         Referrer-Policy: no-referrer\r\n\
         Cross-Origin-Resource-Policy: same-origin\r\n\
         {lines}\r\n"
    );
    text.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}
