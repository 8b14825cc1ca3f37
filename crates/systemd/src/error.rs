//! What can go wrong before a runtime starts.

use std::error::Error;
use std::fmt;

use foster_core::ServeError;

/// Why there is no notifier, or why nothing was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SystemdErrorKind {
    /// The process has several threads, so its environment cannot be changed.
    Threads,
    /// A variable of the environment has a value that it cannot have.
    Value,
    /// A descriptor that was promised is not there, or the system refused something.
    System,
    /// The sockets were taken before.
    Taken,
    /// The runtime did not take the service.
    Service,
}

/// What systemd gave to this process cannot be used: see [`serve`](crate::serve) and [`sockets`](crate::sockets).
#[derive(Debug)]
pub struct SystemdError {
    kind: SystemdErrorKind,
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl SystemdError {
    pub(crate) fn new(kind: SystemdErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
        }
    }

    pub(crate) fn because(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..self
        }
    }

    /// Of a variable, with its value and what it may be.
    pub(crate) fn value(name: &str, value: &std::ffi::OsStr, allowed: &str) -> Self {
        let text = format!("{name} is `{}`: {allowed}", value.to_string_lossy());
        Self::new(SystemdErrorKind::Value, text)
    }

    /// What went wrong.
    pub fn kind(&self) -> SystemdErrorKind {
        self.kind
    }
}

impl From<ServeError> for SystemdError {
    fn from(error: ServeError) -> Self {
        Self::new(
            SystemdErrorKind::Service,
            "the runtime did not take the notifier",
        )
        .because(error)
    }
}

impl fmt::Display for SystemdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for SystemdError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}

/// Why there is no such socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketErrorKind {
    /// Nothing was handed over by this name.
    Missing,
    /// What has this name is something else.
    Kind,
    /// All that have this name were taken before.
    Taken,
    /// Nothing was handed over, and the address cannot be bound.
    Bind,
}

/// A socket cannot be had: see [`Sockets`](crate::Sockets).
#[derive(Debug)]
pub struct SocketError {
    kind: SocketErrorKind,
    text: String,
    source: Option<std::io::Error>,
}

impl SocketError {
    fn new(kind: SocketErrorKind, text: String) -> Self {
        Self {
            kind,
            text,
            source: None,
        }
    }

    pub(crate) fn missing<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
        let handed = match names.is_empty() {
            true => "nothing".to_owned(),
            false => names.join(", "),
        };
        let text = format!("systemd handed over no socket `{name}` (handed over: {handed})");
        Self::new(SocketErrorKind::Missing, text)
    }

    pub(crate) fn kind_is(name: &str, wanted: &dyn fmt::Display, found: &dyn fmt::Display) -> Self {
        let text = format!("what systemd handed over as `{name}` is {found}, not {wanted}");
        Self::new(SocketErrorKind::Kind, text)
    }

    pub(crate) fn taken(name: &str) -> Self {
        let text = format!("what systemd handed over as `{name}` is taken already");
        Self::new(SocketErrorKind::Taken, text)
    }

    pub(crate) fn bind(
        name: &str,
        address: &(impl fmt::Debug + ?Sized),
        error: std::io::Error,
    ) -> Self {
        let text = format!("no socket `{name}`: {address:?} cannot be bound");
        Self {
            source: Some(error),
            ..Self::new(SocketErrorKind::Bind, text)
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> SocketErrorKind {
        self.kind
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref()?)
    }
}
