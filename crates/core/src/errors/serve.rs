//! Refusals of services.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::base::text;
use crate::errors::failure::Origin;
use crate::errors::refusal::Reason;

/// Why a service was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServeErrorKind {
    /// The runtime is stopping or has stopped.
    Stopping,
    /// The key disagrees with one that this runtime already knows by the same identifier.
    Conflict,
    /// The settings can never work.
    Settings,
    /// Another service has this name, or the name is empty.
    Name,
    /// The service comes after a service that this runtime does not know.
    Order,
    /// The operating system gave no thread to the supervisor.
    Thread,
}

/// The service was not taken. It has been dropped without being run.
pub struct ServeError(Box<NotServed>);

struct NotServed {
    origin: Origin,
    problem: Problem,
}

#[derive(Debug)]
pub(crate) enum Problem {
    Stopping,
    Conflict(String),
    Settings(String),
    Name,
    NoName,
    Order(String),
    Thread(std::io::Error),
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Conflict(text) => Self::Conflict(text),
            _ => Self::Stopping,
        }
    }
}

impl ServeError {
    pub(crate) fn new(origin: Origin, problem: Problem) -> Self {
        Self(Box::new(NotServed { origin, problem }))
    }

    /// Why the service was not taken.
    pub fn kind(&self) -> ServeErrorKind {
        match self.0.problem {
            Problem::Stopping => ServeErrorKind::Stopping,
            Problem::Conflict(_) => ServeErrorKind::Conflict,
            Problem::Settings(_) => ServeErrorKind::Settings,
            Problem::Name | Problem::NoName => ServeErrorKind::Name,
            Problem::Order(_) => ServeErrorKind::Order,
            Problem::Thread(_) => ServeErrorKind::Thread,
        }
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
        write!(f, "{} was not taken: ", self.0.origin)?;
        match &self.0.problem {
            Problem::Stopping => f.write_str("the runtime is stopping or has stopped"),
            Problem::Conflict(text) => f.write_str(text),
            Problem::Settings(text) => write!(f, "its settings can never work: {text}"),
            Problem::Name => f.write_str("another service has this name"),
            Problem::NoName => f.write_str(text::NO_NAME),
            Problem::Order(text) => f.write_str(text),
            Problem::Thread(_) => f.write_str("there is no thread for the supervisor"),
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
