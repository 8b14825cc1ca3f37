//! What had not ended when its runtime did.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use crate::base::identifier::Identifier;
use crate::errors::failure::Origin;

/// A payload or a flavour's thread that had not ended when its runtime did.
#[derive(Clone)]
pub struct Straggler {
    flavour: Identifier,
    origin: Option<Origin>,
    /// The address of the payload's task, which may be gone.
    task: Option<usize>,
    reason: StragglerReason,
    /// Details beyond the reason.
    story: Option<Arc<str>>,
}

/// Why a straggler had not ended when its runtime did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StragglerReason {
    /// The payload held a shutdown token and did not end within the grace time, or is a service
    /// that did not end within its [stop time](crate::Settings::stop_time).
    Overran,
    /// The payload blocks its flavour's thread, and so held up other payloads of the flavour.
    Blocking {
        /// How many other payloads of the flavour could not be dropped because of it.
        others: usize,
    },
    /// The payload was cancelled, but its flavour neither polled nor dropped it.
    Kept,
    /// A thread of the flavour itself did not end.
    Thread,
    /// A subroutine without a shutdown token. It was never asked to end.
    LeftBehind,
    /// A service that holds a token and was not asked to end within the grace time: services that
    /// stop before it had used that time up.
    NotAsked,
    /// A service that holds a token and was asked to end. It had had a part of its time when a
    /// signal ended the grace time, or it is a thread that went on after it was
    /// [cancelled](crate::Unit::cancel).
    CutShort,
}

impl Straggler {
    pub(crate) fn of_payload(origin: Origin, address: usize, reason: StragglerReason) -> Self {
        Self {
            flavour: origin.flavour.clone(),
            origin: Some(origin),
            task: Some(address),
            reason,
            story: None,
        }
    }

    pub(crate) fn with_story(mut self, story: String) -> Self {
        self.story = Some(story.into());
        self
    }

    pub(crate) fn of_flavour(flavour: Identifier) -> Self {
        Self {
            flavour,
            origin: None,
            task: None,
            reason: StragglerReason::Thread,
            story: None,
        }
    }

    /// Whether both are the same payload. Names cannot tell: many payloads may have one name.
    pub(crate) fn is_payload_of(&self, other: &Self) -> bool {
        self.task.is_some() && self.task == other.task
    }

    /// The payload's name. Without one, the place where it was handed to the runtime. `None` if the
    /// straggler is the flavour's own thread.
    pub fn payload(&self) -> Option<&str> {
        self.origin.as_ref().map(|origin| &*origin.payload)
    }

    /// The identifier of the flavour.
    pub fn flavour(&self) -> &str {
        self.flavour.as_str()
    }

    /// Where the payload was handed to the runtime.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.origin.as_ref().map(|origin| origin.location)
    }

    /// Why the straggler had not ended.
    pub fn reason(&self) -> StragglerReason {
        self.reason
    }
}

impl fmt::Display for Straggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(origin) = &self.origin else {
            return write!(f, "the executor thread of {}", self.flavour);
        };
        write!(f, "{origin}{}", origin.place())?;
        if let Some(story) = &self.story {
            return write!(f, ": {story}");
        }
        match self.reason {
            StragglerReason::NotAsked => f.write_str(": not asked in time"),
            StragglerReason::CutShort => f.write_str(": cut short by a signal or `end_grace`"),
            StragglerReason::Overran => {
                f.write_str(": asked to end, it overran the time that it had")
            }
            StragglerReason::Blocking { others: 0 } => {
                f.write_str(": it blocks its flavour's thread")
            }
            StragglerReason::Blocking { others } => {
                write!(f, ": it blocks its flavour's thread and {others} more")
            }
            StragglerReason::Kept => f.write_str(": cancelled, but kept by its flavour"),
            StragglerReason::Thread | StragglerReason::LeftBehind => Ok(()),
        }
    }
}

impl fmt::Debug for Straggler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Straggler")
            .field("payload", &self.payload())
            .field("flavour", &self.flavour())
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
