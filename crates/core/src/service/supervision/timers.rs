//! What falls due, in order. Each unit has one timer at most: what it is for says the unit's stage.

use super::*;

/// Those of one moment fall due in the order in which they were set. When the runtime stops there is one for each
/// unit, most of them of the same moment.
#[derive(Debug, Default)]
pub(super) struct Timers {
    /// The place of the first unit that falls due at each moment.
    first: BTreeMap<Moment, u32>,
    /// By the place of its unit.
    all: Vec<Option<Timer>>,
}

/// One in the ring of those of its moment.
#[derive(Debug)]
struct Timer {
    at: Moment,
    /// The places of the units whose timers were set before and after this one; of the last and the first at the ends.
    before: u32,
    after: u32,
}

impl Timers {
    /// Sets the timer of a unit that has none.
    pub(super) fn set(&mut self, at: Moment, place: u32) {
        let index = place as usize;
        if self.all.len() <= index {
            self.all.resize_with(index + 1, || None);
        }
        let after = *self.first.entry(at).or_insert(place);
        let before = match after == place {
            true => place,
            false => std::mem::replace(&mut self.timer(after).before, place),
        };
        self.all[index] = Some(Timer { at, before, after });
        self.timer(before).after = place;
    }

    /// Takes back the timer of a unit, if it has one.
    pub(super) fn clear(&mut self, place: u32) {
        let timer = self.all.get_mut(place as usize).and_then(Option::take);
        let Some(Timer { at, before, after }) = timer else {
            return;
        };
        if after == place {
            self.first.remove(&at);
            return;
        }
        self.timer(before).after = after;
        self.timer(after).before = before;
        let first = self.first.get_mut(&at).expect("some are of that moment");
        if *first == place {
            *first = after;
        }
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.first.first_key_value().map(|(at, _)| *at)
    }

    /// Takes the first that is due at `now`; returns the place of its unit.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<u32> {
        let (at, first) = self.first.first_key_value()?;
        let first = (*at <= now).then_some(*first)?;
        self.clear(first);
        Some(first)
    }

    fn timer(&mut self, place: u32) -> &mut Timer {
        let timer = self.all[place as usize].as_mut();
        timer.expect("its neighbours know it")
    }
}
