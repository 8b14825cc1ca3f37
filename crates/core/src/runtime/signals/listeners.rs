//! The runtimes that listen to signals, and what each of them does for which.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::counting::{Counting, Deed, Standing};
use crate::lifetime::settings::{OnSignal, Signal};
use crate::lifetime::{Lifetime, Phase, StopReason};

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
            match counting.count(signal, now, standing(lifetime)) {
                Deed::Nothing => {}
                Deed::Drain => {
                    lifetime.drain_aside(StopReason::Signal(signal));
                }
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

fn standing(lifetime: &Lifetime) -> Standing {
    let has_drain = lifetime.settings.drain > Duration::ZERO;
    Standing {
        failing_since: lifetime.failing_since(),
        can_drain: has_drain && lifetime.phase() < Phase::Stopping,
        has_drained_out: lifetime.has_drained_out(),
    }
}
