//! The one clock behind every time that Foster keeps.

use std::fmt;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use crate::base::alarms::AlarmKey;
use crate::base::manual_time::{ManualTime, Sleeper};
use crate::base::moment::{later, never};
use crate::base::sync::{Arc, Weak};
use crate::base::timer::{NoTimer, Timer};

/// The source of time for grace, cancel time, services, sleeps and all waits with a time-out.
///
/// A runtime uses [`Clock::system`] unless [`Builder::clock`](crate::Builder::clock) gives it another.
/// [`Runtime::clock`](crate::Runtime::clock) is the clock of a runtime, [`Clock::current`] that of the payload whose
/// code runs. Code that waits by it can be tested without waiting: a test makes a clock with [`Clock::manual`] and moves
/// it by hand.
///
/// # A service that backs off
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
/// use std::time::Duration;
/// # use foster_core::{Clock, Manual, Runtime, service};
///
/// /// Tries again after one second, two, four and so on.
/// async fn connect(attempts: Arc<AtomicU32>) {
///     let clock = Clock::current();
///     let mut pause = Duration::from_secs(1);
///     while attempts.fetch_add(1, SeqCst) < 3 {
///         clock.sleep(pause).await;
///         pause *= 2;
///     }
/// }
///
/// let clock = Clock::manual();
/// let runtime = Runtime::builder().clock(clock.clone()).until_idle().build();
/// # let (flavour, go_on) = (Manual::new(), Arc::new(std::sync::atomic::AtomicBool::new(true)));
/// # let executor = std::thread::spawn({
/// #     let (manual, go_on) = (flavour.clone(), Arc::clone(&go_on));
/// #     move || while go_on.load(SeqCst) { manual.step(); std::thread::yield_now(); }
/// # });
/// let attempts = Arc::new(AtomicU32::new(0));
/// let counter = attempts.clone();
/// runtime.serve(service(flavour, move || connect(counter.clone())))?; // such as `Smol`
/// runtime.start()?;
///
/// clock.advance(Duration::ZERO); // returns when the service has had its first poll
/// assert_eq!(attempts.load(SeqCst), 1);
/// clock.advance(Duration::from_millis(999));
/// assert_eq!(attempts.load(SeqCst), 1);
/// clock.advance(Duration::from_millis(1));
/// assert_eq!(attempts.load(SeqCst), 2);
/// clock.advance(Duration::from_secs(6)); // passes through both of the moments
/// assert_eq!(attempts.load(SeqCst), 4);
/// runtime.wait()?;
/// # go_on.store(false, SeqCst);
/// # executor.join().unwrap();
/// # Ok::<(), foster_core::RunError>(())
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    source: Source,
}

#[derive(Clone)]
enum Source {
    /// With the timer of a runtime, if it belongs to one.
    System(Option<Arc<Timer>>),
    Manual(Arc<ManualTime>),
}

impl Default for Source {
    fn default() -> Self {
        Self::System(None)
    }
}

impl Clock {
    /// The operating system's monotonic clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands still until [`advance`](Self::advance) moves it.
    ///
    /// Timers of executors, such as those of tokio and async-io, do not follow it: see
    /// [`manual_with_executors`](Self::manual_with_executors).
    pub fn manual() -> Self {
        Self {
            source: Source::Manual(ManualTime::new(false)),
        }
    }

    /// As [`manual`](Self::manual), and the timers of executors follow it as far as their flavours know how to.
    ///
    /// In the flavours of Foster that is `Tokio`, with the feature `test-util`. Without the feature it does not start on
    /// such a clock, and says so. On all other flavours the executor's own timers go on in real time.
    pub fn manual_with_executors() -> Self {
        Self {
            source: Source::Manual(ManualTime::new(true)),
        }
    }

    /// The present moment on this clock.
    pub fn now(&self) -> Instant {
        match &self.source {
            Source::System(_) => Instant::now(),
            Source::Manual(manual) => manual.now(),
        }
    }

    /// Moves a manual clock forward by `time` and wakes everything that waits on it.
    ///
    /// Returns `false`, and does nothing, on the system's clock.
    ///
    /// Everybody sees the time pass as it would by itself. The clock stops at each moment at which something falls due:
    /// the end of a [sleep](Self::sleep) or of a wait, the next start of a service, a time-out. There it stands still
    /// until that was acted on, and `advance` returns when everything due was:
    ///
    /// - The payload that sleeps was polled, and waits or is over. If it goes to sleep again in that poll, the new sleep
    ///   counts from this moment.
    /// - A thread that waits [on the clock](Self::wait), or for something of Foster's with a time-out, does so again,
    ///   or its payload is over.
    /// - A service that starts has had its first poll, or its thread; if it returns or fails right there, that was
    ///   handled as well.
    ///
    /// What these do to other payloads is not waited for. A sleep begins with its first poll: let a test wait for a
    /// payload that was just adopted before it moves the clock.
    ///
    /// A flavour may be busy, and a thread may wait for something else. So `advance` waits at most one second of real
    /// time for sleepers, and one for services, at each such moment. It does not wait at all if a payload of a runtime
    /// with this clock moves it.
    ///
    /// Anything due later than [`Duration::MAX`] never happens, however far the clock is moved.
    pub fn advance(&self, time: Duration) -> bool {
        match &self.source {
            Source::System(_) => false,
            Source::Manual(manual) => {
                manual.advance(time);
                true
            }
        }
    }

