//! One request to a daemon's admin, and its answer. Each has a connection of its own and a limit of time and size.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use foster::status::Status;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::address::Address;
use crate::text::{fit, line, list};

/// How long an answer may take, from the connection to its last byte.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The same for a command: a reload is answered when all that take part have, which have 30 s unless the daemon sets more.
const LONG_PATIENCE: Duration = Duration::from_secs(40);

/// How long the answer may be: that of a runtime with 30,000 units, about.
const MOST_BYTES: usize = 16 << 20;

/// What stands in a path of a URL as it is. A unit's path has slashes of its own.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// Something that a daemon is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    Start(String),
    Stop(String),
    Restart(String),
    Reload,
}

impl Command {
    fn path(&self) -> String {
        let (unit, verb) = match self {
            Self::Start(unit) => (unit, "start"),
            Self::Stop(unit) => (unit, "stop"),
            Self::Restart(unit) => (unit, "restart"),
            Self::Reload => return "/reload".to_owned(),
        };
        format!("/units/{}/{verb}", utf8_percent_encode(unit, PLAIN))
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(unit) => write!(f, "start `{}`", line(unit)),
            Self::Stop(unit) => write!(f, "stop `{}`", line(unit)),
            Self::Restart(unit) => write!(f, "restart `{}`", line(unit)),
            Self::Reload => f.write_str("reload"),
        }
    }
}

/// What a daemon says of a command, as far as it is shown.
#[derive(Debug, Default, Deserialize)]
struct Report {
    reloaded: Option<Vec<String>>,
}

/// The beginning of what `body` says.
fn says(body: &Bytes) -> String {
    let says = line(&String::from_utf8_lossy(body));
    match says.is_empty() {
        true => "nothing more".to_owned(),
        false => fit(&says, 300).into_owned(),
    }
}

/// Whom to ask, and by which right.
#[derive(Clone)]
pub(crate) struct Client {
    address: Address,
    host: HeaderValue,
    token: Option<HeaderValue>,
}

impl Client {
    /// # Errors
    ///
    /// A host or a token that no header may have.
    pub(crate) fn new(address: Address, token: Option<&str>) -> anyhow::Result<Self> {
        let host = match &address {
            Address::Socket(_) => "localhost",
            Address::Tcp(at) => at,
        };
        let host = host
            .parse()
            .with_context(|| format!("`{host}` is no host"))?;
        let bearer = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let mut token = bearer
            .transpose()
            .context("the token has characters that no header may have")?;
        if let Some(token) = &mut token {
            token.set_sensitive(true);
        }
        Ok(Self {
            address,
            host,
            token,
        })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// How the daemon does.
    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        let (status, body) = self.send(Method::GET, "/status", PATIENCE).await?;
        if status != StatusCode::OK {
            bail!("it answers {status} for /status: {}", says(&body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            anyhow!("its status is none that this version of foster-top understands: {error}")
        })
    }

    /// Asks for `command`, and returns what the daemon says of it.
    pub(crate) async fn send_command(&self, command: &Command) -> anyhow::Result<String> {
        let (status, body) = self
            .send(Method::POST, &command.path(), LONG_PATIENCE)
            .await?;
        if !status.is_success() {
            bail!("{} ({status})", says(&body));
        }
        let report: Report = serde_json::from_slice(&body).unwrap_or_default();
        Ok(match report.reloaded.as_deref() {
            None => "asked".to_owned(),
            Some([]) => "done, nothing takes part".to_owned(),
            Some(names) => format!("done by {}", list(names, 5, 0)),
        })
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        patience: Duration,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let answer = tokio::time::timeout(patience, self.exchange(method, path)).await;
        answer.unwrap_or_else(|_| Err(anyhow!("no answer within {} s", patience.as_secs())))
    }

    async fn exchange(&self, method: Method, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        match &self.address {
            #[cfg(unix)]
            Address::Socket(at) => {
                self.talk(UnixStream::connect(at).await?, method, path)
                    .await
            }
            #[cfg(not(unix))]
            Address::Socket(_) => bail!("this system has no Unix sockets"),
            Address::Tcp(at) => {
                self.talk(TcpStream::connect(at.as_str()).await?, method, path)
                    .await
            }
        }
    }

    async fn talk<S>(
        &self,
        stream: S,
        method: Method,
        path: &str,
    ) -> anyhow::Result<(StatusCode, Bytes)>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = async {
            let answer = sender.send_request(request).await?;
            let (status, body) = (
                answer.status(),
                Limited::new(answer.into_body(), MOST_BYTES),
            );
            let body = body.collect().await.map_err(|error| anyhow!(error))?;
            anyhow::Ok((status, body.to_bytes()))
        };
        // The connection moves the bytes, so both are polled; it may be over before the answer is read.
        let connection = async {
            let _ = connection.await;
            std::future::pending().await
        };
        futures_lite::future::or(answer, connection).await
    }
}

#[cfg(test)]
mod tests;
