//! What wakes the supervisor's thread.

use super::*;

/// Rung from anywhere, also under locks: it has one of its own, which nobody else holds.
#[derive(Default)]
pub(super) struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    pub(super) fn ring(&self) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }

    /// Waits until it has rung since the last wait, or until `due` on the clock of `lifetime`.
    pub(super) fn wait(&self, lifetime: &Lifetime, due: Option<Moment>) {
        let clock = &lifetime.settings.clock;
        let mut has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *has_rung) {
            if due.is_some_and(|due| due <= lifetime.now()) {
                return;
            }
            let limit = due.and_then(|due| clock.sleep_limit(lifetime.instant(due)));
            has_rung = match limit {
                Some(limit) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    let waited = self.rings.wait_timeout(has_rung, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .rings
                    .wait(has_rung)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}
