//! Failures of payloads, kept as data and as text.

mod cause;
mod origin;

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use self::cause::Contained;
pub(crate) use self::cause::{Cause, ErrorValue, source_of};
pub(crate) use self::origin::{Origin, What};
use crate::base::text;

/// Stands for the links of a chain that were left out.
const MORE_CAUSES: &str = "… (more causes)";

/// How a payload failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The payload returned an error.
    Error,
    /// The payload, or a destructor of it, panicked.
    Panic,
    /// The payload returned a value, but has no caller who could receive it.
    OrphanedReturn,
    /// The payload's flavour died, could not start, or dropped the payload unfinished.
    Lost,
    /// A service did not report that it was ready, either in time or before it ended.
    NotReady,
    /// A service returned that must never end (see
    /// [`return_is_failure`](crate::Settings::return_is_failure)), or returned more often than the
    /// limit of its restarts allows.
    Returned,
    /// A service did not end, so it could not be started again.
    Stuck,
    /// A service answered a [reload](crate::Runtime::reload) with an error. It goes on as it was.
    NotReloaded,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::OrphanedReturn => "orphaned return",
            Self::Lost => "lost",
            Self::NotReady => "not ready",
            Self::Returned => "returned",
            Self::Stuck => "stuck",
            Self::NotReloaded => "not reloaded",
        })
    }
}

/// One failure: the payload, its flavour, the place where it was handed in, and the cause.
///
/// `Display` prints one line without the cause, as for every error. `{:#}` prints one line with the
/// whole chain, as anyhow does: ``payload `poller` on smol failed: no answer: no route``.
/// [`RunError`](crate::RunError) prints all of it. Clones share the cause.
#[derive(Clone)]
pub struct Failure {
    origin: Origin,
    cause: Arc<Cause>,
    /// Apart from the texts, which may be needed for longer than the error.
    error: Option<Arc<Contained>>,
    during_shutdown: bool,
    given_up: Option<GivenUp>,
}

/// A service that was started too often.
#[derive(Debug, Clone, Copy)]
struct GivenUp {
    starts: usize,
    window: Duration,
}

impl Failure {
    pub(crate) fn new(origin: Origin, mut cause: Cause) -> Self {
        Self {
            origin,
            error: cause.error.take().map(Arc::new),
            cause: Arc::new(cause),
            during_shutdown: false,
            given_up: None,
        }
    }

    /// Marks the last failure of a service that is not started again.
    pub(crate) fn give_up(mut self, starts: usize, window: Duration) -> Self {
        self.given_up = Some(GivenUp { starts, window });
        self
    }

    /// The texts of the failure, without the error itself, which is the user's.
    pub(crate) fn texts(mut self) -> Self {
        self.error = None;
        self
    }

    pub(crate) fn mark_during_shutdown(&mut self) {
        self.during_shutdown = true;
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The payload's name. Without a [name](crate::Runtime::named), the place where it was handed
    /// to the runtime, such as `src/main.rs:12`.
    pub fn payload(&self) -> &str {
        &self.origin.payload
    }

    /// The identifier of the payload's flavour.
    pub fn flavour(&self) -> &str {
        self.origin.flavour.as_str()
    }

    /// Where the payload was handed to the runtime.
    pub fn location(&self) -> &'static Location<'static> {
        self.origin.location
    }

    /// How the payload failed.
    pub fn kind(&self) -> FailureKind {
        self.cause.kind
    }

    /// The problem in one text: the error's own text without its sources, the panic's message, the
    /// orphaned value's `Debug` text, or the way in which the payload was lost.
    pub fn message(&self) -> &str {
        &self.cause.message
    }

    /// The texts of the error's sources, outermost first. At most 32 are kept.
    pub fn chain(&self) -> &[String] {
        &self.cause.chain
    }

    /// The error that the payload returned, for downcasting.
    ///
    /// For an `anyhow::Error` this is the error that it was made from. `None` unless the failure is
    /// a returned error or an answer to a reload.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.error.as_ref().map(|error| error.as_dyn())
    }

