//! What falls due, in order. Each unit has one timer at most: what it is for says the unit's stage.

use super::*;

/// Those of one moment fall due in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: u64,
    all: BTreeMap<Timer, Id>,
}

pub(super) type Timer = (Moment, u64);

impl Timers {
    pub(super) fn set(&mut self, at: Moment, unit: Id) -> Timer {
        self.set += 1;
        let timer = (at, self.set);
        self.all.insert(timer, unit);
        timer
    }

    pub(super) fn clear(&mut self, timer: Timer) {
        self.all.remove(&timer);
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.all.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first that is due at `now`.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<Id> {
        let first = self.all.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
