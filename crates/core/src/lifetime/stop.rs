//! The stop: how it begins, for what reason, and when its grace time is over.

use std::time::Instant;

use crate::base::event::Wakers;
use crate::base::moment::later;
use crate::base::sync::Arc;
use crate::lifetime::change::RuntimeChange;
use crate::lifetime::reason::StopBegun;
use crate::lifetime::{Lifetime, Phase, StopReason};

impl Lifetime {
    /// Begins the stop, unless it has begun. From here on adopts are refused, and every token but those
    /// of services says that the end is requested. Returns whether the stop began here.
    ///
    /// Wakers run inside this call, so no thread of Foster's calls it: see
    /// [`stop_aside`](Self::stop_aside).
    pub(crate) fn stop(self: &Arc<Self>, why: StopReason) -> bool {
        let begun = self.flip(why);
        if begun {
            self.tell_stop(why);
            let wakers = self.announce();
            self.services.begin_stop(self);
            wakers.wake();
        }
        begun
    }

    /// As [`stop`](Self::stop), but wakers run on another thread.
    pub(crate) fn stop_aside(self: &Arc<Self>, why: StopReason) -> bool {
        let begun = self.flip(why);
        if begun {
            self.tell_stop(why);
            self.wake_aside(self.announce());
        }
        begun
    }

    /// When a failure began the stop, in real time. `None` if none did.
    pub(crate) fn failing_since(&self) -> Option<Instant> {
        self.stop.get()?.failing_since
    }

    /// Why the stop began, and when on the clock.
    pub(crate) fn stop_begun(&self) -> Option<(StopReason, Instant)> {
        let is_stopping = self.phase() >= Phase::Stopping;
        let stop = self.stop.get().filter(|_| is_stopping)?;
        Some((stop.why, stop.began))
    }

    /// Begins the stop, unless it has begun.
    pub(super) fn flip(&self, why: StopReason) -> bool {
        let failing_since = (why == StopReason::Failure).then(Instant::now);
        loop {
            let phase = self.phase();
            if phase >= Phase::Stopping {
                return false;
            }
            // Before the phase, which the runner checks first. If another thread was first, both came at this
            // moment, and either may count as the cause.
            let began = self.settings.clock.now();
            let _ = self.stop.set(StopBegun {
                why,
                began,
                failing_since,
            });
            if self.advance(phase, Phase::Stopping) {
                return true;
            }
        }
    }

    /// The end of the grace time. It counts from the moment of the stop and not from when the
    /// runner sees the stop, so that a test with a manual clock need not wait for the runner.
    pub(crate) fn grace_deadline(&self) -> Instant {
        let began = self.stop.get().map(|stop| stop.began);
        let began = began.unwrap_or_else(|| self.settings.clock.now());
        later(began, self.settings.grace)
    }

    /// Releases everyone who waits for the stop. Those with wakers are left to the caller: they are
    /// returned.
    pub(super) fn announce(&self) -> Wakers {
        self.look();
        self.services.poke();
        let mut wakers = self.tokens.notify_threads();
        wakers.append(self.has_changed(RuntimeChange::Stopping));
        wakers
    }
}
