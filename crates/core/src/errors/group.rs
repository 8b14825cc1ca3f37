//! Refusals of groups.

use std::error::Error;
use std::fmt;
use std::panic::Location;

use crate::base::text;
use crate::errors::serve::Problem;

/// Why a group was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupErrorKind {
    /// The runtime, or the group that it was to be in, is stopping or has stopped.
    Stopping,
    /// The settings can never work.
    Settings,
    /// Another group or service has this name, or the name is empty.
    Name,
    /// The group comes after something that this runtime does not know.
    Order,
    /// The operating system gave no thread to the supervisor.
    Thread,
}

/// The group was not made.
pub struct GroupError(Box<NotMade>);

struct NotMade {
    path: String,
    location: &'static Location<'static>,
    problem: Problem,
}

impl GroupError {
    pub(crate) fn new(
        path: String,
        location: &'static Location<'static>,
        problem: Problem,
    ) -> Self {
        Self(Box::new(NotMade {
            path,
            location,
            problem,
        }))
    }

    /// Why the group was not made.
    pub fn kind(&self) -> GroupErrorKind {
        match self.0.problem {
            Problem::Settings(_) => GroupErrorKind::Settings,
            Problem::Name | Problem::NoName => GroupErrorKind::Name,
            Problem::Order(_) => GroupErrorKind::Order,
            Problem::Thread(_) => GroupErrorKind::Thread,
            _ => GroupErrorKind::Stopping,
        }
    }

    /// Whether it only says that another group ends.
    pub(crate) fn is_of_group(&self) -> bool {
        matches!(self.0.problem, Problem::GroupStopping(_))
    }

    /// The path that the group was to have.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Where it was to be made.
    pub fn location(&self) -> &'static Location<'static> {
        self.0.location
    }
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = text::line(&self.0.path, text::NAME_LIMIT);
        write!(f, "group `{path}` was not made: ")?;
        match &self.0.problem {
            Problem::Name => f.write_str("another group or service has this name"),
            problem => write!(f, "{problem}"),
        }
    }
}

impl fmt::Debug for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupError")
            .field("kind", &self.kind())
            .field("path", &self.path())
            .field("message", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl Error for GroupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.problem {
            Problem::Thread(error) => Some(error),
            _ => None,
        }
    }
}
