//! The payloads that core's run queue polls, while they are alive.
//!
//! Most of them are parked, until they are woken. What the queue polls for the first time, or looks at in a
//! sweep, it has in hand: some payloads at once, which so change their place by one lock together, and never
//! go through a registry if they are over by then. Whoever looks for those that are alive finds both.

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::task::Record;

/// The payloads that a run queue polls, as all threads see them. On cache lines of its own, as that queue
/// writes them all the time, and whoever hands payloads in reads what else is in a slot.
#[derive(Default)]
pub(super) struct Driven(CachePadded<Mutex<Places>>);

/// Where they are, each in one place.
#[derive(Default)]
pub(super) struct Places {
    parked: Slab<Arc<Record>>,
    in_hand: [Option<Arc<Vec<Arc<Record>>>>; 2],
}

/// What a hand is for; there is one of each.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    First,
    Sweep,
}

/// Some payloads that the run queue has in hand, as the thread that polls sees them.
pub(crate) struct Hand {
    purpose: Purpose,
    /// Shared with the slot from when they are taken in hand until they are put back.
    records: Arc<Vec<Arc<Record>>>,
    /// How many of them were looked at.
    seen: usize,
    /// Which of them are over, a bit for each.
    over: u128,
}

impl Hand {
    /// How many payloads there is room for.
    pub(crate) const ROOM: usize = u128::BITS as usize;

    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            records: Arc::default(),
            seen: 0,
            over: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether any of them was looked at.
    pub(crate) fn was_seen(&self) -> bool {
        self.seen > 0
    }

    /// The next one to look at.
    pub(crate) fn next(&mut self) -> Option<&Arc<Record>> {
        let next = self.records.get(self.seen)?;
        self.seen += 1;
        Some(next)
    }

    /// The one that was looked at last is over.
    pub(crate) fn last_is_over(&mut self) {
        self.over |= 1 << (self.seen - 1);
    }

    /// Puts `records` into the empty hand, before the slot knows of them.
    pub(crate) fn fill(&mut self, records: impl Iterator<Item = Arc<Record>>) {
        self.own().extend(records.take(Self::ROOM));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.records.iter()
    }

    /// The payloads, to change which they are. Nobody else has them then: the slot's reference was taken back, and whoever
    /// looks for payloads takes references to those alone, under the lock.
    fn own(&mut self) -> &mut Vec<Arc<Record>> {
        Arc::make_mut(&mut self.records)
    }
}

impl Places {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Record>> {
        let in_hand = self.in_hand.iter().flatten().flat_map(|hand| hand.iter());
        let parked = self.parked.iter().map(|(_, record)| record);
        in_hand.chain(parked)
    }

    fn park(&mut self, record: Arc<Record>) {
        let entry = self.parked.vacant_entry();
        record.state().set_key(entry.key());
        entry.insert(record);
    }

    /// Whoever looks for payloads sees those in `hand`.
    fn show(&mut self, hand: &Hand) {
        if !hand.is_empty() {
            self.in_hand[hand.purpose as usize] = Some(Arc::clone(&hand.records));
        }
    }

    /// Takes a record out, if it is parked, in place of the given reference to it: the last one must not go
    /// under the lock.
    fn take_out(&mut self, record: &mut Arc<Record>) {
        let Some(key) = record.state().key() else {
            return;
        };
        let parked = self.parked.get(key);
        if parked.is_some_and(|parked| Arc::ptr_eq(parked, record)) {
            *record = self.parked.remove(key);
        }
    }
}

impl Driven {
    pub(super) fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those in `hand` are seen from here on.
    pub(super) fn take_in_hand(&self, hand: &Hand) {
        self.lock().show(hand);
    }

    /// Takes payloads that are parked in the empty `hand`, from the key `next` on, which moves on.
    pub(super) fn pick_up(&self, hand: &mut Hand, next: &mut usize) {
        let mut places = self.lock();
        // Keys are given out from 0, and there were never more of them than there is room for.
        while hand.len() < Hand::ROOM && *next < places.parked.capacity() {
            if let Some(record) = places.parked.try_remove(*next) {
                hand.own().push(record);
            }
            *next += 1;
        }
        places.show(hand);
    }

    /// Parks those in `hand` that were looked at and are not over, and takes those that are in `over`, and
    /// parked, out. All that are over are in `over` then, to be dropped where nothing is locked.
    pub(super) fn put_back(&self, hand: &mut Hand, over: &mut Vec<Arc<Record>>) {
        let mut places = self.lock();
        for record in over.iter_mut() {
            places.take_out(record);
        }
        places.in_hand[hand.purpose as usize] = None;
        let (seen, are_over) = (hand.seen, hand.over);
        for (index, record) in hand.own().drain(..seen).enumerate() {
            match are_over & (1 << index) == 0 {
                true => places.park(record),
                false => over.push(record),
            }
        }
        (hand.seen, hand.over) = (0, 0);
        places.show(hand);
    }

    /// Parks what is in any hand, of a run queue that is not driven any more.
    pub(super) fn put_all_back(&self) {
        let mut places = self.lock();
        for hand in std::mem::take(&mut places.in_hand).into_iter().flatten() {
            for record in hand.iter() {
                places.park(Arc::clone(record));
            }
        }
    }

    /// Whether payloads are parked: all that there are, if none are in hand.
    pub(super) fn has_parked(&self) -> bool {
        !self.lock().parked.is_empty()
    }
}
