//! Moments: those that can be represented, and those on a runtime's clock as plain numbers.

use std::num::NonZero;
use std::time::{Duration, Instant};

use crate::base::sync::OnceLock;

/// The last moment that can be represented. No clock ever reaches it, so nothing due then happens.
pub(crate) fn never() -> Instant {
    static NEVER: OnceLock<Instant> = OnceLock::new();
    *NEVER.get_or_init(|| {
        // The range of `Instant` is not known: add every part that still fits, the largest first.
        let seconds = (0..u64::BITS)
            .rev()
            .map(|bit| Duration::from_secs(1 << bit));
        let nanos = (0..30).rev().map(|bit| Duration::from_nanos(1 << bit));
        let add = |sum: Instant, part| sum.checked_add(part).unwrap_or(sum);
        seconds.chain(nanos).fold(Instant::now(), add)
    })
}

/// The moment `time` after `moment`, or [`never`] if it cannot be represented.
pub(crate) fn later(moment: Instant, time: Duration) -> Instant {
    moment.checked_add(time).unwrap_or_else(never)
}

/// Nanoseconds since the runtime was made, and one more, so that an optional moment takes no more room. They do for some
/// 580 years; all that is later is [`NEVER`](Self::NEVER), so no sum overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(NonZero<u64>);

impl Moment {
    pub(crate) const BIRTH: Self = Self(NonZero::<u64>::MIN);
    pub(crate) const NEVER: Self = Self(NonZero::<u64>::MAX);

    pub(crate) fn after_birth(time: Duration) -> Self {
        Self::BIRTH.plus(time)
    }

    /// `Duration::MAX` for `NEVER`.
    pub(crate) fn since_birth(self) -> Duration {
        match self {
            Self::NEVER => Duration::MAX,
            _ => self.since(Self::BIRTH),
        }
    }

    /// The moment `time` later, or `NEVER` if it cannot be represented.
    pub(crate) fn plus(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` to this moment; zero if this moment is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Moment {
    fn default() -> Self {
        Self::BIRTH
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn no_sum_overflows() {
        let second = Duration::from_secs(1);
        let moment = Moment::default().plus(second);
        assert_eq!(moment.since(Moment::default()), second);
        for never in [moment.plus(Duration::MAX), Moment::NEVER.plus(second)] {
            assert_eq!(never, Moment::NEVER);
            assert_eq!(never.since_birth(), Duration::MAX);
        }
        assert_eq!(moment.since(Moment::NEVER), Duration::ZERO);
    }
}
