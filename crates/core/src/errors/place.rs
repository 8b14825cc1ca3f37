//! Why there is no place in a group.

use std::error::Error;
use std::fmt;

use crate::base::sync::Arc;
use crate::base::text;

/// Why there is no place in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaceErrorKind {
    /// The group or the runtime is stopping or has stopped.
    Stopping,
    /// All places are taken by the run that waits, and by those whose child it is.
    Deadlock,
    /// The time to wait is over.
    Late,
    /// The limit is reached, or others wait already: of [`try_place`](crate::Group::try_place).
    Full,
}

/// There is no place in a group: see [`Group::place`](crate::Group::place).
#[derive(Debug, Clone)]
pub struct PlaceError {
    path: String,
    /// The limit that is reached, and of which group.
    limit: Option<(Arc<str>, usize)>,
    problem: PlaceProblem,
    /// The group alone ends, as far as is known.
    is_of_group: bool,
}

pub(crate) use PlaceErrorKind as PlaceProblem;

impl PlaceError {
    pub(crate) fn new(
        path: &str,
        limit: Option<(Arc<str>, usize)>,
        problem: PlaceProblem,
        is_of_group: bool,
    ) -> Self {
        let path = path.to_owned();
        Self {
            path,
            limit,
            problem,
            is_of_group,
        }
    }

    /// Whether it only says that a group ends.
    pub(crate) fn is_of_group(&self) -> bool {
        self.is_of_group
    }

    /// Why there is none.
    pub fn kind(&self) -> PlaceErrorKind {
        self.problem
    }

    /// The path of the group.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = text::line(&self.path, text::NAME_LIMIT);
        write!(f, "no place in the group `{path}`")?;
        let limit = self
            .limit
            .as_ref()
            .map_or_else(String::new, |(path, limit)| {
                let path = text::line(path, text::NAME_LIMIT);
                format!(" of {limit} of the group `{path}`")
            });
        match self.problem {
            PlaceErrorKind::Stopping => write!(f, ": it is stopping or has stopped"),
            PlaceErrorKind::Deadlock => write!(
                f,
                ": the limit{limit} is reached by the run that waits and those whose child it is, so that waiting would \
                 never end"
            ),
            PlaceErrorKind::Late => write!(f, " in time: the limit{limit} is reached"),
            PlaceErrorKind::Full => write!(f, ": the limit{limit} is reached"),
        }
    }
}

impl Error for PlaceError {}
