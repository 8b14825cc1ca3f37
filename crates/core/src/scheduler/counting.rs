//! The counts of a scheduler, and when the runner must check them.

use crate::errors::refusal::Reason;
use crate::lifetime::Phase;
use crate::scheduler::counts::Counts;
use crate::scheduler::scheduler::Scheduler;
use crate::task::{Header, Settled};

impl Scheduler {
    /// Counts a payload as taken in. The caller checks the phase *after* this, and refuses the
    /// payload if it must. The runner changes the phase first and counts afterwards. So either the
    /// runner counts the payload, or the caller refuses it.
    #[inline]
    pub(crate) fn accept(&self) {
        self.counts_here(false).accept();
    }

    /// The same, for the payload of an execute or a call. Returns whether the payload is late: it
    /// came while the runtime was stopping.
    pub(crate) fn accept_call(&self) -> bool {
        let is_late = self.part.is_closed();
        self.counts_here(is_late).accept();
        is_late
    }

    /// The payload had its first poll, or has its thread.
    pub(super) fn count_start(&self, header: &Header) {
        self.counts_here(header.state.is_late()).start();
        let part = &self.part;
        let awaited = match part.phase() {
            Phase::Stopping => !part.is_held(),
            Phase::Cancelling => self.host.is_blocking(),
            _ => false,
        };
        if awaited {
            part.look();
        }
    }

    /// The payload is over. Calls the runner only if this may be the end that it waits for: when
    /// many end at once, it would only be held up by the others.
    #[inline]
    pub(super) fn count_end(&self, settled: Settled) {
        let part = &self.part;
        if settled.was_holder() {
            part.release();
        }
        self.counts_here(settled.was_late())
            .end(settled.had_started());
        if part.group().is_some() {
            self.give_places_back();
        }
        if part.phase() >= Phase::Stopping || part.is_watched() {
            self.look_after_end();
        }
    }

    fn give_places_back(&self) {
        let gates = self.part.group().map(|group| group.gates.iter());
        // One by one: most often nobody is to be woken, and then nothing is collected.
        gates
            .into_iter()
            .flatten()
            .for_each(|gate| gate.give_back().wake());
    }

    /// Calls the runner if this end may be the one that it waits for.
    fn look_after_end(&self) {
        let part = &self.part;
        let awaited = match part.phase() {
            // A payload that holds the grace time open comes here as well, and is no holder any
            // more by then.
            Phase::Stopping => !part.is_held(),
            Phase::Cancelling => self.host.is_blocking() || self.is_drained(),
            _ => part.is_watched() && self.is_drained(),
        };
        if awaited {
            part.look();
        }
    }

    /// The counts for what happens on the calling thread.
    #[inline]
    fn counts_here(&self, is_late: bool) -> &Counts {
        self.counts.here(self.host.lane_here(), is_late)
    }

    /// Takes a place in each limit that counts its payloads, for one that is taken in. To be called before that.
    #[inline]
    pub(crate) fn take_place(&self) -> Result<(), Reason> {
        match self.part.group() {
            Some(group) => group.gates.take().map_err(Reason::Full),
            None => Ok(()),
        }
    }

    /// How many payloads were taken in and are not over, for a moment at least.
    pub(crate) fn unended(&self) -> usize {
        let (ended, accepted) = (self.ended(), self.accepted());
        accepted - ended
    }

    pub(crate) fn accepted(&self) -> usize {
        self.counts.accepted()
    }

    pub(crate) fn ended(&self) -> usize {
        self.counts.ended()
    }

    /// How many payloads were taken in and have neither had their first poll, or their thread, nor are over.
    pub(crate) fn unstarted(&self) -> usize {
        self.counts.unstarted()
    }

    /// Whether every payload that was taken in has had its first poll.
    pub(crate) fn all_started(&self) -> bool {
        self.counts.all_started()
    }

    /// Whether every payload that was not late has had its first poll.
    pub(crate) fn timely_started(&self) -> bool {
        self.counts.timely_started()
    }

    /// Whether every payload that was taken in is over.
    pub(crate) fn is_drained(&self) -> bool {
        self.ended() == self.accepted()
    }
}
