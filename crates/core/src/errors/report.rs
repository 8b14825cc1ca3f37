//! `RunError`: the report of everything that went wrong in one lifetime.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::base::text;
use crate::errors::failure::{Cause, ErrorValue, Failure, Origin};
use crate::errors::group::GroupError;
use crate::errors::lookup::{LookupError, RegisterError};
use crate::errors::place::PlaceError;
use crate::errors::ready::ReadyError;
use crate::errors::refusal::{AdoptError, BoxError, ExecuteError};
use crate::errors::serve::ServeError;
use crate::errors::straggler::{Straggler, StragglerReason};

/// How many stragglers, and how many payloads left behind, a printed report lists.
const SHOWN: usize = 64;

/// Everything that went wrong while a runtime ran, or the reason why it did not run.
///
/// It *is* the report: `Display` and `Debug` both print all of it, over several lines, and
/// `source()` is `None`, so nothing prints it twice. `fn main() -> Result<(), RunError>` reads well
/// and exits with status 1.
///
/// The backtraces of `anyhow::Error`s come at its end, if `RUST_BACKTRACE` asks for them.
///
/// It is cheap to clone: every waiter of a runtime gets the same report.
#[derive(Clone)]
pub struct RunError(Arc<Report>);

enum Report {
    Ended(EndReport),
    /// A payload was refused, and the program around the runtime passed the refusal on.
    Refused(Failure),
    /// A group, a place or readiness was refused, and the program passed that on.
    Passed(BoxError),
    /// The runtime could not be set up as the program asked.
    Setup(BoxError),
    /// The services of the runtime cannot be started in any order.
    Order(String),
    AlreadyStarted,
    NotStarted,
    InsideItself,
    Thread(std::io::Error),
}

/// The findings of a runtime that ended badly.
#[derive(Default)]
pub(crate) struct EndReport {
    pub(crate) failures: Vec<Failure>,
    pub(crate) omitted: usize,
    pub(crate) stragglers: Vec<Straggler>,
    /// Services that waited for others when the stop began, in words.
    pub(crate) in_vain: Vec<String>,
    pub(crate) tolerated: Vec<Failure>,
    pub(crate) left_behind: Vec<Straggler>,
}

/// The kind of a [`RunError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RunErrorKind {
    /// A payload, a service or a flavour failed, or did not end in time.
    Failed,
    /// A payload, a service or a group was not taken, there was no place, or the runtime was not ready, and the program
    /// passed that error on.
    Refused,
    /// A key could not be registered or was not found, or a linked service is missing.
    Setup,
    /// Services come after each other in a ring, or after a service that does not exist.
    Order,
    /// The runtime was started before: a runtime runs once.
    AlreadyStarted,
    /// `wait` was called before the runtime was started.
    NotStarted,
    /// A payload of the runtime waited for the end of its own runtime.
    InsideItself,
    /// The operating system gave no thread to the runner.
    Thread,
}

impl RunError {
    pub(crate) fn ended(report: EndReport) -> Self {
        Self(Arc::new(Report::Ended(report)))
    }

    pub(crate) fn already_started() -> Self {
        Self(Arc::new(Report::AlreadyStarted))
    }

    pub(crate) fn not_started() -> Self {
        Self(Arc::new(Report::NotStarted))
    }

    pub(crate) fn inside_itself() -> Self {
        Self(Arc::new(Report::InsideItself))
    }

    pub(crate) fn thread(error: std::io::Error) -> Self {
        Self(Arc::new(Report::Thread(error)))
    }

    pub(crate) fn order(text: String) -> Self {
        Self(Arc::new(Report::Order(text)))
    }

    pub(crate) fn setup(error: impl Into<BoxError>) -> Self {
        Self(Arc::new(Report::Setup(error.into())))
    }

    fn refused(origin: Origin, error: impl Error + Send + Sync + 'static) -> Self {
        let cause = Cause::error(ErrorValue::Boxed(Box::new(error)));
        Self(Arc::new(Report::Refused(Failure::new(origin, cause))))
    }

