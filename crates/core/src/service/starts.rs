//! Services with a start time-out to which nobody sees. As long as they become ready in time nobody has to.

use super::unit_core::UnitCore;
use crate::sync::Arc;

/// How many there may be before those that are ready are dropped.
const KEPT: usize = 64;

/// Those that were not ready when this was last looked through, and all that came since.
#[derive(Default)]
pub(super) struct Starts {
    units: Vec<Arc<UnitCore>>,
    sweep_at: usize,
    /// How old the runtime is when the next of them may be late.
    next: Option<u64>,
}

impl Starts {
    /// How old the runtime is when this is to be looked through.
    pub(super) fn next(&self) -> Option<u64> {
        self.next
    }

    /// Enters a unit that is about to start. Returns those that are ready by now, to be dropped where nothing
    /// is locked, and whether this is to be looked through earlier than before.
    pub(super) fn enter(&mut self, unit: &Arc<UnitCore>) -> (Vec<Arc<UnitCore>>, bool) {
        let Some(due) = unit.start_due() else {
            return (Vec::new(), false);
        };
        let is_first = self.next.is_none_or(|next| due < next);
        if is_first {
            self.next = Some(due);
        }
        let mut ready = Vec::new();
        if self.units.len() >= self.sweep_at.max(KEPT) {
            ready = self.take_out(|unit| unit.start_due().is_none());
            self.sweep_at = 2 * self.units.len();
        }
        self.units.push(Arc::clone(unit));
        (ready, is_first)
    }

    /// Takes out those that are late now, and those that are ready or over.
    pub(super) fn look(&mut self, now: u64) -> Vec<Arc<UnitCore>> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let mut next = None;
        let taken = self.take_out(|unit| match unit.start_due() {
            Some(due) if now < due => {
                next = next.into_iter().chain([due]).min();
                false
            }
            _ => true,
        });
        self.next = next;
        taken
    }

    fn take_out(&mut self, is_out: impl FnMut(&Arc<UnitCore>) -> bool) -> Vec<Arc<UnitCore>> {
        let units = std::mem::take(&mut self.units);
        let (out, kept) = units.into_iter().partition(is_out);
        self.units = kept;
        out
    }
}
