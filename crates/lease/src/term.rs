//! One turn of holding a lease: until when it lasts, and what becomes of a process whose work does not end with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use foster_core::Group;

use crate::overrun::Overrun;
use crate::rules::MARGIN;
use crate::tenure::At;
use crate::time::Time;

/// When before the end of a lease the process ends whose work has not.
const BEFORE_END: Duration = Duration::from_millis(100);
/// How long the reason may take on its way to standard error.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// The status of such a process: `EX_SOFTWARE`.
const STATUS: i32 = 70;
/// How often a manual clock is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A turn, from its beginning until nothing is left of its work.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) number: u64,
    pub(crate) fence: u64,
    lease: String,
    time: Time,
    overrun: Overrun,
    /// In nanoseconds since the origin of `time`.
    until: AtomicU64,
    /// What its work is in, once that has begun.
    group: OnceLock<Group>,
    /// When it was found to have ended while the whole process stood still; 0 if it was not.
    found_late: AtomicU64,
}

/// All turns of the process.
#[derive(Default)]
struct Terms {
    last: u64,
    open: BTreeMap<u64, Arc<Term>>,
    is_watched: bool,
}

static TERMS: Mutex<Terms> = Mutex::new(Terms {
    last: 0,
    open: BTreeMap::new(),
    is_watched: false,
});
static CHANGED: Condvar = Condvar::new();

fn terms() -> MutexGuard<'static, Terms> {
    TERMS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Term {
    /// Begins a turn, which is watched from here on by a thread for that alone.
    ///
    /// # Errors
    ///
    /// If there is no thread to watch it. Then nothing may begin.
    pub(crate) fn begin(
        lease: &str,
        fence: u64,
        until: At,
        time: &Time,
        overrun: Overrun,
    ) -> std::io::Result<Arc<Self>> {
        let mut terms = terms();
        if !terms.is_watched {
            let watcher = thread::Builder::new().name("foster lease".to_owned());
            watcher.spawn(watch)?;
            terms.is_watched = true;
        }
        terms.last += 1;
        let term = Arc::new(Self {
            number: terms.last,
            fence,
            lease: lease.to_owned(),
            time: time.clone(),
            overrun,
            until: AtomicU64::new(nanoseconds(until)),
            group: OnceLock::new(),
            found_late: AtomicU64::new(0),
        });
        terms.open.insert(term.number, Arc::clone(&term));
        CHANGED.notify_all();
        Ok(term)
    }

    /// Its work is in `group`.
    pub(crate) fn works_in(&self, group: &Group) {
        let unset = self.group.set(group.clone()).is_ok();
        debug_assert!(unset, "a turn begins once");
    }

    /// Whether the work is over, and nothing is left of it: threads that were left behind have their places until they end.
    pub(crate) fn is_done(&self) -> bool {
        let group = self.group.get();
        group.is_none_or(|group| group.state().is_over() && group.taken() == 0)
    }

    /// It lasts until then.
    pub(crate) fn set_until(&self, until: At) {
        self.until.store(nanoseconds(until), SeqCst);
        CHANGED.notify_all();
    }

    /// Nothing is left of its work.
    pub(crate) fn close(&self) {
        terms().open.remove(&self.number);
    }

    /// How much of it is left.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_nanos(self.until.load(SeqCst)).saturating_sub(self.time.now())
    }

    /// How long the work may still take. A process that stood still beyond the end of its lease, and goes on, could not have ended it:
    /// it has a second for that, in which only the fence protects.
    fn patience(&self) -> Duration {
        let now = self.time.now();
        let until = Duration::from_nanos(self.until.load(SeqCst));
        let found = self.found_late.load(SeqCst);
        if found == 0 && now < until {
            return until.saturating_sub(now + BEFORE_END);
        }
        let first = self
            .found_late
            .compare_exchange(0, nanoseconds(now), SeqCst, SeqCst);
        let found = Duration::from_nanos(first.err().unwrap_or(nanoseconds(now)));
        (found + MARGIN).saturating_sub(now)
    }

    /// The turn with this number, unless nothing is left of it.
    pub(crate) fn find(number: u64) -> Option<Arc<Self>> {
        terms().open.get(&number).cloned()
    }
}