    /// The kind of this error.
    pub fn kind(&self) -> RunErrorKind {
        match &*self.0 {
            Report::Ended(_) => RunErrorKind::Failed,
            Report::Refused(_) | Report::Passed(_) => RunErrorKind::Refused,
            Report::Setup(_) => RunErrorKind::Setup,
            Report::Order(_) => RunErrorKind::Order,
            Report::AlreadyStarted => RunErrorKind::AlreadyStarted,
            Report::NotStarted => RunErrorKind::NotStarted,
            Report::InsideItself => RunErrorKind::InsideItself,
            Report::Thread(_) => RunErrorKind::Thread,
        }
    }

    /// The error of the refused payload, if this report is only about a refusal.
    pub(crate) fn refusal(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match &*self.0 {
            Report::Refused(failure) => failure.error(),
            Report::Passed(error) => Some(&**error),
            _ => None,
        }
    }

    fn report(&self) -> Option<&EndReport> {
        match &*self.0 {
            Report::Ended(report) => Some(report),
            _ => None,
        }
    }

    /// The failures in the order in which they happened. The first is the cause of the end.
    ///
    /// Empty if the runtime ended for another reason and only a straggler is reported, or if it did
    /// not run at all (see [`kind`](Self::kind)). The first 64 are kept.
    pub fn failures(&self) -> &[Failure] {
        match &*self.0 {
            Report::Ended(report) => &report.failures,
            Report::Refused(failure) => std::slice::from_ref(failure),
            _ => &[],
        }
    }

    /// How many failures came after the first 64 and were not kept.
    pub fn omitted(&self) -> usize {
        self.report().map_or(0, |report| report.omitted)
    }

    /// The payloads and flavour threads that did not end in time.
    pub fn stragglers(&self) -> &[Straggler] {
        self.report().map_or(&[], |report| &report.stragglers)
    }

    /// The last failures of services that [may fail](crate::Settings::may_fail), and that were *failed* when the runtime
    /// was over. None of them ended it: see [`Runtime::tolerated`](crate::Runtime::tolerated).
    pub fn tolerated(&self) -> &[Failure] {
        self.report().map_or(&[], |report| &report.tolerated)
    }

    /// What was not waited for, which is no failure: see [`Runtime::left_behind`](crate::Runtime::left_behind).
    pub fn left_behind(&self) -> &[Straggler] {
        self.report().map_or(&[], |report| &report.left_behind)
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Report::Ended(report) => report.fmt(f),
            Report::Refused(failure) => failure.write_cause(f, ""),
            Report::Setup(error) | Report::Passed(error) => write!(f, "{error}"),
            Report::Order(text) => f.write_str(text),
            Report::AlreadyStarted => {
                f.write_str("this runtime was already started: a runtime runs once")
            }
            Report::NotStarted => {
                f.write_str("this runtime was not started: `start` comes before `wait`")
            }
            Report::InsideItself => f.write_str(
                "a payload must not wait for the end of its own runtime, which waits for the payload",
            ),
            Report::Thread(error) => write!(f, "no thread for the runtime's runner: {error}"),
        }
    }
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for RunError {}

impl From<AdoptError> for RunError {
    fn from(error: AdoptError) -> Self {
        Self::refused(error.origin().clone(), error)
    }
}

impl From<ExecuteError> for RunError {
    fn from(error: ExecuteError) -> Self {
        Self::refused(error.origin().clone(), error)
    }
}

impl From<ServeError> for RunError {
    fn from(error: ServeError) -> Self {
        Self::refused(error.origin().clone(), error)
    }
}

impl From<GroupError> for RunError {
    fn from(error: GroupError) -> Self {
        Self(Arc::new(Report::Passed(error.into())))
    }
}

impl From<PlaceError> for RunError {
    fn from(error: PlaceError) -> Self {
        Self(Arc::new(Report::Passed(error.into())))
    }
}

