//! The counts of a scheduler, and when the runner must check them.

use crate::lifetime::Phase;
use crate::scheduler::counts::Counts;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Header, Settled};

impl Scheduler {
    /// Counts a payload as taken in. The caller checks the phase *after* this, and refuses the
    /// payload if it must. The runner changes the phase first and counts afterwards. So either the
    /// runner counts the payload, or the caller refuses it.
    pub(crate) fn accept(&self) {
        self.counts.accepted.add(1);
    }

    /// The same, for the payload of an execute or a call. Returns whether the payload is late: it
    /// came while the runtime was stopping.
    pub(crate) fn accept_call(&self) -> bool {
        let is_late = self.lifetime.phase() >= Phase::Stopping;
        self.counts_of(is_late).accepted.add(1);
        is_late
    }

    fn counts_of(&self, is_late: bool) -> &Counts {
        match is_late {
            false => &self.counts,
            true => &self.late,
        }
    }

    /// The payload had its first poll, or has its thread.
    pub(super) fn count_start(&self, header: &Header) {
        self.counts_of(header.state.is_late()).started.add(1);
        let awaited = match self.lifetime.phase() {
            Phase::Stopping => !self.lifetime.is_held(),
            Phase::Cancelling => self.is_blocking(),
            _ => false,
        };
        if awaited {
            self.lifetime.look();
        }
    }

    /// The payload is over. Calls the runner only if this may be the end that it waits for: when
    /// many end at once, it would only be held up by the others.
    pub(super) fn count_end(&self, settled: Settled) {
        let (counts, lifetime) = (self.counts_of(settled.was_late()), &self.lifetime);
        if settled.was_holder() {
            lifetime.release();
        }
        match settled.had_started() {
            true => counts.over.add(1),
            false => counts.over_early.add(1),
        }
        let awaited = match lifetime.phase() {
            // A payload that holds the grace time open comes here as well, and is no holder any
            // more by then.
            Phase::Stopping => !lifetime.is_held(),
            Phase::Cancelling => self.is_blocking() || self.is_drained(),
            _ => lifetime.settings.until_idle && self.is_drained(),
        };
        if awaited {
            lifetime.look();
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.counts.accepted.get() + self.late.accepted.get()
    }

    pub(crate) fn ended(&self) -> usize {
        self.counts.ended() + self.late.ended()
    }

    /// Whether every payload that was taken in has had its first poll.
    pub(crate) fn all_started(&self) -> bool {
        self.timely_started() && self.late.all_started()
    }

    /// Whether every payload that was not late has had its first poll.
    pub(crate) fn timely_started(&self) -> bool {
        self.counts.all_started()
    }

    /// Whether every payload that was taken in is over.
    pub(crate) fn is_drained(&self) -> bool {
        self.ended() == self.accepted()
    }
}