fn nanoseconds(at: At) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
}

/// Sleeps until a turn is about to end, while there are any.
fn watch() {
    let mut terms = terms();
    loop {
        let due = terms.open.values().find(|term| term.patience().is_zero());
        if let Some(due) = due.cloned() {
            terms.open.remove(&due.number);
            drop(terms);
            // Its keeper may have ended before it.
            if !due.is_done() {
                has_overrun(&due);
            }
            drop(due);
            terms = self::terms();
            continue;
        }
        let sleeps = terms.open.values().map(|term| match term.time {
            Time::Manual { .. } => LOOK,
            Time::System => term.time.longest_sleep(term.time.now() + term.patience()),
        });
        let Some(longest) = sleeps.min() else {
            terms.is_watched = false;
            return;
        };
        let waited = CHANGED.wait_timeout(terms, longest.max(Duration::from_millis(1)));
        terms = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// The lease ends, and its work has not.
fn has_overrun(term: &Term) {
    let Term { lease, fence, .. } = term;
    let text =
        format!("foster: the lease `{lease}` (fence {fence}) ends, and its work has not ended");
    match term.overrun {
        Overrun::Exit => {
            say(format!("{text}: the process ends with status {STATUS}"));
            signal_hook::low_level::exit(STATUS);
        }
        Overrun::Tell => say(format!(
            "{text}, and goes on: only its fence tells it from the next one's"
        )),
    }
}

/// Prints a line, which may hang.
fn say(line: String) {
    use std::io::Write as _;

    let (said, is_said) = channel();
    let print = move || {
        let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
        let _ = said.send(());
    };
    if thread::Builder::new().spawn(print).is_ok() {
        let _ = is_said.recv_timeout(LAST_WORDS);
    }
}

#[cfg(test)]
mod tests {
    use foster_core::Clock;

    use super::*;

    #[test]
    fn turns_at_the_same_time_are_told_apart() {
        let time = Time::System;
        let until = time.now() + Duration::from_secs(60);
        let begin = |fence| Term::begin("billing", fence, until, &time, Overrun::Tell).unwrap();
        let (one, other) = (begin(1), begin(2));
        for term in [&one, &other] {
            let found = Term::find(term.number).map(|found| found.fence);
            assert_eq!(found, Some(term.fence));
        }
        one.close();
        assert!(Term::find(one.number).is_none());
        assert!(Term::find(other.number).is_some());
        other.close();
    }

    #[test]
    fn a_process_that_stood_still_has_a_second_to_end_the_work() {
        let clock = Clock::manual();
        let term = Term {
            number: 0,
            fence: 1,
            lease: "billing".to_owned(),
            time: Time::of(&clock),
            overrun: Overrun::Tell,
            until: AtomicU64::new(nanoseconds(Duration::from_secs(5))),
            group: OnceLock::new(),
            found_late: AtomicU64::new(0),
        };
        let after = |milliseconds| {
            clock.advance(Duration::from_millis(milliseconds));
            term.patience().as_millis()
        };
        assert_eq!(after(0), 4_900);
        term.set_until(Duration::from_secs(10));
        assert_eq!(term.left(), Duration::from_secs(10));
        // It went on in time: until a tenth of a second before the end.
        assert_eq!(after(0), 9_900);
        assert_eq!(after(9_000), 900);
        assert_eq!(after(950), 0);
        // It is found at the end, and counted from there.
        assert_eq!(after(50), 1_000);
        assert_eq!(after(400), 600);
        // What an answer says that comes then makes no difference.
        term.set_until(Duration::from_secs(60));
        assert_eq!(after(100), 500);
        assert_eq!(after(500), 0);
    }
}
