//! The times of a lease, and which of them can work.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What is left of a lease when its work must have ended.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// The times by which a lease is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) length: Duration,
    /// How long the work may take to end.
    pub(crate) stop_time: Duration,
    /// How often the lease is renewed.
    pub(crate) renew_every: Duration,
}

impl Rules {
    /// Rules for a lease of this length; what is not given is chosen.
    pub(crate) fn new(
        length: Duration,
        stop_time: Option<Duration>,
        renew_every: Option<Duration>,
    ) -> Result<Self, RulesError> {
        let stop_time = stop_time.unwrap_or(length / 3);
        let spent = stop_time.saturating_add(MARGIN);
        let left = length.saturating_sub(spent);
        let rules = Self {
            length,
            stop_time,
            // One renewal may be lost.
            renew_every: renew_every.unwrap_or(left / 3),
        };
        let works = !rules.renew_every.is_zero() && rules.renew_every < left;
        match works {
            true => Ok(rules),
            false => Err(RulesError(rules)),
        }
    }
}

/// Times with which a lease would end before its work has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesError(Rules);

impl fmt::Display for RulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rules {
            length,
            stop_time,
            renew_every,
        } = self.0;
        write!(
            f,
            "a lease of {length:?} is too short: it is renewed every {renew_every:?}, its work has {stop_time:?} to stop, and \
             must have ended {MARGIN:?} before the lease does; so a renewal comes more often than never, and \
             {renew_every:?} + {stop_time:?} + {MARGIN:?} has to be less than {length:?}"
        )
    }
}

impl Error for RulesError {}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn what_is_not_said_is_chosen() {
        let rules = Rules::new(seconds(15), None, None).unwrap();
        assert_eq!(
            (rules.stop_time, rules.renew_every),
            (seconds(5), seconds(3))
        );
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        let table = [
            (15, Some(11), Some(3)),
            (15, Some(10), Some(4)),
            (15, Some(15), None),
            (1, None, None),
            (0, None, None),
            (15, Some(1), Some(0)),
        ];
        for (length, stop, renew) in table {
            let refused = Rules::new(seconds(length), stop.map(seconds), renew.map(seconds));
            let text = refused.expect_err("it cannot work").to_string();
            assert!(text.contains(&format!("a lease of {length}")), "{text}");
        }
        let works = Rules::new(
            seconds(15),
            Some(seconds(10)),
            Some(Duration::from_millis(3_999)),
        );
        assert!(works.is_ok());
    }
}
