//! What falls due, in order. Each unit has one timer at most: what it is for says the unit's stage.

use super::*;

/// Those of one moment fall due in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: u32,
    all: BTreeMap<Timer, (Moment, Id)>,
}

/// When it is due, in nanoseconds, and behind that how many were set before it: quick to compare.
pub(super) type Timer = u128;

impl Timers {
    pub(super) fn set(&mut self, at: Moment, unit: Id) -> Timer {
        self.set = self.set.wrapping_add(1);
        let timer = at.since_birth().as_nanos() << u32::BITS | u128::from(self.set);
        self.all.insert(timer, (at, unit));
        timer
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.all.remove(&timer);
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.all.first_key_value().map(|(_, (at, _))| *at)
    }

    /// Takes the first that is due at `now`.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<Id> {
        let first = self.all.first_entry()?;
        let (at, unit) = *first.get();
        (at <= now).then(|| {
            first.remove();
            unit
        })
    }
}
