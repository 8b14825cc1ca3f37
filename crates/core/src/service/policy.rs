//! What the ends of a service mean.

use std::time::Duration;

use super::restart::Restart;

/// What a service's ends mean, as far as something was said of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policy {
    pub(super) restart: Option<Box<Restart>>,
    pub(crate) notifies_ready: bool,
    pub(crate) return_is_failure: bool,
    pub(crate) may_fail: bool,
    pub(crate) startable: bool,
    pub(crate) restart_on_reload: bool,
    pub(crate) looks_on: bool,
    pub(super) start_timeout: Option<Duration>,
    pub(super) stop_time: Option<Duration>,
}

impl Policy {
    /// Nothing said.
    pub(super) const fn unsaid() -> Self {
        Self {
            restart: None,
            notifies_ready: false,
            return_is_failure: false,
            may_fail: false,
            startable: false,
            restart_on_reload: false,
            looks_on: false,
            start_timeout: None,
            stop_time: None,
        }
    }

    /// What was said, if anything was.
    pub(super) fn said(&self) -> Option<Box<Self>> {
        (*self != Self::unsaid()).then(|| Box::new(self.clone()))
    }

    pub(crate) fn restart(&self) -> &Restart {
        const NEVER: &Restart = &Restart::never();
        self.restart.as_deref().unwrap_or(NEVER)
    }
}
