//! Failures: recorded first, told afterwards.
//!
//! A failure is in the report, and the stop has begun, before anything of the user's hears of it. What hears of
//! it (subscribers, loggers, wakers) runs on the thread of a subroutine that failed, or on threads for that alone,
//! so that one that hangs holds up nothing: one thread for lines, and one for wakers, which a line that hangs must
//! not hold up either.

use std::time::Instant;

use crate::base::event::Wakers;
use crate::base::sync::{Arc, MutexGuard, PoisonError};
use crate::errors::failure::Failure;
use crate::lifetime::ledger::{Entry, Ledger};
use crate::lifetime::phase::Phase;
use crate::lifetime::shared::{Lifetime, Note};
use crate::lifetime::telling::Line;

impl Lifetime {
    /// Takes a failure: the first one begins the stop. It is told aside.
    pub(crate) fn fail(self: &Arc<Self>, failure: Failure) {
        self.record(failure).tell_aside();
    }

    /// Takes a failure into the report, and begins the stop if it is the first one. Runs nothing of the user's,
    /// so that it may be called under a lock.
    pub(crate) fn record(self: &Arc<Self>, mut failure: Failure) -> Untold {
        let mut ledger = self.ledger();
        // Under the lock, so that the failure that begins the stop is the first one told.
        let has_begun_stop = self.flip(Some(Instant::now()));
        if !has_begun_stop {
            failure.mark_during_shutdown();
        }
        let entry = ledger.enter();
        if entry == Entry::Kept {
            self.tell(Note::Failure(Box::new(failure.clone())));
        }
        ledger.begin_telling();
        Untold(Some(ToBeTold {
            failure,
            // Whoever drops it tells it all the same.
            is_late: entry == Entry::TooLate,
            has_begun_stop,
            telling: Telling(Arc::clone(self)),
        }))
    }

    /// Tells `line` aside, unless too many wait to be told.
    pub(crate) fn tell_line(self: &Arc<Self>, line: Line) {
        self.begin_telling().tell(line);
    }

    /// Has `code` of the user's run aside, once; it is not lost, however much waits.
    pub(crate) fn aside(self: &Arc<Self>, code: impl FnOnce() + Send + 'static) {
        let telling = self.begin_telling();
        self.waker.run(move || {
            let _telling = telling;
            code();
        });
    }

    /// Wakes `wakers` aside.
    pub(crate) fn wake_aside(self: &Arc<Self>, wakers: Wakers) {
        if !wakers.is_empty() {
            self.aside(|| wakers.wake());
        }
    }

    fn begin_telling(self: &Arc<Self>) -> Telling {
        self.ledger().begin_telling();
        Telling(Arc::clone(self))
    }

    /// Says that the code of a blocking payload has come to its end; whether that was in time for the
    /// report, which then waits for [`has_ended`](Self::has_ended). If not, the payload counts as one
    /// that still ran. If so, `mark` notes it where others can see it.
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

    /// A payload that was ending is accounted for.
    pub(crate) fn has_ended(&self) {
        self.ledger().end_ending();
        if self.phase() >= Phase::Stopping {
            self.look();
        }
    }

    /// Takes no more failures into the report, unless some payload is about to tell one, or something is being
    /// told, and nobody `insists`; then returns how many were only counted.
    pub(crate) fn close_ledger(&self, insists: bool) -> Option<usize> {
        self.ledger().close(insists)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Something that is being told, or about to be: the report waits for it.
struct Telling(Arc<Lifetime>);

impl Telling {
    fn tell(self, line: Line) {
        let lifetime = &self.0;
        if lifetime.lines.admit() {
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

/// A failure that was recorded and is still to be told. If it is just dropped it is told aside.
#[must_use = "it is told when it is dropped, and nothing may be locked then"]
pub(crate) struct Untold(Option<ToBeTold>);

struct ToBeTold {
    failure: Failure,
    /// It is in no report.
    is_late: bool,
    has_begun_stop: bool,
    telling: Telling,
}

impl Untold {
    /// Tells the failure on another thread, and wakes those there who wait for the stop that it has begun.
    pub(crate) fn tell_aside(self) {
        drop(self);
    }

    /// Tells the failure right here, on a thread that may hang for it. Who waits for the stop is woken aside.
    pub(crate) fn tell(mut self) {
        if let Some(told) = self.0.take() {
            told.wake();
            let lifetime = &told.telling.0;
            match told.is_late {
                true => lifetime.lines.tell_late(told.failure),
                false => lifetime.lines.tell_now(&Line::of_failure(told.failure)),
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
            // No thread of Foster's is left that it could hold up, nor anybody who waits for it to be told.
            true => told.telling.0.lines.tell_late(told.failure),
            false => told.telling.tell(Line::of_failure(told.failure)),
        }
    }
}
