//! Delays that double from one failure to the next, up to a longest one, each with a part that is up to chance.

use std::time::Duration;

/// The first delay, unless set.
const DELAY: Duration = Duration::from_millis(100);
/// The longest delay, unless set.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// How long all must have gone well for the delays to begin anew, unless set.
const RESET_AFTER: Duration = Duration::from_secs(60);
/// How much of a delay is up to chance, unless set.
const JITTER: f64 = 0.1;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Backoff {
    pub(crate) delay: Duration,
    pub(crate) max_delay: Option<Duration>,
    /// The part of each delay that is up to chance, from 0 to 1.
    pub(crate) jitter: f64,
    pub(crate) reset_after: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self {
            delay: DELAY,
            max_delay: None,
            jitter: JITTER,
            reset_after: RESET_AFTER,
        }
    }

    fn longest(&self) -> Duration {
        self.max_delay.unwrap_or(MAX_DELAY.max(self.delay))
    }

    /// The delay before the try number `restart` of a row, counted from 0, with a `chance` from 0 to 1.
    pub(crate) fn delay_before(&self, restart: u32, chance: f64) -> Duration {
        let factor = 2_u32.checked_pow(restart).unwrap_or(u32::MAX);
        let delay = self.delay.saturating_mul(factor).min(self.longest());
        shortened(delay, self.jitter * chance)
    }

    /// What of it can never work.
    pub(crate) fn problem(&self) -> Option<String> {
        let (jitter, first, longest) = (self.jitter, self.delay, self.longest());
        if !(0.0..=1.0).contains(&jitter) {
            Some(format!("a jitter of {jitter} is not between 0 and 1"))
        } else if longest < first {
            Some(format!(
                "the longest delay, {longest:?}, is shorter than the first one, {first:?}"
            ))
        } else {
            let forgets = "a reset after no time at all would forget every failure";
            self.reset_after.is_zero().then(|| forgets.to_owned())
        }
    }

    /// The shortest time from one start to the one that is `restarts` starts later. The delays of a row grow from one
    /// to the next, so rows are best of one length, give or take one; between two of them a run lasts long enough for a
    /// reset.
    pub(crate) fn fastest(&self, restarts: u32) -> Duration {
        // How long so many restarts in a row take.
        let mut row = vec![Duration::ZERO];
        for restart in 0..=restarts {
            let delay = self.delay_before(restart, 1.0);
            row.push(row[restart as usize].saturating_add(delay));
        }
        let in_rows = |rows: u32| {
            let (length, longer) = ((restarts / rows) as usize, restarts % rows);
            let short = row[length].saturating_mul(rows - longer);
            let long = row[length + 1].saturating_mul(longer);
            let resets = self.reset_after.saturating_mul(rows - 1);
            short.saturating_add(long).saturating_add(resets)
        };
        (1..=restarts).map(in_rows).min().unwrap_or_default()
    }
}

/// `delay` without so much of it, from none to all. The longest of all is for ever, which stays so.
fn shortened(delay: Duration, part: f64) -> Duration {
    if delay == Duration::MAX {
        return delay;
    }
    // Seen from the other end: what is taken off is never more than what is there, however it is rounded.
    let off = Duration::try_from_secs_f64(delay.as_secs_f64() * part).unwrap_or(delay);
    delay.saturating_sub(off)
}

#[cfg(all(test, not(foster_model)))]
mod tests;
