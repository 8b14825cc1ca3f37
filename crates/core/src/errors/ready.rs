//! Why a runtime is not ready.

use std::error::Error;
use std::fmt;

use crate::base::sync::Arc;
use crate::base::text;
use crate::errors::failure::Failure;

/// How many services the text names.
const SHOWN: usize = 20;

/// Why a runtime is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadyErrorKind {
    /// The runtime, or the group, is stopping or has stopped, and was not ready before.
    Stopping,
    /// It was not ready in the time that was given.
    Late,
}

/// A runtime or a group is not ready: see [`Runtime::ready`](crate::Runtime::ready).
#[derive(Clone)]
pub struct ReadyError {
    kind: ReadyErrorKind,
    unready: Vec<String>,
    /// The path of the group that it is about.
    group: Option<Arc<str>>,
    /// The group alone ends, as far as is known.
    is_of_group: bool,
    is_started: bool,
    /// Boxed, as most have none.
    cause: Option<Box<Failure>>,
}

impl ReadyError {
    pub(crate) fn stopping(unready: Vec<String>) -> Self {
        Self::new(ReadyErrorKind::Stopping, unready)
    }

    pub(crate) fn late(unready: Vec<String>) -> Self {
        Self::new(ReadyErrorKind::Late, unready)
    }

    pub(crate) fn not_started(unready: Vec<String>) -> Self {
        let mut late = Self::late(unready);
        late.is_started = false;
        late
    }

    fn new(kind: ReadyErrorKind, unready: Vec<String>) -> Self {
        Self {
            kind,
            unready,
            group: None,
            is_of_group: false,
            is_started: true,
            cause: None,
        }
    }

    /// With the failure for which the runtime stops.
    pub(crate) fn because(mut self, cause: Option<Failure>) -> Self {
        self.cause = cause.map(Box::new);
        self
    }

    /// Of the group with this path, which may be all that ends.
    pub(crate) fn of_group(mut self, path: &Arc<str>, is_of_group: bool) -> Self {
        self.group = Some(Arc::clone(path));
        self.is_of_group = is_of_group;
        self
    }

    /// Whether it only says that a group ends.
    pub(crate) fn is_of_group(&self) -> bool {
        self.is_of_group
    }

    /// The kind of this error.
    pub fn kind(&self) -> ReadyErrorKind {
        self.kind
    }

    /// The names of the services that had not been ready, in the order in which they were handed in.
    pub fn unready(&self) -> &[String] {
        &self.unready
    }

    /// The failure for which the runtime stops, without the error itself: [`wait`](crate::Runtime::wait) returns that.
    /// `None` if it stops for another reason.
    pub fn cause(&self) -> Option<&Failure> {
        self.cause.as_deref()
    }
}

impl fmt::Display for ReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.group {
            Some(path) => write!(f, "the group `{}`", text::line(path, text::NAME_LIMIT))?,
            None => f.write_str("the runtime")?,
        }
        f.write_str(match self.kind {
            ReadyErrorKind::Stopping => " stops before it was ready",
            ReadyErrorKind::Late => " is not ready in time",
        })?;
        for (index, name) in self.unready.iter().take(SHOWN).enumerate() {
            let before = if index == 0 { ": not ready are" } else { "," };
            write!(f, "{before} `{name}`")?;
        }
        match self.unready.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }?;
        match &self.cause {
            Some(cause) => {
                let message = text::line(cause.message(), text::MESSAGE_LIMIT);
                write!(f, "; it stops as {cause}: {message}")
            }
            None if !self.is_started => f.write_str("; it was not started"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ReadyError {}
