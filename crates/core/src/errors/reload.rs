//! What became of a reload.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::errors::failure::Failure;

/// How many services a text names.
const SHOWN: usize = 20;

/// What became of one service in a reload.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ReloadOutcome {
    /// It answered that it has reloaded; or it was restarted for the reload, and is ready again.
    Done,
    /// It answered that it has not, and why; or it was restarted for the reload, and failed before it was ready.
    Failed(Failure),
    /// It dropped its request without an answer, or its run ended before it gave one.
    Unanswered,
    /// It did not answer within the [time for that](crate::Builder::reload_timeout).
    Late,
}

/// One service in a [`ReloadReport`].
#[derive(Debug, Clone)]
pub struct Reloaded {
    name: Arc<str>,
    outcome: ReloadOutcome,
}

impl Reloaded {
    pub(crate) fn new(name: Arc<str>, outcome: ReloadOutcome) -> Self {
        Self { name, outcome }
    }

    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What became of it.
    pub fn outcome(&self) -> &ReloadOutcome {
        &self.outcome
    }

    /// Whether it has reloaded.
    pub fn is_done(&self) -> bool {
        matches!(self.outcome, ReloadOutcome::Done)
    }
}

/// The name, and why it has not reloaded.
impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        match &self.outcome {
            ReloadOutcome::Done => Ok(()),
            ReloadOutcome::Failed(failure) => {
                write!(f, " ({}", failure.message())?;
                for link in failure.chain() {
                    write!(f, ": {link}")?;
                }
                f.write_str(")")
            }
            ReloadOutcome::Unanswered => f.write_str(" (no answer)"),
            ReloadOutcome::Late => f.write_str(" (no answer in time)"),
        }
    }
}

/// The services that were asked in one reload, and what became of each.
#[derive(Debug, Clone, Default)]
pub struct ReloadReport {
    services: Vec<Reloaded>,
}

impl ReloadReport {
    pub(crate) fn push(&mut self, service: Reloaded) {
        self.services.push(service);
    }

    /// The services that were asked, in the order of their answers.
    pub fn services(&self) -> &[Reloaded] {
        &self.services
    }

    /// Those that have not reloaded.
    pub fn unreloaded(&self) -> impl Iterator<Item = &Reloaded> {
        self.services.iter().filter(|service| !service.is_done())
    }

    /// Whether all that were asked have reloaded; also if none was.
    pub fn is_done(&self) -> bool {
        self.unreloaded().next().is_none()
    }
}

/// Why a reload is not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReloadErrorKind {
    /// All that were asked have answered or were too slow, and some have not reloaded.
    Failed,
    /// The runtime has not been started, so there was nothing to reload.
    NotRunning,
    /// The runtime is stopping or has stopped. Services that had not answered are not in the report.
    Stopping,
    /// The reload was not over in the time that the caller gave it, and goes on.
    Late,
}

/// A reload is not done: see [`Runtime::reload`](crate::Runtime::reload).
#[derive(Clone)]
pub struct ReloadError {
    kind: ReloadErrorKind,
    report: ReloadReport,
}

impl ReloadError {
    pub(crate) fn new(kind: ReloadErrorKind, report: ReloadReport) -> Self {
        Self { kind, report }
    }

    /// The kind of this error.
    pub fn kind(&self) -> ReloadErrorKind {
        self.kind
    }

    /// What became of the services that were asked, as far as it was known. Empty if the kind is
    /// [`Late`](ReloadErrorKind::Late).
    pub fn report(&self) -> &ReloadReport {
        &self.report
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            ReloadErrorKind::Failed => "some services have not reloaded",
            ReloadErrorKind::NotRunning => "the runtime does not run, so nothing was reloaded",
            ReloadErrorKind::Stopping => "the runtime stops before it has reloaded",
            ReloadErrorKind::Late => "the reload is not over in time, and goes on",
        })?;
        let number = self.report.unreloaded().count();
        for (index, service) in self.report.unreloaded().take(SHOWN).enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(f, "{before}{service}")?;
        }
        match number.saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl fmt::Debug for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ReloadError {}