    /// How often the service was started within the window of its [limit](crate::Restart::limit),
    /// if this failure made Foster give the service up. `None` for every other failure.
    pub fn starts(&self) -> Option<usize> {
        self.given_up.map(|given_up| given_up.starts)
    }

    /// Whether the runtime was already stopping when the failure happened.
    pub fn during_shutdown(&self) -> bool {
        self.during_shutdown
    }

    /// Writes the failure and its whole cause as an indented block.
    pub(crate) fn write_report(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let inner = format!("{indent}  ");
        write!(f, "{indent}{self}{}\n{inner}", self.origin.place())?;
        self.write_cause(f, &inner)
    }

    /// The failure and its whole cause on one line.
    pub(crate) fn line(&self) -> String {
        struct Line<'a>(&'a Failure);
        impl fmt::Display for Line<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write_line(f)
            }
        }
        Line(self).to_string()
    }

    /// Writes the failure and its whole cause on one line.
    pub(crate) fn write_line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", self.origin.place())?;
        let mut above = "";
        for link in std::iter::once(self.message()).chain(self.chain().iter().map(String::as_str)) {
            // Many errors print their source's text as part of their own.
            if above.is_empty() || !above.contains(link) {
                write!(f, ": {}", text::line(link, text::MESSAGE_LIMIT))?;
            }
            above = link;
        }
        if self.cause.chain_cut {
            f.write_str(": … (more causes)")?;
        }
        Ok(())
    }

    /// Writes the whole cause, the first line without `indent`.
    pub(crate) fn write_cause(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let mut above = self.message();
        let message = text::block(above, text::MESSAGE_LIMIT, indent);
        write!(f, "{message}")?;
        for link in self.chain() {
            // Many errors print their source's text as part of their own.
            if !above.contains(link.as_str()) {
                let link = text::block(link, text::MESSAGE_LIMIT, indent);
                write!(f, "\n{indent}caused by: {link}")?;
            }
            above = link;
        }
        if self.cause.chain_cut {
            write!(f, "\n{indent}caused by: {MORE_CAUSES}")?;
        }
        Ok(())
    }

    /// The backtrace that the error carries, if one was taken.
    pub(crate) fn backtrace(&self) -> Option<String> {
        self.error.as_ref()?.backtrace()
    }

    /// Writes the whole cause, continuing the current line.
    fn write_chain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for link in std::iter::once(self.message()).chain(self.chain().iter().map(String::as_str)) {
            write!(f, ": {}", text::line(link, text::MESSAGE_LIMIT))?;
        }
        if self.cause.chain_cut {
            write!(f, ": {MORE_CAUSES}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.cause.kind {
            FailureKind::Error => "failed",
            FailureKind::Panic => "panicked",
            FailureKind::OrphanedReturn => "returned a value that nobody receives",
            FailureKind::Lost => "was lost",
            FailureKind::NotReady => "did not become ready",
            FailureKind::Returned if self.given_up.is_some() => "returned",
            FailureKind::Returned => "returned, although it must never end",
            FailureKind::Stuck => "would not end",
            FailureKind::NotReloaded => "did not reload",
        };
        write!(f, "{} {how}", self.origin)?;
        if let Some(GivenUp { starts, window }) = self.given_up {
            let times = if starts == 1 { "time" } else { "times" };
            write!(
                f,
                ", and is given up: started {starts} {times} within {window:?}"
            )?;
        }
        if f.alternate() {
            self.write_chain(f)?;
        }
        Ok(())
    }
}

/// Shows the texts that were taken when it happened, and runs no user code.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("payload", &self.payload())
            .field("flavour", &self.flavour())
            .field("location", &format_args!("{}", self.location()))
            .field("kind", &self.kind())
            .field("message", &self.message())
            .field("chain", &self.chain())
            .field("during_shutdown", &self.during_shutdown)
            .field("starts", &self.starts())
            .finish_non_exhaustive()
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.as_ref().map(|error| error.as_dyn() as _)
    }
}
