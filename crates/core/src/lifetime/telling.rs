//! The lines that Foster writes while a runtime runs, and their receiver: a subscriber of
//! `tracing`, else `log`, else standard error.

use std::fmt;
use std::io::{self, Write as _};
use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::NoSubscriber;

use crate::base::panics::attempt;
use crate::base::sync::{Mutex, MutexGuard, PoisonError};
use crate::base::text;
use crate::errors::failure::{Failure, Origin, What};

/// How many lines may wait to be told. Further ones are only counted.
const LINE_LIMIT: usize = 1_024;

/// The severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
    /// For those who look for it: not printed where nobody takes it.
    Info,
}

impl Level {
    /// Whether a line that nobody takes goes to standard error.
    fn is_printed(self, is_quiet: bool) -> bool {
        !is_quiet && self != Self::Info
    }

    /// Whether somebody may take such a line. Runs no code of the user's.
    fn is_heard(self) -> bool {
        LevelFilter::current() >= self.of_tracing() || log::max_level() >= self.of_log()
    }

    fn of_tracing(self) -> tracing::Level {
        match self {
            Self::Error => tracing::Level::ERROR,
            Self::Warn => tracing::Level::WARN,
            Self::Info => tracing::Level::INFO,
        }
    }

    fn of_log(self) -> log::Level {
        match self {
            Self::Error => log::Level::Error,
            Self::Warn => log::Level::Warn,
            Self::Info => log::Level::Info,
        }
    }
}

/// News about a runtime, to be told at once.
pub(crate) struct Line {
    level: Level,
    /// The stable name of the event: see row I4.
    event: &'static str,
    /// The payload or service that it is about; `None` for the runtime as a whole.
    origin: Option<Origin>,
    /// The texts of the failure, if there is one.
    failure: Option<Failure>,
    /// The event, or the consequence of the failure.
    text: String,
    details: Details,
    /// The subscriber of the thread on which the event happened.
    dispatch: Dispatch,
}

/// What else is known of an event, as numbers and words.
#[derive(Debug, Clone, Default)]
struct Details {
    /// The time until the next start.
    delay: Option<Duration>,
    /// For how long it has lasted.
    lasts: Option<Duration>,
    /// How often it was started again.
    restarts: Option<u64>,
    /// Why the runtime stops.
    cause: Option<&'static str>,
}

impl Line {
    fn new(
        level: Level,
        event: &'static str,
        origin: Option<Origin>,
        failure: Option<Failure>,
        text: String,
    ) -> Self {
        Self {
            level,
            event,
            origin,
            failure,
            text,
            details: Details::default(),
            dispatch: get_default(Dispatch::clone),
        }
    }

    fn failed(level: Level, failure: Failure, text: String) -> Self {
        let origin = failure.origin().clone();
        let event = match origin.what {
            What::Payload => "payload.failed",
            What::Service => "unit.failed",
            What::Group => "group.failed",
        };
        Self::new(level, event, Some(origin), Some(failure.texts()), text)
    }

    /// A failure of the runtime.
    pub(crate) fn of_failure(failure: Failure) -> Self {
        Self::failed(Level::Error, failure, String::new())
    }

    /// A failure that does not end the runtime, and its consequence.
    pub(crate) fn followed(failure: Failure, by: impl Into<String>) -> Self {
        Self::failed(Level::Warn, failure, by.into())
    }

    /// An event of a payload or a unit that is no failure.
    pub(crate) fn about(event: &'static str, origin: Origin, text: impl Into<String>) -> Self {
        Self::new(Level::Warn, event, Some(origin), None, text.into())
    }

    /// What is good to know, and nothing to worry about. Made only if it [is heard](is_heard).
    pub(crate) fn note(
        event: &'static str,
        origin: Option<Origin>,
        text: impl Into<String>,
    ) -> Self {
        Self::new(Level::Info, event, origin, None, text.into())
    }

    pub(crate) fn level(&self) -> Level {
        self.level
    }

    pub(crate) fn delay(mut self, delay: Duration) -> Self {
        self.details.delay = Some(delay);
        self
    }

    pub(crate) fn lasts(mut self, time: Duration) -> Self {
        self.details.lasts = Some(time);
        self
    }

    pub(crate) fn restarts(mut self, number: u64) -> Self {
        self.details.restarts = Some(number);
        self
    }

    pub(crate) fn cause(mut self, cause: &'static str) -> Self {
        self.details.cause = Some(cause);
        self
    }

    /// Tells the line to the first receiver that takes it. Runs user code.
    fn tell(&self, is_quiet: bool) {
        if !self.is_taken() && self.level.is_printed(is_quiet) {
            print(&format!("foster: {self}\n"));
        }
    }

    /// Tells the line to a subscriber or a logger. Returns whether one took it.
    fn is_taken(&self) -> bool {
        // A receiver that panics has not taken it.
        let takes = |tell: fn(&Self) -> bool| attempt(|| tell(self)).unwrap_or(false);
        takes(Self::trace) || takes(Self::log)
    }

