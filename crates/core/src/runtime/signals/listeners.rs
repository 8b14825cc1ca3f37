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

    /// Passes a signal on to each runtime. Returns whether one of them has now had its third.
    ///
    /// Runs under the lock: no user code runs here, and this is never the last reference to a
    /// lifetime.
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
