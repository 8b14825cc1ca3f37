//! The one clock behind every time that Foster keeps.

use std::fmt;
use std::time::{Duration, Instant};

use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// The source of time for grace, cancel time and waits with a time-out.
///
/// A runtime uses [`Clock::system`] unless [`Builder::clock`](crate::Builder::clock) gives it
/// another. Tests make one with [`Clock::manual`] and move it by hand.
#[derive(Clone, Default)]
pub struct Clock {
    manual: Option<Arc<ManualTime>>,
}

struct ManualTime {
    start: Instant,
    state: Mutex<ClockState>,
}

#[derive(Default)]
struct ClockState {
    elapsed: Duration,
    sleepers: Vec<Weak<dyn Sleeper>>,
}

/// A waiter on a manual clock.
pub(crate) trait Sleeper: Send + Sync {
    /// The next moment at which the sleeper acts by itself, as far as it knows.
    fn next_due(&self) -> Option<Instant>;

    /// The clock has reached this moment: wakes all waiters, and returns when everything due was
    /// acted on.
    fn wake(self: Arc<Self>);
}

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

impl Clock {
    /// The operating system's monotonic clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    pub fn manual() -> Self {
        Self {
            manual: Some(Arc::new(ManualTime {
                start: Instant::now(),
                state: Mutex::default(),
            })),
        }
    }

    /// The present moment on this clock.
    pub fn now(&self) -> Instant {
        match &self.manual {
            None => Instant::now(),
            Some(manual) => later(manual.start, manual.lock().elapsed),
        }
    }

    /// Moves a manual clock forward by `time` and wakes everything that waits on it.
    ///
    /// Returns `false`, and does nothing, on the system's clock.
    ///
    /// Services see the time pass as it would by itself. The clock stops at each moment at which
    /// something falls due (the next start after a delay, a time-out) until that was acted on.
    /// `advance` returns when everything due was. A start was acted on once the service has had its
    /// first poll, or its thread; if the service returns or fails right there, that was handled as
    /// well.
    ///
    /// A flavour may be busy, so `advance` waits at most one second of real time at each such
    /// moment. It does not wait at all if a payload of the runtime moves the clock.
    ///
    /// Anything due later than [`Duration::MAX`] never happens, however far the clock is moved.
    pub fn advance(&self, time: Duration) -> bool {
        let Some(manual) = &self.manual else {
            return false;
        };
        let end = never().saturating_duration_since(manual.start) - Duration::from_nanos(1);
        let target = manual.lock().elapsed.saturating_add(time).min(end);
        // Whatever happened until now may decide what falls due.
        manual.wake();
        while let Some(due) = manual.next_due_before(target) {
            manual.move_to(due);
        }
        manual.move_to(target);
        true
    }

    /// Whether it moves only by [`advance`](Self::advance).
    pub(crate) fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// The moment `time` from now, or [`never`] if it cannot be represented.
    pub(crate) fn after(&self, time: Duration) -> Instant {
        later(self.now(), time)
    }

    /// The moment on the system's clock that is as far away as `deadline` is on this one.
    pub(crate) fn real(&self, deadline: Instant) -> Instant {
        if deadline == never() {
            return deadline;
        }
        let left = deadline.saturating_duration_since(self.now());
        later(Instant::now(), left)
    }

    /// The longest sleep of a waiter for `deadline`. On a manual clock there is no limit: its
    /// waiters sleep until [`on_advance`](Self::on_advance) wakes them.
    pub(crate) fn sleep_limit(&self, deadline: Instant) -> Option<Instant> {
        self.manual.is_none().then_some(deadline)
    }

    /// Wakes `sleeper` after each move of a manual clock, for as long as it exists.
    pub(crate) fn on_advance(&self, sleeper: Weak<dyn Sleeper>) {
        if let Some(manual) = &self.manual {
            let mut state = manual.lock();
            state.sleepers.retain(|known| known.strong_count() > 0);
            state.sleepers.push(sleeper);
        }
    }
}

impl ManualTime {
    fn move_to(&self, elapsed: Duration) {
        {
            let mut state = self.lock();
            // Another thread may have moved it further meanwhile.
            state.elapsed = state.elapsed.max(elapsed);
        }
        self.wake();
    }

    fn wake(&self) {
        for sleeper in self.sleepers() {
            sleeper.wake();
        }
    }

    /// Collected first, so that nobody wakes under the lock: a sleeper that wakes asks the clock
    /// for the time.
    fn sleepers(&self) -> Vec<Arc<dyn Sleeper>> {
        self.lock()
            .sleepers
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// The next future moment before `target` at which something falls due.
    fn next_due_before(&self, target: Duration) -> Option<Duration> {
        let elapsed = self.lock().elapsed;
        self.sleepers()
            .iter()
            .filter_map(|sleeper| sleeper.next_due()?.checked_duration_since(self.start))
            .filter(|due| elapsed < *due && *due < target)
            .min()
    }

    fn lock(&self) -> MutexGuard<'_, ClockState> {
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

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Sleeper for Counting {
        fn next_due(&self) -> Option<Instant> {
            None
        }

        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_manual_clock_moves_by_hand_only() {
        let clock = Clock::manual();
        let sleeper = Arc::new(Counting::default());
        let weak = Arc::downgrade(&sleeper);
        clock.on_advance(weak);
        let before = clock.now();
        assert_eq!(clock.now(), before);
        assert!(clock.advance(Duration::from_secs(3)));
        assert_eq!(clock.now() - before, Duration::from_secs(3));
        // Once before, once after.
        assert_eq!(sleeper.0.load(Ordering::SeqCst), 2);
        assert_eq!(clock.sleep_limit(before), None);
    }

    #[test]
    fn a_time_too_long_to_add_is_far_off() {
        let clock = Clock::system();
        assert!(clock.after(Duration::MAX) > clock.now() + Duration::from_secs(1_000_000));
        assert!(!clock.advance(Duration::from_secs(1)));
    }

    #[test]
    fn never_is_the_last_moment_and_is_not_reached() {
        assert_eq!(never().checked_add(Duration::from_nanos(1)), None);
        let clock = Clock::manual();
        let deadline = clock.after(Duration::MAX);
        for _ in 0..2 {
            assert!(clock.advance(Duration::MAX));
            assert!(clock.now() < deadline);
            assert_eq!(clock.after(Duration::from_secs(1)), deadline);
        }
    }
}
