//! A request, as far as it is looked at, made of the bytes of its head.

use httparse::{EMPTY_HEADER, Status};

/// How many bytes a head may have.
pub(crate) const HEAD: usize = 8 * 1024;

/// How many bytes a body may have. Nothing reads it.
pub(crate) const BODY: usize = 4 * 1024;

/// How many lines a head may have after the first.
const LINES: usize = 64;

/// What a request is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Other,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The target up to its query, still encoded.
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) origin: Option<String>,
    /// `Sec-Fetch-Site`.
    pub(crate) site: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) accept: String,
    /// Whether the connection may have another request after this one.
    pub(crate) keeps: bool,
    /// The length of its body.
    pub(crate) body: usize,
    /// The other side waits for a word before it sends the body.
    pub(crate) expects: bool,
}

/// Why bytes are no request that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, text }
    }
}

/// Looks for a request at the beginning of `bytes`: with its length, or `None` if it is not complete.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Refusal> {
    let mut lines = [EMPTY_HEADER; LINES];
    let mut head = httparse::Request::new(&mut lines);
    let length = match head.parse(bytes).map_err(refuse)? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(None),
    };
    if length > HEAD {
        return Err(too_large());
    }
    // All are there once the head is complete.
    let target = head.path.unwrap_or_default();
    let is_old = head.version == Some(0);
    let fields = Fields(head.headers);
    if !target.starts_with('/') {
        return Err(Refusal::new(
            400,
            "the target of a request is a path here, such as /status",
        ));
    }
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if fields.all("transfer-encoding").next().is_some() {
        return Err(Refusal::new(
            501,
            "a body with a transfer encoding is not taken; nothing here reads one",
        ));
    }
    let host = fields.one("host")?;
    if host.is_none() && !is_old {
        return Err(Refusal::new(400, "the request has no Host"));
    }
    let connection = fields.one("connection")?.unwrap_or_default();
    let mut connection = connection.split(',').map(str::trim);
    let request = Request {
        method: match head.method.unwrap_or_default() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => Method::Other,
        },
        path: path.to_owned(),
        host,
        origin: fields.one("origin")?,
        site: fields.one("sec-fetch-site")?,
        authorization: fields.one("authorization")?,
        accept: fields.one("accept")?.unwrap_or_default(),
        keeps: !is_old && !connection.any(|word| word.eq_ignore_ascii_case("close")),
        body: body(&fields)?,
        expects: fields.all("expect").next().is_some(),
    };
    Ok(Some((request, length)))
}

pub(crate) fn too_large() -> Refusal {
    Refusal::new(
        431,
        format!("the head of a request has at most {HEAD} bytes"),
    )
}

fn refuse(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::new(
            431,
            format!("the head of a request has at most {LINES} lines"),
        ),
        httparse::Error::Version => Refusal::new(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"),
        other => Refusal::new(400, format!("this is no request in HTTP/1.1: {other}")),
    }
}

/// The length of the body.
fn body(fields: &Fields<'_>) -> Result<usize, Refusal> {
    let Some(length) = fields.one("content-length")? else {
        return Ok(0);
    };
    // `parse` takes a plus sign as well.
    let are_digits = !length.is_empty() && length.bytes().all(|one| one.is_ascii_digit());
    match length.parse() {
        Ok(length) if are_digits && length <= BODY => Ok(length),
        // A number that is too large for the type is too large.
        _ if are_digits => Err(Refusal::new(
            413,
            format!("the body of a request has at most {BODY} bytes"),
        )),
        _ => Err(Refusal::new(400, "the Content-Length is no number")),
    }
}

/// The lines of a head.
struct Fields<'a>(&'a [httparse::Header<'a>]);

impl<'a> Fields<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let lines = self.0.iter();
        let lines = lines.filter(move |line| line.name.eq_ignore_ascii_case(name));
        lines.map(|line| line.value)
    }

    /// The only one of that name: whoever sends two of one of these wants them read in two ways.
    fn one(&self, name: &'static str) -> Result<Option<String>, Refusal> {
        let mut found = self.all(name);
        let Some(value) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(Refusal::new(
                400,
                format!("the request has more than one {name}"),
            ));
        }
        match std::str::from_utf8(value) {
            Ok(value) => Ok(Some(value.trim().to_owned())),
            Err(_) => Err(Refusal::new(
                400,
                format!("the {name} of the request is no text"),
            )),
        }
    }
}
