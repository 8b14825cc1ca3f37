//! The runtimes that listen to signals.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::counting::{Counting, Deed};
use crate::lifetime::Lifetime;

/// The runtimes that signals end.
#[derive(Default)]
pub(super) struct ListeningRuntimes(Mutex<Vec<Listener>>);

pub(super) struct Listener {
    pub(super) lifetime: Arc<Lifetime>,
    pub(super) counting: Counting,
}

impl ListeningRuntimes {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes a signal on to each; whether one of them has now had its third.
    ///
    /// Under the lock: nothing of the user's runs here, and the last reference to a lifetime is never the one
    /// that is let go.
    pub(super) fn deliver(&self, is_interrupt: bool) -> bool {
        let now = Instant::now();
        let mut is_third = false;
        for Listener { lifetime, counting } in &mut *self.lock() {
            match counting.count(is_interrupt, now, lifetime.failing_since()) {
                Deed::Nothing => {}
                Deed::Stop => {
                    lifetime.stop_aside();
                }
                Deed::CutShort => lifetime.cut_short(),
                Deed::Exit => is_third = true,
            }
        }
        is_third
    }
}
