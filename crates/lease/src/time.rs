//! The clock by which a lease is held.

use std::time::{Duration, Instant};

use foster_core::Clock;

use crate::tenure::At;

/// A clock that goes on while the machine is suspended, or a manual one.
#[derive(Debug, Clone)]
pub(crate) enum Time {
    System,
    Manual { clock: Clock, origin: Instant },
}

impl Time {
    /// The time of a runtime with this clock.
    pub(crate) fn of(clock: &Clock) -> Self {
        match clock.is_manual() {
            true => Self::Manual {
                clock: clock.clone(),
                origin: clock.now(),
            },
            false => Self::System,
        }
    }

    pub(crate) fn now(&self) -> At {
        match self {
            Self::System => since_boot(),
            Self::Manual { clock, origin } => clock.now().saturating_duration_since(*origin),
        }
    }

    /// For how long a thread may sleep that is to wake at a moment: while the machine is suspended its sleep stands still.
    pub(crate) fn longest_sleep(&self, until: At) -> Duration {
        const LONGEST: Duration = Duration::from_millis(200);
        until.saturating_sub(self.now()).min(LONGEST)
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn since_boot() -> At {
    use nix::time::{ClockId, clock_gettime};

    // It exists since Linux 2.6.39, which is older than what Rust supports.
    #[cfg(target_os = "linux")]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    // It goes on through suspend here. The standard library has another one, which does not.
    #[cfg(not(target_os = "linux"))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    clock_gettime(CLOCK).map_or_else(|_| since_start(), Duration::from)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn since_boot() -> At {
    since_start()
}

/// The standard library's clock, which goes on through suspend on Windows.
fn since_start() -> At {
    use std::sync::OnceLock;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}
