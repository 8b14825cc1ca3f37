//! Time that stands still until somebody moves it.
//!
//! A move passes through every moment at which something falls due, and stands there until that was acted on. Code of
//! the user's (wakers) runs with nothing locked, on the thread that moves the clock.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::base::acting::Woken;
use crate::base::alarms::{AlarmKey, Alarms};
use crate::base::moment::{later, never};
use crate::base::panics::contain;
use crate::base::sync::{Arc, Mutex, MutexGuard, Weak, lock};

/// How long a move waits at each moment until those who are woken have acted, at most, in real time.
const ACTED_WITHIN: Duration = Duration::from_secs(1);

/// A waiter on a manual clock.
pub(crate) trait Sleeper: Send + Sync {
    /// The next moment at which the sleeper acts by itself, as far as it knows.
    fn next_due(&self) -> Option<Instant>;

    /// Whether the calling thread runs code that the sleeper would have to wait for.
    fn is_inside(&self) -> bool;

    /// The clock has reached this moment: wakes all waiters, and returns when everything due was
    /// acted on.
    fn wake(self: Arc<Self>);
}

/// An executor's own time, which follows a manual clock.
///
/// See [`Reporter::leader`](crate::Reporter::leader).
pub trait Follower: Send + Sync {
    /// Moves the executor's time to `elapsed` after the clock was made, timer by timer, and returns when what the timers
    /// woke was acted on, at `by` at the latest. If `by` is over already, it does not wait.
    ///
    /// What a timer wakes may wait on the clock for less. So it stops, and returns, where what has happened makes something
    /// fall due [before](crate::Leader::is_due_before) `elapsed`; it is called again then, for that moment.
    ///
    /// It comes before the clock itself moves. A moment that the executor's time has passed is nothing to do.
    fn follow(&self, elapsed: Duration, by: Instant);
}

pub(crate) struct ManualTime {
    start: Instant,
    /// Whether executors are to follow.
    pub(crate) leads: bool,
    state: Mutex<ClockState>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct ClockState {
    elapsed: Duration,
    alarms: Alarms,
    sleepers: Vec<Weak<dyn Sleeper>>,
    followers: Vec<Weak<dyn Follower>>,
}

impl ManualTime {
    pub(crate) fn new(leads: bool) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            leads,
            state: Mutex::default(),
            woken: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, ClockState> {
        lock(&self.state)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.lock().elapsed
    }

    pub(crate) fn now(&self) -> Instant {
        later(self.start, self.elapsed())
    }

    /// Has `waker` woken at `due`, for the one who waits under `key` or comes now. `None` if the moment has come.
    pub(crate) fn set(
        &self,
        key: Option<AlarmKey>,
        due: Instant,
        waker: Waker,
    ) -> Option<AlarmKey> {
        let mut state = self.lock();
        let is_due = later(self.start, state.elapsed) >= due;
        let (key, unused) = match is_due {
            true => (None, Some(waker)),
            false => {
                let key = key.unwrap_or_else(|| state.alarms.key(due));
                (Some(key), state.alarms.set(key, waker))
            }
        };
        drop(state);
        // Not under the lock, as it is code of the user's.
        drop(unused);
        key
    }

    /// Forgets one who waits, or who has found out that its moment has come. Its waker is dropped where nothing is
    /// locked.
    pub(crate) fn remove(&self, key: AlarmKey) -> Option<Waker> {
        let removed = self.lock().alarms.remove(key);
        if removed.is_none() {
            if let Some(acting) = self.woken.find(key) {
                acting.found_out();
            }
        }
        removed
    }

    pub(crate) fn on_advance(&self, sleeper: Weak<dyn Sleeper>) {
        let mut state = self.lock();
        state.sleepers.retain(|known| known.strong_count() > 0);
        state.sleepers.push(sleeper);
    }

    /// Has `follower` go along with all moves from here on, for as long as it exists.
    pub(crate) fn lead(&self, follower: Weak<dyn Follower>) {
        let mut state = self.lock();
        state.followers.retain(|known| known.strong_count() > 0);
        state.followers.push(follower);
    }

    /// An executor's time has come so far: what it wakes sees that it is so late.
    pub(crate) fn reach(&self, elapsed: Duration) {
        let mut state = self.lock();
        state.elapsed = state.elapsed.max(elapsed);
    }

    pub(crate) fn advance(&self, time: Duration) {
        let end = never().saturating_duration_since(self.start) - Duration::from_nanos(1);
        let target = self.elapsed().saturating_add(time).min(end);
        let waits = !self.sleepers().iter().any(|sleeper| sleeper.is_inside());
        // Whatever happened until now may decide what falls due.
        self.wake_sleepers();
        loop {
            let next = self.next_due_before(target).unwrap_or(target);
            self.have_followed(next, waits);
            // The executors' own timers may have woken somebody who waits for less.
            if self.next_due_before(next).is_some() {
                continue;
            }
            self.move_to(next, waits);
            if next == target {
                return;
            }
        }
    }

    /// Moves to `elapsed`, and returns when all that fell due was acted on.
    fn move_to(&self, elapsed: Duration, waits: bool) {
        let wakers = self.take_due(elapsed, waits);
        if !wakers.is_empty() {
            for waker in wakers.into_values() {
                contain(|| waker.wake());
            }
            if waits {
                self.woken.wait(Instant::now() + ACTED_WITHIN);
            }
        }
        self.wake_sleepers();
    }

    /// Who is to be woken at this moment, in order. No one can come in between who would not see how late it is.
    fn take_due(&self, elapsed: Duration, waits: bool) -> BTreeMap<AlarmKey, Waker> {
        let mut state = self.lock();
        // Another thread may have moved it further meanwhile.
        state.elapsed = state.elapsed.max(elapsed);
        let now = later(self.start, state.elapsed);
        let due = state.alarms.take_due(now);
        if waits {
            self.woken.add(due.keys().copied());
        }
        due
    }

    fn wake_sleepers(&self) {
        for sleeper in self.sleepers() {
            sleeper.wake();
        }
    }

    fn have_followed(&self, elapsed: Duration, waits: bool) {
        let followers: Vec<_> = {
            let state = self.lock();
            state.followers.iter().filter_map(Weak::upgrade).collect()
        };
        let patience = if waits { ACTED_WITHIN } else { Duration::ZERO };
        let by = Instant::now() + patience;
        for follower in followers {
            follower.follow(elapsed, by);
            if self.next_due_before(elapsed).is_some() {
                return;
            }
        }
    }

    /// Collected first, so that nobody wakes under the lock: a sleeper that wakes asks the clock
    /// for the time.
    fn sleepers(&self) -> Vec<Arc<dyn Sleeper>> {
        let state = self.lock();
        state.sleepers.iter().filter_map(Weak::upgrade).collect()
    }

    /// The next moment before `target` at which something falls due. What sleepers know of is due in the future; an alarm
    /// may have been passed while an executor's time moved.
    pub(crate) fn next_due_before(&self, target: Duration) -> Option<Duration> {
        let since_start = |due: Instant| due.checked_duration_since(self.start);
        let (elapsed, alarm) = {
            let state = self.lock();
            (state.elapsed, state.alarms.next_due())
        };
        let alarm = alarm.and_then(since_start).map(|due| due.max(elapsed));
        let sleepers = self.sleepers();
        let sleepers = sleepers.iter().filter_map(|sleeper| sleeper.next_due());
        let future = sleepers
            .filter_map(since_start)
            .filter(|due| elapsed < *due);
        future.chain(alarm).filter(|due| *due < target).min()
    }
}
