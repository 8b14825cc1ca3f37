//! What a payload was like when it was settled.

use super::{AWAITED, CALLED, HOLDS, LATE, LISTENED, OBSERVED, PARENT, STARTED};

/// The bits of a payload at its end.
#[must_use]
#[derive(Clone, Copy)]
pub(crate) struct Settled(pub(super) u16);

impl Settled {
    fn had(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    pub(crate) fn had_started(self) -> bool {
        self.had(STARTED)
    }

    pub(crate) fn was_holder(self) -> bool {
        self.had(HOLDS)
    }

    pub(crate) fn was_late(self) -> bool {
        self.had(LATE)
    }

    /// Whether somebody waits at a waiter that the scheduler keeps. Later waiters see that the
    /// payload is over.
    pub(crate) fn was_awaited(self) -> bool {
        self.had(AWAITED)
    }

    /// Whether somebody listens to a token. Later listeners see that the payload is over.
    pub(crate) fn was_listened(self) -> bool {
        self.had(LISTENED)
    }

    /// Whether anybody is to hear of the end, beside the scheduler.
    pub(crate) fn is_heard_of(self) -> bool {
        self.had(OBSERVED | CALLED | AWAITED | LISTENED | PARENT)
    }

    pub(crate) fn was_called(self) -> bool {
        self.had(CALLED)
    }

    pub(crate) fn was_observed(self) -> bool {
        self.had(OBSERVED)
    }

    /// Whether it has children. One that gets its first ones later sees that the payload is over.
    pub(crate) fn was_parent(self) -> bool {
        self.had(PARENT)
    }
}
