//! A bell: what wakes a thread that waits for it or for a moment, whichever comes first.

use std::time::{Duration, Instant};

use crate::base::clock::Clock;
use crate::base::event::Event;
use crate::base::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Rung from anywhere, also under locks.
#[derive(Default)]
pub(crate) struct Bell {
    has_rung: AtomicBool,
    rings: Event,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.has_rung.store(true, SeqCst);
        self.rings.notify();
    }

    /// Waits until it has rung since the last wait, at most for `time` on `clock`; on a manual one without a limit, as
    /// whoever moves that does what falls due.
    pub(crate) fn wait(&self, clock: &Clock, time: Duration) {
        let limit = clock.sleep_limit(clock.after(time));
        loop {
            // Listening comes before the look, so that no ring falls between the two.
            let listener = self.rings.listen();
            let is_over = limit.is_some_and(|limit| Instant::now() >= limit);
            if self.has_rung.swap(false, SeqCst) || is_over {
                return;
            }
            listener.wait(limit);
        }
    }
}
