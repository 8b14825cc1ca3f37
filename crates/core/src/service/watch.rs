//! What watchers of services are told: what became of which service.

use std::time::Instant;

use super::{UnitState, UnitStatus};
use crate::base::changes::Changes;
use crate::errors::failure::Failure;

/// One change of one service's state.
#[derive(Debug, Clone)]
pub struct UnitChange(pub(super) UnitStatus);

impl UnitChange {
    /// The service's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What it is now.
    pub fn state(&self) -> UnitState {
        self.0.state()
    }

    /// The time of the change, on the runtime's clock. The order of changes is the order of the stream: of two services
    /// the later change may have the earlier time.
    pub fn at(&self) -> Instant {
        self.0.since()
    }

    /// How often it had been started again by then.
    pub fn restarts(&self) -> u64 {
        self.0.restarts()
    }

    /// Its last failure by then, if it has failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.last_failure()
    }
}

/// The changes of all services of a runtime: see [`Runtime::unit_changes`](crate::Runtime::unit_changes).
pub type UnitChanges = Changes<UnitChange>;
