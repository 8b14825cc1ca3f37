//! The drain: the time between the signal and the stop that it asks for.
//!
//! ```text
//!           SIGTERM, SIGHUP, `Runtime::drain`         its time is over
//!   (running) ─────────────────────────► draining ────────────────────► Stopping, for the cause of the drain
//!                                            │ another signal, a failure, `shutdown`, idle
//!                                            └─────────────────────────────────────────► Stopping, for that
//! ```
//!
//! It is no phase: all that runs goes on as before. It ends as the phase moves on.

use std::time::{Duration, Instant};

use crate::base::moment::later;
use crate::base::sync::Arc;
use crate::base::sync::atomic::Ordering::SeqCst;
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::reason::DrainBegun;
use crate::lifetime::telling::{Line, is_heard};
use crate::lifetime::{Lifetime, Phase, StopReason};

impl Lifetime {
    /// Begins the drain, or the stop where there is no time for one. Nothing happens if either has begun. Returns whether
    /// it did here.
    ///
    /// Wakers run inside this call, as in [`stop`](Self::stop).
    pub(crate) fn drain(self: &Arc<Self>, why: StopReason) -> bool {
        if !self.can_drain() {
            return self.stop(why);
        }
        let has_begun = self.begin_drain(why);
        if has_begun {
            self.has_changed(RuntimeChange::Draining).wake();
        }
        has_begun
    }

    /// As [`drain`](Self::drain), but wakers run on another thread.
    pub(crate) fn drain_aside(self: &Arc<Self>, why: StopReason) -> bool {
        if !self.can_drain() {
            return self.stop_aside(why);
        }
        let has_begun = self.begin_drain(why);
        if has_begun {
            self.has_changed_aside(RuntimeChange::Draining);
        }
        has_begun
    }

    /// Whether there is time for a drain, and something that goes on meanwhile.
    fn can_drain(&self) -> bool {
        self.settings.drain > Duration::ZERO && self.phase() != Phase::Idle
    }

    fn begin_drain(self: &Arc<Self>, why: StopReason) -> bool {
        let at = self.settings.clock.now();
        let is_early = self.phase() < Phase::Stopping;
        let has_begun = is_early && self.drain.begun.set(DrainBegun { why, at }).is_ok();
        if has_begun {
            if is_heard() {
                let text =
                    "the runtime drains: it is not ready any more, and goes on until it stops";
                let line = Line::note("runtime.draining", None, text).cause(why.name());
                self.tell_line(line.lasts(self.settings.drain));
            }
            // The runner waits for its end from here on.
            self.look();
        }
        has_begun
    }

    /// The drain, as long as it goes on.
    fn present_drain(&self) -> Option<&DrainBegun> {
        let begun = self.drain.begun.get();
        begun.filter(|_| self.phase() < Phase::Stopping)
    }

    /// When the drain began, if it goes on.
    pub(crate) fn draining_since(&self) -> Option<Instant> {
        Some(self.present_drain()?.at)
    }

    /// When the drain is over, if it goes on.
    pub(crate) fn drain_deadline(&self) -> Option<Instant> {
        Some(later(self.present_drain()?.at, self.settings.drain))
    }

    /// Begins the stop if the time of the drain is over.
    pub(crate) fn end_drain_in_time(self: &Arc<Self>) {
        let Some(DrainBegun { why, at }) = self.present_drain() else {
            return;
        };
        let is_due = later(*at, self.settings.drain) <= self.settings.clock.now();
        if is_due && self.stop_aside(*why) {
            self.drain.has_run_out.store(true, SeqCst);
        }
    }

    /// Whether the stop began as the time of the drain was over.
    pub(crate) fn has_drained_out(&self) -> bool {
        self.drain.has_run_out.load(SeqCst)
    }
}