    /// Tells the line to the subscriber of `tracing`. Returns whether there is one that wants it.
    fn trace(&self) -> bool {
        macro_rules! event {
            ($level:expr) => {{
                if !tracing::enabled!(target: "foster", $level) {
                    return false;
                }
                let (origin, failure) = (self.origin.as_ref(), self.failure.as_ref());
                let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
                tracing::event!(
                    target: "foster",
                    $level,
                    event = self.event,
                    payload = origin.map(|origin| &*origin.payload),
                    is_service = origin.map(|origin| origin.what == What::Service),
                    flavour = origin.map(|origin| origin.flavour.as_str()),
                    location = origin.map(|origin| tracing::field::display(origin.location)),
                    kind = failure.map(|failure| tracing::field::display(failure.kind())),
                    during_shutdown = failure.map(Failure::during_shutdown),
                    given_up_after_starts = failure.and_then(Failure::starts),
                    chain = failure.map(|failure| tracing::field::debug(failure.chain())),
                    delay = seconds(self.details.delay),
                    lasts = seconds(self.details.lasts),
                    restarts = self.details.restarts,
                    cause = self.details.cause,
                    "{}",
                    self.message(),
                );
                true
            }};
        }
        let trace = || match self.level {
            Level::Error => event!(tracing::Level::ERROR),
            Level::Warn => event!(tracing::Level::WARN),
            Level::Info => event!(tracing::Level::INFO),
        };
        match self.dispatch.is::<NoSubscriber>() {
            // Told under no subscriber, an event that is not yet known to any stays unknown to one
            // that was set for the whole process meanwhile.
            true => trace(),
            false => with_default(&self.dispatch, trace),
        }
    }

    /// Tells the line to the logger of `log`. Returns whether there is one that wants it.
    fn log(&self) -> bool {
        let level = self.level.of_log();
        let is_wanted = log::log_enabled!(target: "foster", level);
        if is_wanted {
            log::log!(target: "foster", level, "{self}");
        }
        is_wanted
    }

    /// The event, without its payload or service.
    fn message(&self) -> String {
        match &self.failure {
            None => self.text.clone(),
            Some(failure) if self.text.is_empty() => failure.message().to_owned(),
            Some(failure) => format!("{}, {}", failure.message(), self.text),
        }
    }
}

/// Whether somebody may take a [note](Line::note). Runs no code of the user's.
pub(crate) fn is_heard() -> bool {
    Level::Info.is_heard()
}

/// The whole line.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = text::line(&self.text, text::MESSAGE_LIMIT);
        match (&self.failure, &self.origin) {
            (Some(failure), _) if self.text.is_empty() => failure.write_line(f),
            (Some(failure), _) => {
                failure.write_line(f)?;
                write!(f, ", {text}")
            }
            (None, Some(origin)) => write!(f, "{origin}{}: {text}", origin.place()),
            (None, None) => write!(f, "{text}"),
        }
    }
}

/// Prints `text` in one piece. Does not use `eprint!`, which panics if standard error is closed.
fn print(text: &str) {
    // If this fails, there is nobody left to tell.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// The lines of a runtime that wait to be told.
pub(crate) struct Lines {
    is_quiet: bool,
    waiting: Mutex<Backlog>,
}

#[derive(Default)]
struct Backlog {
    number: usize,
    omitted: usize,
}

impl Lines {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self {
            is_quiet,
            waiting: Mutex::default(),
        }
    }

    /// Whether a line of this level goes anywhere. If not, no thread is needed to tell it.
    pub(crate) fn reach_anyone(&self, level: Level) -> bool {
        level.is_printed(self.is_quiet) || level.is_heard()
    }

    /// Whether there is room for one more line. If not, the line is counted.
    pub(crate) fn admit(&self) -> bool {
        let mut waiting = self.lock();
        let is_room = waiting.number < LINE_LIMIT;
        match is_room {
            true => waiting.number += 1,
            false => waiting.omitted += 1,
        }
        is_room
    }

    /// Tells a line right here.
    pub(crate) fn tell_now(&self, line: &Line) {
        line.tell(self.is_quiet);
    }

    /// Tells an admitted line. After the last one, tells how many were not admitted.
    pub(crate) fn tell(&self, line: &Line) {
        line.tell(self.is_quiet);
        let omitted = {
            let mut waiting = self.lock();
            waiting.number -= 1;
            match waiting.number {
                0 => std::mem::take(&mut waiting.omitted),
                _ => 0,
            }
        };
        if omitted > 0 {
            let text = format!("{omitted} more lines were not told, as too many came at once");
            let mut more = Line::new(Level::Warn, "lines.omitted", None, None, text);
            more.dispatch = line.dispatch.clone();
            more.tell(self.is_quiet);
        }
    }

    /// Tells a failure that is in no report: right here, and also to standard error, in full.
    pub(crate) fn tell_late(&self, failure: Failure) {
        let line = Line::of_failure(failure);
        line.is_taken();
        if let Some(failure) = &line.failure {
            print(&format!(
                "foster: after the runtime's end: {}\n",
                Whole(failure)
            ));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure with its whole cause.
struct Whole<'a>(&'a Failure);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_report(f, "")
    }
}
