//! Wakes those who wait for a moment on the system's clock.
//!
//! The timer's thread exists while somebody waits, and runs nothing but their wakers, with nothing locked. Each runtime
//! has a timer, which ends with it; who still waits then goes on with that of the process.

use std::task::Waker;
use std::time::{Duration, Instant};

use crate::base::alarms::{AlarmKey, Alarms};
use crate::base::joining::Joining;
use crate::base::panics::contain;
use crate::base::per_process::PerProcess;
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Condvar, Mutex, PoisonError, lock};

/// How long the thread stays when nobody waits: most of those who wait are gone before their moment, and others come.
const LINGERING: Duration = Duration::from_millis(100);

/// The least time that the thread has to end with its runtime.
const ENDING: Duration = Duration::from_millis(100);

/// Those who wait, and the thread that wakes them.
#[derive(Default)]
pub(crate) struct Timer {
    state: Mutex<TimerState>,
    changed: Condvar,
}

#[derive(Default)]
struct TimerState {
    alarms: Alarms,
    thread: Option<JoinHandle<()>>,
    is_at_work: bool,
    /// When the thread looks again by itself, while it sleeps.
    looks_at: Option<Instant>,
    is_over: bool,
}

/// Why nobody would be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTimer {
    /// The timer has ended.
    Over,
    /// The system gives no thread for it.
    NoThread,
}

impl Timer {
    /// The timer of this process, which never ends.
    pub(crate) fn of_process() -> &'static Arc<Self> {
        static TIMER: PerProcess<Arc<Timer>> = PerProcess::new();
        TIMER.get_or_make(Arc::default)
    }

    /// Has `waker` woken at `due`, for the one who waits under `key` or comes now. Also returns the waker that it
    /// replaces, as it is to be dropped where nothing is locked.
    pub(crate) fn set(
        self: &Arc<Self>,
        key: Option<AlarmKey>,
        due: Instant,
        waker: Waker,
    ) -> Result<(AlarmKey, Option<Waker>), NoTimer> {
        let mut state = lock(&self.state);
        if state.is_over {
            return Err(NoTimer::Over);
        }
        if !state.is_at_work {
            let timer = Arc::clone(self);
            let thread = Builder::new().name("foster timer".to_owned());
            // Under the lock, so that the thread is kept before it can end. The one before it has run its last line.
            let thread = thread.spawn(move || timer.work());
            state.thread = Some(thread.map_err(|_| NoTimer::NoThread)?);
            state.is_at_work = true;
        }
        let key = key.unwrap_or_else(|| state.alarms.key(due));
        let replaced = state.alarms.set(key, waker);
        if state.looks_at.is_some_and(|looks_at| due < looks_at) {
            self.changed.notify_one();
        }
        Ok((key, replaced))
    }

    /// Forgets one who waits. Its waker is dropped where nothing is locked.
    pub(crate) fn remove(&self, key: AlarmKey) -> Option<Waker> {
        let mut state = lock(&self.state);
        let removed = state.alarms.remove(key);
        let lingers_till = || Instant::now() + LINGERING;
        if state.alarms.is_empty() && state.looks_at.is_some_and(|at| at > lingers_till()) {
            // It would stay until then for nobody.
            self.changed.notify_one();
        }
        removed
    }

    fn work(&self) {
        let mut stays_until = None;
        loop {
            let mut state = lock(&self.state);
            let now = Instant::now();
            let woken = match state.is_over {
                true => state.alarms.take_all(),
                false => state.alarms.take_due(now),
            };
            if !woken.is_empty() {
                drop(state);
                stays_until = None;
                for waker in woken.into_values() {
                    contain(|| waker.wake());
                }
                continue;
            }
            let looks_at = match state.alarms.next_due() {
                Some(due) => {
                    stays_until = None;
                    due
                }
                None => *stays_until.get_or_insert(now + LINGERING),
            };
            if state.is_over || looks_at <= now {
                state.is_at_work = false;
                return;
            }
            state.looks_at = Some(looks_at);
            let waited = self.changed.wait_timeout(state, looks_at - now);
            waited.unwrap_or_else(PoisonError::into_inner).0.looks_at = None;
        }
    }

    /// Ends the timer: all who wait are woken, to go on elsewhere. Waits for the thread, at most until `by` but for a
    /// moment at least; one in which a waker hangs is given up.
    pub(crate) fn end(&self, by: Instant) {
        let thread = {
            let mut state = lock(&self.state);
            state.is_over = true;
            self.changed.notify_one();
            state.thread.take()
        };
        if let Some(thread) = thread {
            Joining::start(vec![thread]).wait(by.max(Instant::now() + ENDING));
        }
    }

    /// Whether it has neither a thread nor anybody who waits.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn is_at_rest(&self) -> bool {
        let state = lock(&self.state);
        !state.is_at_work && state.alarms.is_empty()
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[track_caller]
    fn expect(mut is_it: impl FnMut() -> bool) {
        let by = Instant::now() + Duration::from_secs(20);
        while !is_it() {
            assert!(Instant::now() < by, "it does not come");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_thread_ends_when_nobody_waits() {
        let (timer, count) = (Arc::<Timer>::default(), Arc::<Counting>::default());
        let waker = || Waker::from(Arc::clone(&count));
        let (far, _) = timer.set(None, Instant::now() + HOUR, waker()).unwrap();
        assert!(!timer.is_at_rest());
        for _ in 0..3 {
            timer.set(None, Instant::now(), waker()).unwrap();
        }
        expect(|| count.0.load(SeqCst) == 3);
        assert!(!timer.is_at_rest());
        assert!(timer.remove(far).is_some());
        expect(|| timer.is_at_rest());
        // This one, the counter's own, and nothing kept.
        assert_eq!(Arc::strong_count(&count), 1);
        // It comes again.
        timer.set(None, Instant::now(), waker()).unwrap();
        expect(|| count.0.load(SeqCst) == 4);
        expect(|| timer.is_at_rest());
    }

    #[test]
    fn a_timer_that_ends_wakes_all_and_takes_nobody() {
        let (timer, count) = (Arc::<Timer>::default(), Arc::<Counting>::default());
        let waker = || Waker::from(Arc::clone(&count));
        for _ in 0..3 {
            timer.set(None, Instant::now() + HOUR, waker()).unwrap();
        }
        timer.end(Instant::now() + HOUR);
        assert_eq!(count.0.load(SeqCst), 3);
        assert!(timer.is_at_rest());
        let refused = timer.set(None, Instant::now(), waker());
        assert_eq!(refused.err(), Some(NoTimer::Over));
    }

    /// A thread for each would take some ten times as long as all of this may.
    #[test]
    fn a_million_who_are_gone_at_once_leave_nothing() {
        let timer = Arc::<Timer>::default();
        let number = if cfg!(miri) { 100 } else { 1_000_000 };
        for _ in 0..number {
            let waker = Waker::noop().clone();
            let (key, _) = timer.set(None, Instant::now() + HOUR, waker).unwrap();
            drop(timer.remove(key));
        }
        expect(|| timer.is_at_rest());
    }
}
