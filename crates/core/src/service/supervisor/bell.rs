//! What wakes the supervisor's thread.

use super::*;

/// Rung from anywhere, also under locks.
#[derive(Default)]
pub(super) struct Bell {
    has_rung: AtomicBool,
    rings: event::Event,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.has_rung.store(true, SeqCst);
        self.rings.notify();
    }

    /// Waits until it has rung since the last wait, or until `due` on the clock of `lifetime`.
    pub(super) fn wait(&self, lifetime: &Lifetime, due: Option<Moment>) {
        let left = due.unwrap_or(Moment::NEVER).since(lifetime.now());
        let has_rung = || self.has_rung.swap(false, SeqCst).then_some(());
        self.rings.wait(&lifetime.settings.clock, left, has_rung);
    }
}