    /// Whether it moves only by [`advance`](Self::advance).
    ///
    /// ```
    /// # use foster_core::Clock;
    /// assert!(Clock::manual().is_manual() && !Clock::system().is_manual());
    /// ```
    pub fn is_manual(&self) -> bool {
        matches!(self.source, Source::Manual(_))
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

    /// The longest sleep of a thread that waits for `deadline`. On a manual clock there is no limit: what moves the
    /// clock wakes it.
    pub(crate) fn sleep_limit(&self, deadline: Instant) -> Option<Instant> {
        (!self.is_manual()).then_some(deadline)
    }

    /// Wakes `sleeper` after each move of a manual clock, for as long as it exists.
    pub(crate) fn on_advance(&self, sleeper: Weak<dyn Sleeper>) {
        if let Source::Manual(manual) = &self.source {
            manual.on_advance(sleeper);
        }
    }

    /// The manual clock, if executors are to follow it.
    pub(crate) fn leads(&self) -> Option<&Arc<ManualTime>> {
        match &self.source {
            Source::Manual(manual) if manual.leads => Some(manual),
            _ => None,
        }
    }

    /// The same clock, for a runtime: whatever the clock needs of its own ends with that.
    pub(crate) fn of_runtime(self) -> Self {
        match self.source {
            Source::System(_) => Self {
                source: Source::System(Some(Arc::default())),
            },
            Source::Manual(_) => self,
        }
    }

    /// The runtime is over: waits, at most until `by`, for what the clock had of its own.
    pub(crate) fn end(&self, by: Instant) {
        if let Source::System(Some(timer)) = &self.source {
            timer.end(by);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::System(_) => f.write_str("Clock::system()"),
            Source::Manual(manual) => write!(f, "Clock::manual() at {:?}", manual.elapsed()),
        }
    }
}

/// One who waits for a moment on a clock. Dropping it leaves nothing behind.
pub(crate) struct Alarm {
    clock: Clock,
    due: Instant,
    set: Option<Set>,
}

/// Where a waker is kept.
enum Set {
    Manual(AlarmKey),
    System(Arc<Timer>, AlarmKey),
}

/// The pause of one who waits between two looks, if the system gives no thread that would wake it.
const GLANCE: Duration = Duration::from_millis(1);

impl Alarm {
    pub(crate) fn new(clock: Clock, due: Instant) -> Self {
        let set = None;
        Self { clock, due, set }
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the moment has come. If not, `waker` is woken when it does.
    pub(crate) fn has_come(&mut self, waker: &Waker) -> bool {
        if self.due == never() {
            return false;
        }
        let has_come = match &self.clock.source {
            Source::Manual(manual) => {
                let key = match self.set {
                    Some(Set::Manual(key)) => Some(key),
                    _ => None,
                };
                // Cloned before the lock, as it is code of the user's.
                let set = manual.set(key, self.due, waker.clone());
                let is_set = set.is_some();
                self.set = set.map(Set::Manual).or(self.set.take());
                !is_set
            }
            Source::System(timer) => {
                let has_come = Instant::now() >= self.due;
                if !has_come {
                    let timer = timer.clone();
                    self.set_timer(timer, waker);
                }
                has_come
            }
        };
        if has_come {
            self.clear();
        }
        has_come
    }

    /// Has `waker` woken by `timer`, or by that of the process.
    fn set_timer(&mut self, timer: Option<Arc<Timer>>, waker: &Waker) {
        let (timer, key) = match self.set.take() {
            Some(Set::System(timer, key)) => (timer, Some(key)),
            _ => {
                let timer = timer.unwrap_or_else(|| Arc::clone(Timer::of_process()));
                (timer, None)
            }
        };
        let (timer, result) = match timer.set(key, self.due, waker.clone()) {
            Err(NoTimer::Over) => {
                let timer = Arc::clone(Timer::of_process());
                let result = timer.set(None, self.due, waker.clone());
                (timer, result)
            }
            result => (timer, result),
        };
        match result {
            Ok((key, _replaced)) => self.set = Some(Set::System(timer, key)),
            Err(_) => {
                thread::sleep(GLANCE);
                waker.wake_by_ref();
            }
        }
    }

    /// It waits no more.
    fn clear(&mut self) {
        let _waker = match (self.set.take(), &self.clock.source) {
            (Some(Set::Manual(key)), Source::Manual(manual)) => manual.remove(key),
            (Some(Set::System(timer, key)), _) => timer.remove(key),
            _ => None,
        };
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.clear();
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

        fn is_inside(&self) -> bool {
            false
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
