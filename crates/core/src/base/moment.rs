//! Moments on a runtime's clock, as plain numbers.

use std::time::Duration;

/// The time since the runtime was made. [`NEVER`](Self::NEVER) comes after everything else, so no
/// sum overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) const NEVER: Self = Self(Duration::MAX);

    pub(crate) fn after_birth(time: Duration) -> Self {
        Self(time)
    }

    pub(crate) fn since_birth(self) -> Duration {
        self.0
    }

    /// The moment `time` later, or `NEVER` if it cannot be represented.
    pub(crate) fn plus(self, time: Duration) -> Self {
        self.0.checked_add(time).map_or(Self::NEVER, Self)
    }

    /// The time from `earlier` to this moment; zero if this moment is not later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
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
        }
        assert_eq!(moment.since(Moment::NEVER), Duration::ZERO);
    }
}
