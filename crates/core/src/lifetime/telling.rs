//! The lines that Foster writes while a runtime runs, and their receiver: a subscriber of
//! `tracing`, else `log`, else standard error.

use std::fmt;
use std::io::{self, Write as _};

use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};
use tracing::subscriber::NoSubscriber;

use crate::base::panics::attempt;
use crate::base::sync::{Mutex, MutexGuard, PoisonError};
use crate::base::text;
use crate::errors::failure::{Failure, Origin};

/// How many lines may wait to be told. Further ones are only counted.
const LINE_LIMIT: usize = 1_024;

/// The severity of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warn,
}

/// News about a runtime, to be told at once.
pub(crate) struct Line {
    level: Level,
    /// The payload or service that it is about; `None` for the runtime as a whole.
    origin: Option<Origin>,
    /// The texts of the failure, if there is one.
    failure: Option<Failure>,
    /// The event, or the consequence of the failure.
    text: String,
    /// The subscriber of the thread on which the event happened.
    dispatch: Dispatch,
}

impl Line {
    fn new(level: Level, origin: Option<Origin>, failure: Option<Failure>, text: String) -> Self {
        Self {
            level,
            origin,
            failure,
            text,
            dispatch: get_default(Dispatch::clone),
        }
    }

    /// A failure of the runtime.
    pub(crate) fn of_failure(failure: Failure) -> Self {
        let origin = Some(failure.origin().clone());
        Self::new(Level::Error, origin, Some(failure.texts()), String::new())
    }

    /// A failure that does not end the runtime, and its consequence.
    pub(crate) fn followed(failure: Failure, by: impl Into<String>) -> Self {
        let origin = Some(failure.origin().clone());
        Self::new(Level::Warn, origin, Some(failure.texts()), by.into())
    }

    /// An event of a payload or a unit that is no failure.
    pub(crate) fn about(origin: Origin, text: impl Into<String>) -> Self {
        Self::new(Level::Warn, Some(origin), None, text.into())
    }

    /// Tells the line to the first receiver that takes it. Runs user code.
    fn tell(&self, is_quiet: bool) {
        if !self.is_taken() && !is_quiet {
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
                tracing::event!(
                    target: "foster",
                    $level,
                    payload = origin.map(|origin| &*origin.payload),
                    is_service = origin.map(|origin| origin.service),
                    flavour = origin.map(|origin| origin.flavour.as_str()),
                    location = origin.map(|origin| tracing::field::display(origin.location)),
                    kind = failure.map(|failure| tracing::field::display(failure.kind())),
                    during_shutdown = failure.map(Failure::during_shutdown),
                    given_up_after_starts = failure.and_then(Failure::starts),
                    chain = failure.map(|failure| tracing::field::debug(failure.chain())),
                    "{}",
                    self.message(),
                );
                true
            }};
        }
        let trace = || match self.level {
            Level::Error => event!(tracing::Level::ERROR),
            Level::Warn => event!(tracing::Level::WARN),
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
        let level = match self.level {
            Level::Error => log::Level::Error,
            Level::Warn => log::Level::Warn,
        };
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
            let more = Line {
                level: Level::Warn,
                origin: None,
                failure: None,
                text,
                dispatch: line.dispatch.clone(),
            };
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
