//! The one clock behind every time that Foster keeps.

use std::fmt;
use std::time::{Duration, Instant};

use crate::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where grace, cancel time and waits with a time-out get the time from.
///
/// A runtime uses [`Clock::system`] unless [`Builder::clock`](crate::Builder::clock) gives it
/// another. Tests make one with [`Clock::manual`] and move it by hand.
#[derive(Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Manual>>,
}

struct Manual {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    elapsed: Duration,
    sleepers: Vec<Arc<dyn Fn() + Send + Sync>>,
}

impl Clock {
    /// The operating system's monotonic clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    pub fn manual() -> Self {
        Self {
            manual: Some(Arc::new(Manual {
                start: Instant::now(),
                state: Mutex::default(),
            })),
        }
    }

    /// The present moment on this clock.
    pub fn now(&self) -> Instant {
        match &self.manual {
            None => Instant::now(),
            Some(manual) => manual.start + manual.lock().elapsed,
        }
    }

    /// Moves a manual clock on by `time` and wakes whoever waits on it.
    ///
    /// Returns `false`, and does nothing, on the system's clock.
    pub fn advance(&self, time: Duration) -> bool {
        let Some(manual) = &self.manual else {
            return false;
        };
        let sleepers = {
            let mut state = manual.lock();
            state.elapsed = state.elapsed.saturating_add(time);
            state.sleepers.clone()
        };
        // Called without the lock: a sleeper that wakes asks the clock for the time.
        for wake in sleepers {
            wake();
        }
        true
    }

    /// The moment `time` from now, or one too far off to matter where that cannot be written down.
    pub(crate) fn after(&self, time: Duration) -> Instant {
        const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);
        let now = self.now();
        now.checked_add(time).unwrap_or_else(|| now + FAR)
    }

    /// Until when the operating system may let a waiter for `deadline` sleep: a manual clock has
    /// no such moment, its waiters sleep until [`on_advance`](Self::on_advance) wakes them.
    pub(crate) fn sleep_limit(&self, deadline: Instant) -> Option<Instant> {
        self.manual.is_none().then_some(deadline)
    }

    /// Calls `wake` after each move of a manual clock.
    pub(crate) fn on_advance(&self, wake: impl Fn() + Send + Sync + 'static) {
        if let Some(manual) = &self.manual {
            manual.lock().sleepers.push(Arc::new(wake));
        }
    }
}

impl Manual {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.manual {
            None => f.write_str("Clock::system()"),
            Some(manual) => write!(f, "Clock::manual() at {:?}", manual.lock().elapsed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_manual_clock_moves_by_hand_only() {
        let clock = Clock::manual();
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        clock.on_advance(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let before = clock.now();
        assert_eq!(clock.now(), before);
        assert!(clock.advance(Duration::from_secs(3)));
        assert_eq!(clock.now() - before, Duration::from_secs(3));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        assert_eq!(clock.sleep_limit(before), None);
    }

    #[test]
    fn a_time_too_long_to_add_is_far_off() {
        let clock = Clock::system();
        assert!(clock.after(Duration::MAX) > clock.now() + Duration::from_secs(1_000_000));
        assert!(!clock.advance(Duration::from_secs(1)));
    }
}