impl From<ReadyError> for RunError {
    fn from(error: ReadyError) -> Self {
        Self(Arc::new(Report::Passed(error.into())))
    }
}

impl From<RegisterError> for RunError {
    fn from(error: RegisterError) -> Self {
        Self(Arc::new(Report::Setup(error.into())))
    }
}

impl From<LookupError> for RunError {
    fn from(error: LookupError) -> Self {
        Self(Arc::new(Report::Setup(error.into())))
    }
}

impl EndReport {
    pub(crate) fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.stragglers.is_empty()
    }

    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sections = Sections { f, begun: false };
        if let Some((cause, others)) = self.failures.split_first() {
            sections.next(|f| cause.write_report(f, ""))?;
            let (during, before): (Vec<_>, Vec<_>) =
                others.iter().partition(|failure| failure.during_shutdown());
            for (title, failures) in [("and:", before), ("then, during shutdown:", during)] {
                if !failures.is_empty() {
                    sections.next(|f| {
                        f.write_str(title)?;
                        failures.iter().try_for_each(|failure| {
                            f.write_str("\n")?;
                            failure.write_report(f, "  ")
                        })
                    })?;
                }
            }
        }
        match self.omitted {
            0 => {}
            1 => sections.next(|f| f.write_str("1 more failure, not kept"))?,
            more => sections.next(|f| write!(f, "{more} more failures, not kept"))?,
        }
        if !self.tolerated.is_empty() {
            sections.next(|f| {
                f.write_str("failed, which ended nothing else:")?;
                let shown = &self.tolerated[..self.tolerated.len().min(SHOWN)];
                shown.iter().try_for_each(|failure| {
                    f.write_str("\n")?;
                    failure.write_report(f, "  ")
                })?;
                match self.tolerated.len() - shown.len() {
                    0 => Ok(()),
                    more => write!(f, "\n  … and {more} more"),
                }
            })?;
        }
        if !self.in_vain.is_empty() {
            sections.next(|f| {
                f.write_str("waiting when the stop began:")?;
                let shown = self.in_vain.iter().take(SHOWN);
                shown
                    .into_iter()
                    .try_for_each(|one| write!(f, "\n  {one}"))?;
                match self.in_vain.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, "\n  … and {more} more"),
                }
            })?;
        }
        let is_left = |one: &&Straggler| one.reason() == StragglerReason::LeftBehind;
        let (left, excused): (Vec<_>, Vec<_>) = self.left_behind.iter().partition(is_left);
        for (title, stragglers) in [
            ("did not end in time:", self.stragglers.iter().collect()),
            ("did not end in time, which ended nothing else:", excused),
            ("left behind, still running:", left),
        ] {
            if !stragglers.is_empty() {
                sections.next(|f| {
                    f.write_str(title)?;
                    let shown = &stragglers[..stragglers.len().min(SHOWN)];
                    shown.iter().try_for_each(|one| write!(f, "\n  {one}"))?;
                    match stragglers.len() - shown.len() {
                        0 => Ok(()),
                        more => write!(f, "\n  … and {more} more"),
                    }
                })?;
            }
        }
        // Last, as backtraces are long.
        for failure in &self.failures {
            if let Some(backtrace) = failure.backtrace() {
                sections.next(|f| {
                    let backtrace = text::block(backtrace.trim_end(), text::BACKTRACE_LIMIT, "  ");
                    write!(f, "backtrace of {}:\n  {backtrace}", failure.origin())
                })?;
            }
        }
        Ok(())
    }
}

/// Writes the sections of a report, each starting on a new line.
struct Sections<'a, 'b> {
    f: &'a mut fmt::Formatter<'b>,
    begun: bool,
}

impl<'b> Sections<'_, 'b> {
    fn next(&mut self, write: impl FnOnce(&mut fmt::Formatter<'b>) -> fmt::Result) -> fmt::Result {
        if std::mem::replace(&mut self.begun, true) {
            self.f.write_str("\n")?;
        }
        write(self.f)
    }
}
