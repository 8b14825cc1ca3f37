//! Failures: first recorded, then told.
//!
//! A failure is in the report, and the stop has begun, before any user code hears of it. Lines are told on the failed
//! subroutine's own thread, or on a thread for nothing else, so that a subscriber that hangs holds up nothing. Those who wait
//! for the stop are woken on another such thread: a line that hangs must not hold up wakers either. What fails after the
//! report is told wherever it is dropped.

use crate::base::event::Wakers;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::errors::failure::Failure;
use crate::lifetime::ledger::{Entered, Ledger};
use crate::lifetime::phase::Phase;
use crate::lifetime::reason::StopReason;
use crate::lifetime::shared::{Lifetime, Note};
use crate::lifetime::telling::{Line, is_heard};

impl Lifetime {
    /// Takes a failure. The first one begins the stop. It is told on another thread.
    pub(crate) fn fail(self: &Arc<Self>, failure: Failure) {
        self.record(failure).tell_aside();
    }

    /// Takes a failure into the report, and begins the stop if it is the first one. Runs no user
    /// code, so it may be called under a lock.
    pub(crate) fn record(self: &Arc<Self>, mut failure: Failure) -> Untold {
        let mut ledger = self.ledger();
        // Under the lock, so that the failure that begins the stop is the first one told.
        let has_begun_stop = self.flip(StopReason::Failure);
        if has_begun_stop {
            // Without the error, whose destructor is the user's.
            ledger.cause = Some(failure.clone().texts());
        } else {
            failure.mark_during_shutdown();
        }
        let entry = ledger.enter();
        if entry == Entered::Kept {
            self.tell(Note::Failure(Box::new(failure.clone())));
        }
        ledger.begin_telling();
        Untold(Some(ToBeTold {
            failure,
            // A late failure is told as well, when this is told or dropped.
            is_late: entry == Entered::TooLate,
            has_begun_stop,
            telling: Telling(Arc::clone(self)),
        }))
    }

    /// How many failures there are in the report.
    pub(crate) fn failures(&self) -> usize {
        self.ledger().entered()
    }

    /// The texts of the failure that has begun the stop, if one has.
    pub(crate) fn cause(&self) -> Option<Failure> {
        self.ledger().cause.clone()
    }

    /// Tells `line` on another thread, unless too many lines wait.
    pub(crate) fn tell_line(self: &Arc<Self>, line: Line) {
        self.begin_telling().tell(line);
    }

    /// As [`tell_line`](Self::tell_line), for a caller that holds a lock, so that lines come in the order of that.
    pub(crate) fn tell_note(self: &Arc<Self>, note: Line) {
        let telling = self.begin_telling();
        if self.lines.reach_anyone(note.level()) && self.lines.admit() {
            self.teller.run_later(move || telling.0.lines.tell(&note));
        }
    }

    /// Tells those who look for it what happens to the runtime.
    pub(crate) fn note(self: &Arc<Self>, event: &'static str, text: &str) {
        if is_heard() {
            self.tell_line(Line::note(event, None, text));
        }
    }

    /// Tells that the stop has begun.
    pub(crate) fn tell_stop(self: &Arc<Self>, why: StopReason) {
        if is_heard() {
            let cause = why.name();
            let text = format!("the runtime stops: {cause}");
            self.tell_line(Line::note("runtime.stopping", None, text).cause(cause));
        }
    }

    /// Runs user `code` once on another thread. It is never lost, however much waits.
    pub(crate) fn aside(self: &Arc<Self>, code: impl FnOnce() + Send + 'static) {
        let telling = self.begin_telling();
        self.waker.run(move || {
            let _telling = telling;
            code();
        });
    }

    /// Wakes `wakers` on another thread.
    pub(crate) fn wake_aside(self: &Arc<Self>, wakers: Wakers) {
        if !wakers.is_empty() {
            self.aside(|| wakers.wake());
        }
    }

    fn begin_telling(self: &Arc<Self>) -> Telling {
        self.ledger().begin_telling();
        Telling(Arc::clone(self))
    }

    /// Marks the code of a blocking payload as at its end. Returns whether that was in time for the
    /// report.
    ///
    /// If so, the report waits for [`has_ended`](Self::has_ended), and `mark` makes the end visible
    /// to others. If not, the payload counts as still running.
    pub(crate) fn begin_ending(&self, mark: impl FnOnce()) -> bool {
        let mut ledger = self.ledger();
        let is_in_time = ledger.begin_ending();
        if is_in_time {
            // Under the lock: a payload must not find itself among those left behind for the very
            // failure that it is about to tell.
            mark();
        }
        is_in_time
    }

    /// The bookkeeping of a payload that was ending is done.
    pub(crate) fn has_ended(&self) {
        self.ledger().end_ending();
        if self.phase() >= Phase::Stopping {
            self.look();
        }
    }

    /// Closes the report to further failures and returns how many were only counted. Unless the
    /// caller `insists`, it does nothing and returns `None` while a payload may be about to tell a
    /// failure or something is being told.
    pub(crate) fn close_ledger(&self, insists: bool) -> Option<usize> {
        self.ledger().close(insists)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line or a failure that is being told, or is about to be. The report waits for it.
struct Telling(Arc<Lifetime>);

impl Telling {
    fn tell(self, line: Line) {
        let lifetime = &self.0;
        if lifetime.lines.reach_anyone(line.level()) && lifetime.lines.admit() {
            let teller = Arc::clone(&lifetime.teller);
            teller.run(move || self.0.lines.tell(&line));
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.0.ledger().end_telling();
        if self.0.phase() >= Phase::Stopping {
            self.0.look();
        }
    }
}

/// A failure that was recorded and is still to be told. Dropping it tells it on another thread; a late one right there, as
/// none of Foster's threads is left to be held up.
#[must_use = "it is told when it is dropped, and nothing may be locked then"]
pub(crate) struct Untold(Option<ToBeTold>);

struct ToBeTold {
    failure: Failure,
    /// The failure is in no report.
    is_late: bool,
    has_begun_stop: bool,
    telling: Telling,
}

impl Untold {
    /// Tells the failure on another thread, and wakes the waiters for the stop there.
    pub(crate) fn tell_aside(self) {
        drop(self);
    }

    /// Tells the failure right here, on a thread that may hang because of it. The waiters for the
    /// stop are woken on another thread.
    pub(crate) fn tell(mut self) {
        if let Some(told) = self.0.take() {
            told.wake();
            let lifetime = &told.telling.0;
            match told.is_late {
                true => lifetime.lines.tell_late(told.failure),
                false => lifetime.lines.tell_now(&Line::of_failure(told.failure)),
            }
            if told.has_begun_stop {
                lifetime.tell_stop(StopReason::Failure);
            }
        }
    }
}

impl ToBeTold {
    fn wake(&self) {
        if self.has_begun_stop {
            let lifetime = &self.telling.0;
            lifetime.wake_aside(lifetime.announce());
        }
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        let Some(told) = self.0.take() else { return };
        told.wake();
        match told.is_late {
            true => told.telling.0.lines.tell_late(told.failure),
            false => {
                let (lifetime, begins) = (Arc::clone(&told.telling.0), told.has_begun_stop);
                told.telling.tell(Line::of_failure(told.failure));
                if begins {
                    lifetime.tell_stop(StopReason::Failure);
                }
            }
        }
    }
}
