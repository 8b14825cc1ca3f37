//! The errors of adopt, execute and call: the refusals of a runtime, with their reasons.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::base::panics::message_of;
use crate::base::sync::Arc;
use crate::base::text;
use crate::errors::failure::{Cause, Origin};
use crate::errors::full::Full;
use crate::errors::held::Held;

/// A boxed error, as flavours return it.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a payload was not adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdoptErrorKind {
    /// The runtime, or the group, is stopping or has stopped.
    Stopping,
    /// The key disagrees with one that this runtime already knows by the same identifier.
    Conflict,
    /// The flavour could not be started.
    Start,
    /// The flavour did not take the payload.
    Rejected,
    /// The name of the payload is empty.
    Name,
    /// The limit of its group, or of one that this is in, is reached.
    Full,
}

/// Why a payload was not executed, or did not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExecuteErrorKind {
    /// The runtime was not started yet.
    NotRunning,
    /// The runtime, or the group, is stopping or has stopped.
    Stopping,
    /// The payload was cancelled because the runtime or its group ended, or its flavour lost it.
    Cancelled,
    /// The payload panicked. Only of a call that [catches](crate::Call::catch_panic) it.
    Panicked,
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
    /// The limit of its group, or of one that this is in, is reached.
    Full,
}

/// The payload was not adopted. It has been dropped without being run, or is in here: see [`into_payload`](Self::into_payload).
///
/// A program that adopts from outside a running runtime may get
/// [`Stopping`](AdoptErrorKind::Stopping) at any time, as a signal may come at any time. It then
/// goes on to [`wait`](crate::Runtime::wait), which tells whether anything failed.
pub struct AdoptError(Box<Refusal>);

/// The payload has no value: the runtime did not run it, or did not run it to its end.
///
/// A panic of the payload is an `ExecuteError` only if a [`Call`](crate::Call) is told to
/// [catch it](crate::Call::catch_panic); otherwise it goes on in the caller.
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
    /// What is large is boxed, as every adopt may return a reason.
    Panicked(Box<Panicked>),
    Deadlock(String),
    Conflict(String),
    Start(BoxError),
    Rejected(Option<BoxError>),
    NoName,
    /// As `Stopping`, of this group alone.
    GroupStopping(Arc<str>),
    /// As `Cancelled`, as this group alone ended.
    GroupCancelled(Arc<str>),
    Full(Box<Full>),
}

/// A caught panic, and its message.
#[derive(Debug)]
pub(crate) struct Panicked {
    message: String,
    value: Held,
}

impl Reason {
    pub(crate) fn panicked(value: Box<dyn Any + Send>) -> Self {
        Self::Panicked(Box::new(Panicked {
            message: message_of(&*value),
            value: Held::new(value),
        }))
    }

    /// With the payload, if it is given back.
    pub(crate) fn with<P: Send + 'static>(mut self, payload: P) -> Self {
        if let Self::Full(full) = &mut self {
            full.keep(payload);
        }
        self
    }

    /// The cause of the failure of a payload that could not begin although its adopter got `Ok`.
    /// `None` if the runtime was stopping.
    pub(crate) fn into_cause(self) -> Option<Cause> {
        Some(match self {
            Self::Stopping | Self::GroupStopping(_) => return None,
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
            Reason::Full(_) => AdoptErrorKind::Full,
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
            Reason::Stopping | Reason::GroupStopping(_) => ExecuteErrorKind::Stopping,
            Reason::Cancelled | Reason::GroupCancelled(_) => ExecuteErrorKind::Cancelled,
            Reason::Panicked(_) => ExecuteErrorKind::Panicked,
            Reason::Deadlock(_) => ExecuteErrorKind::Deadlock,
            Reason::Conflict(_) => ExecuteErrorKind::Conflict,
            Reason::Start(_) => ExecuteErrorKind::Start,
            Reason::Rejected(_) => ExecuteErrorKind::Rejected,
            Reason::NoName => ExecuteErrorKind::Name,
            Reason::Full(_) => ExecuteErrorKind::Full,
        }
    }

    /// The value of the payload's panic, such as for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Errors
    ///
    /// The error itself, if its kind is not [`Panicked`](ExecuteErrorKind::Panicked).
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match *self.0 {
            Refusal {
                reason: Reason::Panicked(panicked),
                ..
            } => Ok(panicked.value.into_inner()),
            refusal => Err(Self(Box::new(refusal))),
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

            /// The payload, if the limit of a group was reached: the same value that was handed in, to be handed in again.
            ///
            /// It is the payload as it was: what its closure owns stays in there. To do something else with that, such as to
            /// tell a client that the server is busy, take a place first: [`Group::try_place`](crate::Group::try_place).
            ///
            /// Where it is assigned to the variable that it came from, the compiler knows its type:
            ///
            /// ```
            /// # use foster_core::{AdoptErrorKind, Manual, Runtime};
            /// # use std::time::Duration;
            /// # let (runtime, manual) = (Runtime::new(), Manual::new());
            /// let connections = runtime.group("connections").limit(1).create()?;
            /// let mut payload = async || { /* serve one */ };
            /// while let Err(error) = connections.adopt(manual.clone(), payload) {
            ///     payload = error.into_payload()?;
            ///     // Whatever is done where there are too many, and then perhaps again.
            /// }
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Errors
            ///
            /// The error itself, if it has no payload: all other refusals have dropped it. Also if the payload is no `P`.
            pub fn into_payload<P: 'static>(mut self) -> Result<P, Self> {
                let Reason::Full(full) = &mut self.0.reason else {
                    return Err(self);
                };
                full.take().ok_or(self)
            }

            /// Whether it only says that a group ends.
            pub(crate) fn is_of_group(&self) -> bool {
                matches!(
                    self.0.reason,
                    Reason::GroupStopping(_) | Reason::GroupCancelled(_)
                )
            }

            pub(crate) fn origin(&self) -> &Origin {
                &self.0.origin
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {}", self.0.origin, self.0.reason.text($verb))
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
                format!("was not {verb}: the runtime is not running, `run` or `start` comes first")
            }
            Self::Stopping => format!("was not {verb}: the runtime is stopping or has stopped"),
            Self::Cancelled => {
                "was cancelled: its runtime stopped, or its flavour lost it".to_owned()
            }
            Self::GroupCancelled(path) => {
                format!("was cancelled: the group `{path}` ended")
            }
            Self::Panicked(panicked) => {
                let message = text::line(&panicked.message, text::MESSAGE_LIMIT);
                format!("panicked: {message}")
            }
            Self::Deadlock(ring) => format!(
                "was not {verb}: waiting for it would deadlock ({ring}); awaiting a `call` blocks nobody"
            ),
            Self::Conflict(text) => format!("was not {verb}: {text}"),
            Self::Start(error) => {
                format!("was not {verb}: its flavour could not be started: {error}")
            }
            Self::Rejected(Some(error)) => {
                format!("was not {verb}: its flavour does not take it: {error}")
            }
            Self::Rejected(None) => format!("was not {verb}: its flavour does not take it"),
            Self::NoName => format!("was not {verb}: {}", text::NO_NAME),
            Self::GroupStopping(path) => {
                format!("was not {verb}: the group `{path}` is stopping or has stopped")
            }
            Self::Full(full) => format!("was not {verb}: {full}"),
        }
    }
}
