//! What falls due, in order.

use std::collections::BTreeMap;

use super::Id;
use crate::base::moment::Moment;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It has waited for others as long as it may.
    Wait,
    /// It should be ready.
    Start,
    /// Its delay is over.
    Restart,
    /// It should have ended.
    Stop,
}

/// Those of one moment fall due in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    set: u64,
    all: BTreeMap<Key, (Id, Due)>,
}

pub(super) type Key = (Moment, u64);

impl Timers {
    pub(super) fn set(&mut self, at: Moment, unit: Id, due: Due) -> Key {
        self.set += 1;
        let key = (at, self.set);
        self.all.insert(key, (unit, due));
        key
    }

    pub(super) fn clear(&mut self, key: Key) {
        self.all.remove(&key);
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.all.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the first that is due at `now`.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<(Id, Due)> {
        let first = self.all.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}
