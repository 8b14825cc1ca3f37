//! What a payload is made from, apart from its code.

use crate::base::sync::Arc;
use crate::errors::outcome::Outcome;
use crate::task::body::Completer;
use crate::task::header::Identity;
use crate::task::join::JoinState;

/// The identity of a payload that is about to be made, and the destination of its result.
///
/// The runtime makes a ticket for each payload; making the payload uses it up.
pub struct Ticket<T> {
    pub(super) identity: Identity,
    /// Whether the payload came while the runtime was stopping.
    pub(super) is_late: bool,
    pub(super) completer: Completer<T>,
}

impl<T: 'static> Ticket<T> {
    pub(crate) fn adopted(identity: Identity) -> Self
    where
        T: Outcome,
    {
        Self {
            identity,
            is_late: false,
            completer: Completer::Adopted(T::verdict),
        }
    }

    pub(crate) fn called(identity: Identity, is_late: bool, join: &Arc<JoinState<T>>) -> Self
    where
        T: Send,
    {
        Self {
            identity,
            is_late,
            completer: Completer::Called(Arc::clone(join) as _),
        }
    }
}

impl<T> std::fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ticket for {}", self.identity.origin())
    }
}
