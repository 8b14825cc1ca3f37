//! When a runtime was made, and how old it is.

use std::time::{Duration, Instant};

use crate::clock::later;

pub(crate) struct Birth {
    moment: Instant,
    #[cfg(target_os = "linux")]
    since_boot: Option<u64>,
}

impl Birth {
    /// The birth of what is made now, which is `moment` on its clock.
    pub(crate) fn at(moment: Instant) -> Self {
        Self {
            moment,
            #[cfg(target_os = "linux")]
            since_boot: linux::since_boot(linux::EXACT),
        }
    }

    /// How old it was at `moment`, in nanoseconds.
    pub(crate) fn age_at(&self, moment: Instant) -> u64 {
        let age = moment.saturating_duration_since(self.moment);
        // Enough for five hundred years.
        u64::try_from(age.as_nanos()).unwrap_or(u64::MAX)
    }

    /// How old it is by the system's clock, or was up to a tick of the system's timer ago.
    pub(crate) fn rough_age(&self) -> u64 {
        #[cfg(target_os = "linux")]
        if let (Some(now), Some(birth)) = (linux::since_boot(linux::ROUGH), self.since_boot) {
            return now.saturating_sub(birth);
        }
        self.age_at(Instant::now())
    }

    /// The moment at which it was so old.
    pub(crate) fn moment(&self, age: u64) -> Instant {
        later(self.moment, Duration::from_nanos(age))
    }
}

/// The clock that `Instant` reads, and its rough face: reading that costs 2 ns where `Instant` takes 25.
#[cfg(target_os = "linux")]
mod linux {
    use nix::time::{ClockId, clock_gettime};

    pub(super) const EXACT: ClockId = ClockId::CLOCK_MONOTONIC;
    pub(super) const ROUGH: ClockId = ClockId::CLOCK_MONOTONIC_COARSE;

    /// In nanoseconds; `None` where a sandbox does not let the clock be read.
    pub(super) fn since_boot(clock: ClockId) -> Option<u64> {
        let time = clock_gettime(clock).ok()?;
        let seconds = u64::try_from(time.tv_sec()).ok()?;
        let nanoseconds = u64::try_from(time.tv_nsec()).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn a_rough_age_is_never_ahead_and_not_far_behind() {
        const FAR: u64 = 1_000_000_000;
        let birth = Birth::at(Instant::now());
        for _ in 0..1_000 {
            let before = birth.age_at(Instant::now());
            let rough = birth.rough_age();
            let after = birth.age_at(Instant::now());
            assert!(rough <= after, "{rough} {after}");
            assert!(before <= rough + FAR, "{before} {rough}");
        }
    }
}
