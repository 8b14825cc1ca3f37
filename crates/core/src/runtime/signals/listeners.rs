//! The runtimes that listen to signals, and what each of them does for which.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::counting::{Counting, Deed};
use crate::lifetime::settings::{OnSignal, Signal};
use crate::lifetime::{Lifetime, StopReason};

/// The runtimes that hear signals.
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

    /// Whether a runtime is there that hears this signal.
    #[cfg(unix)]
    pub(super) fn hears(&self, signal: Signal) -> bool {
        let hears = |one: &Listener| one.lifetime.settings.signals.on(signal) != OnSignal::Leave;
        self.lock().iter().any(hears)
    }

    /// Passes a signal on to each runtime that hears it. Returns whether one of them has now had its third.
    ///
    /// Runs under the lock: no user code runs here, and this is never the last reference to a
    /// lifetime.
    pub(super) fn deliver(&self, signal: Signal) -> bool {
        let now = Instant::now();
        let mut is_third = false;
        for Listener { lifetime, counting } in &mut *self.lock() {
            match lifetime.settings.signals.on(signal) {
                OnSignal::End => {}
                // Not counted, and each is heard: one too many does no harm, and one too few might.
                OnSignal::Reload => {
                    lifetime.services.reload_aside();
                    continue;
                }
                OnSignal::Leave => continue,
            }
            match counting.count(signal == Signal::Interrupt, now, lifetime.failing_since()) {
                Deed::Nothing => {}
                Deed::Stop => {
                    lifetime.stop_aside(StopReason::Signal(signal));
                }
                Deed::CutShort => lifetime.cut_short(),
                Deed::Exit => is_third = true,
            }
        }
        is_third
    }
}
