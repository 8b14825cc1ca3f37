//! Who is to be woken at which moment: a value without clocks, locks and threads.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Instant;

/// Those who wait for a moment, in the order of their moments, and of their coming where that is the same.
#[derive(Default)]
pub(crate) struct Alarms {
    waiting: BTreeMap<AlarmKey, Waker>,
    last: u64,
}

/// One who waits. No two ever have the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AlarmKey {
    due: Instant,
    number: u64,
}

impl Alarms {
    /// A key for one who waits for `due`, and is not among the others before [`set`](Self::set).
    pub(crate) fn key(&mut self, due: Instant) -> AlarmKey {
        self.last += 1;
        let number = self.last;
        AlarmKey { due, number }
    }

    /// Has `waker` woken. Returns the one that was to be woken before, which is dropped where nothing is locked.
    pub(crate) fn set(&mut self, key: AlarmKey, waker: Waker) -> Option<Waker> {
        self.waiting.insert(key, waker)
    }

    /// Forgets one who waits, if it still does. Its waker is dropped where nothing is locked.
    pub(crate) fn remove(&mut self, key: AlarmKey) -> Option<Waker> {
        self.waiting.remove(&key)
    }

    /// The next moment at which somebody is to be woken.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|key| key.due)
    }

    /// Takes out all whose moment has come, in order.
    pub(crate) fn take_due(&mut self, now: Instant) -> BTreeMap<AlarmKey, Waker> {
        if self.next_due().is_none_or(|due| due > now) {
            return BTreeMap::new();
        }
        let behind = AlarmKey {
            due: now,
            number: u64::MAX,
        };
        let later = self.waiting.split_off(&behind);
        std::mem::replace(&mut self.waiting, later)
    }

    /// Takes out all.
    pub(crate) fn take_all(&mut self) -> BTreeMap<AlarmKey, Waker> {
        std::mem::take(&mut self.waiting)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::time::Duration;

    use super::*;

    /// For each: when those who come wait for, who of them go again, what the time is then, who are woken, and when the
    /// next is due.
    #[test]
    fn those_who_wait_are_woken_in_order() {
        type Row<'a> = (&'a [u64], &'a [usize], u64, &'a [u64], Option<u64>);
        let rows: &[Row<'_>] = &[
            (&[], &[], 9, &[], None),
            (&[3], &[], 2, &[], Some(3)),
            (&[3], &[], 3, &[1], None),
            (&[3, 1, 2], &[], 2, &[2, 3], Some(3)),
            (&[2, 2, 1, 2], &[], 2, &[3, 1, 2, 4], None),
            (&[2, 2, 1, 2], &[2, 0], 2, &[2, 4], None),
            (&[1, 5], &[0], 3, &[], Some(5)),
        ];
        let begin = Instant::now();
        let at = |second| begin + Duration::from_secs(second);
        for (index, (moments, gone, now, woken, next)) in rows.iter().enumerate() {
            let mut alarms = Alarms::default();
            let keys: Vec<_> = moments.iter().map(|due| alarms.key(at(*due))).collect();
            for key in &keys {
                assert!(alarms.set(*key, Waker::noop().clone()).is_none());
            }
            for gone in *gone {
                assert!(alarms.remove(keys[*gone]).is_some());
                assert!(alarms.remove(keys[*gone]).is_none());
            }
            let taken = alarms.take_due(at(*now));
            let taken: Vec<_> = taken.keys().map(|key| key.number).collect();
            assert_eq!(
                (&*taken, alarms.next_due()),
                (*woken, next.map(at)),
                "row {index}"
            );
            assert_eq!(alarms.is_empty(), next.is_none());
        }
    }
}
