//! Refusals of services.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::base::sync::Arc;
use crate::base::text;
use crate::errors::failure::Origin;
use crate::errors::full::Full;
use crate::errors::refusal::Reason;

/// Why a service was not taken, or not started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServeErrorKind {
    /// The runtime, or the group that it was to be in, is stopping or has stopped.
    Stopping,
    /// The key disagrees with one that this runtime already knows by the same identifier.
    Conflict,
    /// The settings can never work.
    Settings,
    /// Another service has this name, or the name is empty.
    Name,
    /// The service comes after one that this runtime does not know, that is another runtime's, or that is over without having
    /// been ready.
    Order,
    /// The operating system gave no thread to the supervisor.
    Thread,
    /// The service is over, and its settings do not say [`startable`](crate::Settings::startable). Only from
    /// [`Unit::start`](crate::Unit::start).
    Over,
    /// The limit of its group, or of one that this is in, is reached.
    Full,
}

/// The service was not taken: it has been dropped without being run. From [`Unit::start`](crate::Unit::start): it was not
/// started again.
pub struct ServeError(Box<NotServed>);

struct NotServed {
    origin: Origin,
    problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    Stopping,
    /// As `Stopping`, of this group alone.
    GroupStopping(Arc<str>),
    Full(Box<Full>),
    Conflict(String),
    Settings(String),
    Name,
    NoName,
    Order(String),
    Thread(std::io::Error),
    Over,
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Conflict(text) => Self::Conflict(text),
            Reason::Full(full) => Self::Full(full),
            Reason::GroupStopping(path) => Self::GroupStopping(path),
            _ => Self::Stopping,
        }
    }
}

impl ServeError {
    pub(crate) fn new(origin: Origin, problem: Problem) -> Self {
        Self(Box::new(NotServed { origin, problem }))
    }

    /// Why the service was not taken, or not started again.
    pub fn kind(&self) -> ServeErrorKind {
        match self.0.problem {
            Problem::Stopping | Problem::GroupStopping(_) => ServeErrorKind::Stopping,
            Problem::Full(_) => ServeErrorKind::Full,
            Problem::Conflict(_) => ServeErrorKind::Conflict,
            Problem::Settings(_) => ServeErrorKind::Settings,
            Problem::Name | Problem::NoName => ServeErrorKind::Name,
            Problem::Order(_) => ServeErrorKind::Order,
            Problem::Thread(_) => ServeErrorKind::Thread,
            Problem::Over => ServeErrorKind::Over,
        }
    }

    /// The service, if the limit of a group was reached: the value that was handed in. Of one that was handed in by a
    /// function ([`serve_with`](crate::Runtime::serve_with)) it is the function.
    ///
    /// # Errors
    ///
    /// The error itself, if it has no service: all other refusals have dropped it. Also if the service is no `S`.
    pub fn into_service<S: 'static>(mut self) -> Result<S, Self> {
        let Problem::Full(full) = &mut self.0.problem else {
            return Err(self);
        };
        full.take().ok_or(self)
    }

    /// With the service, if it is given back.
    pub(crate) fn with<S: Send + 'static>(mut self, service: S) -> Self {
        if let Problem::Full(full) = &mut self.0.problem {
            full.keep(service);
        }
        self
    }

    /// Whether it only says that a group ends.
    pub(crate) fn is_of_group(&self) -> bool {
        matches!(self.0.problem, Problem::GroupStopping(_))
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.0.origin.payload
    }

    /// The identifier of the service's flavour.
    pub fn flavour(&self) -> &str {
        self.0.origin.flavour.as_str()
    }

    /// Where the service was handed to the runtime.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.origin.location
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.0.problem {
            Problem::Over => "was not started",
            _ => "was not taken",
        };
        write!(f, "{} {what}: ", self.0.origin)?;
        write!(f, "{}", self.0.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over => f.write_str(
                "it is over, and only a service whose settings say `startable` is started again",
            ),
            Self::Stopping => f.write_str("the runtime is stopping or has stopped"),
            Self::GroupStopping(path) => {
                write!(f, "the group `{path}` is stopping or has stopped")
            }
            Self::Full(full) => full.fmt(f),
            Self::Conflict(text) => f.write_str(text),
            Self::Settings(text) => write!(f, "its settings can never work: {text}"),
            Self::Name => f.write_str("another service has this name"),
            Self::NoName => f.write_str(text::NO_NAME),
            Self::Order(text) => f.write_str(text),
            Self::Thread(_) => f.write_str("there is no thread for the supervisor"),
        }
    }
}

impl fmt::Debug for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeError")
            .field("kind", &self.kind())
            .field("name", &self.name())
            .field("flavour", &self.flavour())
            .field("message", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl Error for ServeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.problem {
            Problem::Thread(error) => Some(error),
            _ => None,
        }
    }
}
