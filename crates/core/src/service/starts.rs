//! Services with a start time-out to which nobody sees. As long as they become ready in time nobody has to.

use super::unit_core::UnitCore;
use crate::sync::{Arc, Weak};

/// How many there may be before those that are ready are dropped.
const KEPT: usize = 64;

/// Those that were not ready when this was last looked through, and all that came since.
#[derive(Default)]
pub(super) struct Starts {
    /// Weak: the runtime's lifetime holds this, and every unit holds that.
    units: Vec<Weak<UnitCore>>,
    sweep_at: usize,
    /// How old the runtime is when the next of them may be late.
    next: Option<u64>,
}

impl Starts {
    /// How old the runtime is when this is to be looked through.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// Enters a unit that is about to start. Returns those that were looked at, to be dropped where nothing is
    /// locked, and whether this is to be looked through earlier than before.
    pub(super) fn enter(&mut self, unit: &Arc<UnitCore>) -> (Vec<Arc<UnitCore>>, bool) {
        let Some(due) = unit.start_due() else {
            return (Vec::new(), false);
        };
        let is_first = self.next.is_none_or(|next| due < next);
        if is_first {
            self.next = Some(due);
        }
        let mut seen = Vec::new();
        if self.units.len() >= self.sweep_at.max(KEPT) {
            seen = self.keep(|due| due.is_some());
        }
        self.units.push(Arc::downgrade(unit));
        (seen, is_first)
    }

    /// Forgets those that are late now, and those that are ready or over. Returns all, of which some are late.
    pub(super) fn look(&mut self, now: u64) -> Vec<Arc<UnitCore>> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut next = None;
        let seen = self.keep(|due| {
            let is_early = due.is_some_and(|due| now < due);
            if is_early {
                next = next.into_iter().chain(due).min();
            }
            is_early
        });
        self.next = next;
        seen
    }

    /// Keeps those that `are_kept`, by when they are due. All that are there still are returned, as what is dropped
    /// here may be the last of them.
    fn keep(&mut self, mut are_kept: impl FnMut(Option<u64>) -> bool) -> Vec<Arc<UnitCore>> {
        let mut seen = Vec::new();
        self.units.retain(|unit| {
            let Some(unit) = unit.upgrade() else {
                return false;
            };
            let is_kept = are_kept(unit.start_due());
            seen.push(unit);
            is_kept
        });
        self.sweep_at = 2 * self.units.len();
        seen
    }
}
