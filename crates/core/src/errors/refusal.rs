//! The errors of adopt, execute and call: the refusals of a runtime, with their reasons.

use crate::errors::failure::{Cause, Origin};
use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::base::text;

/// A boxed error, as flavours return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a payload was not adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdoptErrorKind {
    /// The runtime is stopping or has stopped.
    Stopping,
    /// The key disagrees with one that this runtime already knows by the same identifier.
    Conflict,
    /// The flavour could not be started.
    Start,
    /// The flavour did not take the payload.
    Rejected,
    /// The name of the payload is empty.
    Name,
}

/// Why a payload was not executed, or did not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExecuteErrorKind {
    /// The runtime was not started yet.
    NotRunning,
    /// The runtime is stopping or has stopped.
    Stopping,
    /// The payload was cancelled because the runtime stopped, or its flavour lost it.
    Cancelled,
    /// Waiting for the payload could never have ended.
    Deadlock,
    /// The key disagrees with one that this runtime already knows by the same identifier.
    Conflict,
    /// The flavour could not be started.
    Start,
    /// The flavour did not take the payload.
    Rejected,
    /// The name of the payload is empty.
    Name,
}

/// The payload was not adopted. It has been dropped without being run.
///
/// A program that adopts from outside a running runtime may get
/// [`Stopping`](AdoptErrorKind::Stopping) at any time, as a signal may come at any time. It then
/// goes on to [`wait`](crate::Runtime::wait), which tells whether anything failed.
pub struct AdoptError(Box<Refusal>);

/// The payload has no value: the runtime did not run it, or did not run it to its end.
///
/// A panic of the payload is never an `ExecuteError`: it goes on in the caller.
pub struct ExecuteError(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    origin: Origin,
    reason: Reason,
}

#[derive(Debug)]
pub(crate) enum Reason {
    NotRunning,
    Stopping,
    Cancelled,
    Deadlock(String),
    Conflict(String),
    Start(BoxError),
    Rejected(Option<BoxError>),
    NoName,
}

impl Reason {
    /// The cause of the failure of a payload that could not begin although its adopter got `Ok`.
    /// `None` if the runtime was stopping.
    pub(crate) fn into_cause(self) -> Option<Cause> {
        Some(match self {
            Self::Stopping => return None,
            Self::Start(error) => Cause::lost_by("its flavour could not be started", error),
            Self::Rejected(Some(error)) => Cause::lost_by("its flavour does not take it", error),
            _ => Cause::lost("its flavour does not take it"),
        })
    }
}

impl AdoptError {
    pub(crate) fn new(origin: Origin, reason: Reason) -> Self {
        Self(Box::new(Refusal { origin, reason }))
    }

    /// Why the payload was not adopted.
    pub fn kind(&self) -> AdoptErrorKind {
        match &self.0.reason {
            Reason::Conflict(_) => AdoptErrorKind::Conflict,
            Reason::Start(_) => AdoptErrorKind::Start,
            Reason::Rejected(_) => AdoptErrorKind::Rejected,
            Reason::NoName => AdoptErrorKind::Name,
            _ => AdoptErrorKind::Stopping,
        }
    }
}

impl ExecuteError {
    pub(crate) fn new(origin: Origin, reason: Reason) -> Self {
        Self(Box::new(Refusal { origin, reason }))
    }

    /// Why there is no value.
    pub fn kind(&self) -> ExecuteErrorKind {
        match &self.0.reason {
            Reason::NotRunning => ExecuteErrorKind::NotRunning,
            Reason::Stopping => ExecuteErrorKind::Stopping,
            Reason::Cancelled => ExecuteErrorKind::Cancelled,
            Reason::Deadlock(_) => ExecuteErrorKind::Deadlock,
            Reason::Conflict(_) => ExecuteErrorKind::Conflict,
            Reason::Start(_) => ExecuteErrorKind::Start,
            Reason::Rejected(_) => ExecuteErrorKind::Rejected,
            Reason::NoName => ExecuteErrorKind::Name,
        }
    }
}

macro_rules! refusal_error {
    ($name:ident, $verb:literal) => {
        impl $name {
            /// The payload's name. Without one, the place where it was handed to the runtime.
            pub fn payload(&self) -> &str {
                &self.0.origin.payload
            }

            /// The identifier of the requested flavour.
            pub fn flavour(&self) -> &str {
                self.0.origin.flavour.as_str()
            }

            /// Where the payload was handed to the runtime.
            pub fn location(&self) -> &'static Location<'static> {
                self.0.origin.location
            }

            pub(crate) fn origin(&self) -> &Origin {
                &self.0.origin
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} was {}", self.0.origin, self.0.reason.text($verb))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("kind", &self.kind())
                    .field("payload", &self.payload())
                    .field("flavour", &self.flavour())
                    .field("message", &self.to_string())
                    .finish_non_exhaustive()
            }
        }

        impl Error for $name {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                match &self.0.reason {
                    Reason::Start(error) | Reason::Rejected(Some(error)) => Some(error.as_ref()),
                    _ => None,
                }
            }
        }
    };
}

refusal_error!(AdoptError, "adopted");
refusal_error!(ExecuteError, "executed");

impl Reason {
    fn text(&self, verb: &str) -> String {
        match self {
            Self::NotRunning => {
                format!("not {verb}: the runtime is not running, `run` or `start` comes first")
            }
            Self::Stopping => format!("not {verb}: the runtime is stopping or has stopped"),
            Self::Cancelled => "cancelled: its runtime stopped, or its flavour lost it".to_owned(),
            Self::Deadlock(ring) => format!(
                "not {verb}: waiting for it would deadlock ({ring}); `call` waits without blocking"
            ),
            Self::Conflict(text) => format!("not {verb}: {text}"),
            Self::Start(error) => format!("not {verb}: its flavour could not be started: {error}"),
            Self::Rejected(Some(error)) => {
                format!("not {verb}: its flavour does not take it: {error}")
            }
            Self::Rejected(None) => format!("not {verb}: its flavour does not take it"),
            Self::NoName => format!("not {verb}: {}", text::NO_NAME),
        }
    }
}
