//! When a service is started again, and how often.

use std::time::Duration;

use crate::base::backoff::Backoff;

/// The most starts that a limit may allow: their times are kept.
const MOST_STARTS: u32 = 10_000;

/// The policy for restarts: after which ends a service is started again, with which delay, and how often.
///
/// ```
/// use std::time::Duration;
/// use foster_core::Restart;
///
/// let restart = Restart::on_failure()
///     .delay(Duration::from_millis(100))      // then 200 ms, 400 ms, …
///     .max_delay(Duration::from_secs(10))
///     .reset_after(Duration::from_secs(60))   // … and 100 ms again after a good minute
///     .limit(5, Duration::from_secs(120));    // the sixth start in two minutes is one too many
/// ```
///
/// Delays and limits are counted for each service by itself: one that flaps never delays another.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a policy does nothing until it is given to a service"]
pub struct Restart {
    when: When,
    /// In any `window`, if there is one.
    most_starts: u32,
    window: Option<Duration>,
    pub(super) backoff: Backoff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Never,
    OnFailure,
    Always,
}

impl Default for Restart {
    fn default() -> Self {
        Self::never()
    }
}

impl Restart {
    const fn new(when: When) -> Self {
        Self {
            when,
            most_starts: 0,
            window: None,
            backoff: Backoff::new(),
        }
    }

    /// Never, which is the default: any failure ends the runtime, unless the service [may
    /// fail](crate::Settings::may_fail); a normal return is fine.
    pub const fn never() -> Self {
        Self::new(When::Never)
    }

    /// After a failure. A normal return is the service's end.
    ///
    /// No restart follows a failure while the runtime stops, one that leaves no value for another run, or an error that is
    /// [`Permanent`](crate::Permanent): such a failure is the runtime's, unless the service [may
    /// fail](crate::Settings::may_fail). An error that is returned after [`Unit::stop`](crate::Unit::stop) was called belongs
    /// to the unit.
    pub const fn on_failure() -> Self {
        Self::new(When::OnFailure)
    }

    /// After a failure and after a normal return.
    pub const fn always() -> Self {
        Self::new(When::Always)
    }

    /// The delay before the first restart; 100 ms unless set. Each further delay is twice as long as the one before, up to
    /// [`max_delay`](Self::max_delay). With `Duration::MAX` the service starts again only [by
    /// hand](crate::Unit::restart).
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.backoff.delay = delay;
        self
    }

    /// The longest delay; unless set 30 s, or [`delay`](Self::delay) if that is longer.
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.backoff.max_delay = Some(delay);
        self
    }

    /// The random part of each delay, from 0 to 1; 0.1 unless set. A delay of `d` takes at least `d × (1 − jitter)` and at
    /// most `d`.
    ///
    /// It spreads the restarts of services that failed together for one reason.
    pub const fn jitter(mut self, part: f64) -> Self {
        self.backoff.jitter = part;
        self
    }

    /// A run that lasted so long resets the delay, however it ends; 60 s unless set. `Duration::MAX` means never.
    pub const fn reset_after(mut self, time: Duration) -> Self {
        self.backoff.reset_after = time;
        self
    }

    /// The number of starts that are allowed in any `window`, the first start included; no limit unless set.
    ///
    /// A service whose next start would exceed the limit is given up: its last failure ends the runtime, with the
    /// [number of starts](crate::Failure::starts), or is the unit's own if that [may fail](crate::Settings::may_fail). A
    /// restart [by hand](crate::Unit::restart) is not counted, and begins a new count.
    pub const fn limit(mut self, starts: u32, window: Duration) -> Self {
        self.most_starts = starts;
        self.window = Some(window);
        self
    }

    pub(crate) fn is_on_failure(&self) -> bool {
        self.when != When::Never
    }

    pub(crate) fn is_on_return(&self) -> bool {
        self.when == When::Always
    }

    pub(super) fn starts_limit(&self) -> Option<(u32, Duration)> {
        Some((self.most_starts, self.window?))
    }

    /// What of it can never work.
    pub(super) fn problem(&self) -> Option<String> {
        self.backoff.problem().or_else(|| {
            let (starts, window) = self.starts_limit()?;
            self.problem_of_limit(starts, window)
        })
    }

    fn problem_of_limit(&self, starts: u32, window: Duration) -> Option<String> {
        if self.when == When::Never {
            Some("a limit of starts without restarts".to_owned())
        } else if starts == 0 {
            Some("a limit of no starts at all".to_owned())
        } else if starts > MOST_STARTS {
            Some(format!("a limit of more than {MOST_STARTS} starts is none"))
        } else if window.is_zero() {
            Some("a window of no time at all has no room for a second start".to_owned())
        } else {
            let next = match self.backoff.fastest(starts) {
                fastest if fastest < window => return None,
                Duration::MAX => "never comes".to_owned(),
                time => format!("comes {time:?} after the first at the earliest"),
            };
            Some(format!(
                "the limit of {starts} starts in {window:?} is out of reach: by its delays the next \
                 start {next}"
            ))
        }
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests;
