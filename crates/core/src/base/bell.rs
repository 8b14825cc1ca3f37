//! A bell: what wakes a thread that waits for it or for a moment, whichever comes first.

use std::time::Duration;

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

    /// Waits until it has rung since the last wait, at most for `time` on `clock`.
    pub(crate) fn wait(&self, clock: &Clock, time: Duration) {
        let has_rung = || self.has_rung.swap(false, SeqCst).then_some(());
        self.rings.wait(clock, time, has_rung);
    }
}
