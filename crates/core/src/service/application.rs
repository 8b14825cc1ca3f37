//! Services on their way in: what is needed to take one in, and what comes of that.

use std::time::Duration;

use super::attempt::Attempt;
use super::dependency::Dependency;
use super::error::Problem;
use super::names::Derived;
use super::settings::Policy;
use super::source::Launch;
use super::unit_core::UnitCore;
use crate::error::Reason;
use crate::slot::Slot;
use crate::sync::Arc;

/// A service that is to be started, and those that it comes after.
pub(crate) struct Newcomer {
    pub(crate) unit: Arc<UnitCore>,
    pub(crate) after: Vec<Arc<UnitCore>>,
}

/// What is needed to take a service in.
pub(crate) struct Application<'a> {
    pub(crate) name: Option<&'a str>,
    /// What it is called after if it was given no name.
    pub(crate) derived: Derived,
    pub(crate) slot: Arc<Slot>,
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) after: &'a [Dependency],
    /// Whether its runs are blocking code.
    pub(crate) is_blocking: bool,
    /// Whether each run has a value of its own.
    pub(crate) is_made: bool,
    /// Makes the source of its values, and takes the first one for it.
    pub(crate) source: &'a mut dyn FnMut() -> Arc<dyn Launch>,
}

impl Application<'_> {
    /// Whether the supervisor has to see to the service from the beginning. It has to know of all whose time
    /// is moved by hand, as whoever moves it waits for them; of those that cannot be cancelled; of those whose
    /// time to start runs while something else holds them up; and of those whose starts are limited, and count
    /// from before they are ready.
    pub(super) fn asks_something(&self, may_start: bool) -> bool {
        let clock = &self.slot.lifetime.settings.clock;
        self.is_blocking
            || clock.is_manual()
            || !self.after.is_empty()
            || !may_start && self.has_start_timeout()
            || self.counts_starts_before_ready()
    }

    /// Of an unattended unit it is known when it became ready, not when it was started before that.
    fn counts_starts_before_ready(&self) -> bool {
        let policy = self.policy.as_deref();
        policy.is_some_and(|policy| {
            policy.notifies_ready && policy.restart().starts_limit().is_some()
        })
    }

    pub(super) fn has_start_timeout(&self) -> bool {
        let policy = self.policy.as_deref();
        policy.is_some_and(|policy| policy.start_timeout().is_some())
    }

    pub(super) fn stop_time(&self) -> Option<Duration> {
        self.policy.as_deref()?.stop_time()
    }
}

/// A service that was taken in.
pub(crate) struct Taken {
    pub(super) unit: Arc<UnitCore>,
    /// Whether nothing holds its first run up.
    pub(super) may_start: bool,
    /// Whether it does not count as started yet.
    pub(super) is_waiting: bool,
}

impl Taken {
    /// Launches the first run by `launch`, unless the supervisor does.
    pub(crate) fn launch(
        self,
        launch: impl FnOnce(Attempt) -> Result<(), Reason>,
    ) -> Arc<UnitCore> {
        let Self {
            unit,
            may_start,
            is_waiting,
        } = self;
        if may_start {
            if is_waiting {
                unit.set_launched();
            }
            let attempt = || Attempt::First(Arc::clone(&unit));
            if let Err(reason) = launch(attempt()) {
                attempt().fail_to_start(reason);
            }
        }
        unit
    }
}

/// A service that was not taken in. Its unit, if it has one, is dropped where nothing is locked.
pub(crate) struct Refusal {
    pub(crate) problem: Problem,
    _unit: Option<Arc<UnitCore>>,
}

impl Refusal {
    pub(super) fn new(problem: Problem, unit: Option<Arc<UnitCore>>) -> Self {
        Self {
            problem,
            _unit: unit,
        }
    }
}
