//! The payloads that core's run queue polls, while they are alive.
//!
//! Most of them are parked, until they are woken. What the queue polls for the first time, or looks at in a
//! sweep, it has in hand: some payloads at once, which so change their place by one lock together, and never
//! go through a registry if they are over by then. Whoever looks for those that are alive finds both.

use crossbeam_utils::CachePadded;
use slab::Slab;

use super::Slot;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::scheduler::run_queue::RunQueue;
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
        if let Some(own) = Arc::get_mut(&mut self.records) {
            own.extend(records.take(Self::ROOM));
        }
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

impl Slot {
    /// Whether `queue` may poll payloads of this slot, which no other one ever does from then on.
    pub(crate) fn is_driven_by(&self, queue: &Arc<RunQueue>) -> bool {
        let own = self.queue.get_or_init(|| {
            queue.belongs_to(self.me.clone());
            Arc::clone(queue)
        });
        Arc::ptr_eq(own, queue)
    }

    /// The payloads in `hand` are about to be polled for the first time.
    pub(crate) fn take_in_hand(&self, hand: &Hand) {
        self.note_thread();
        for record in hand.records.iter() {
            if record.state().is_started() {
                // Its flavour has polled it by other means before.
                self.unregister(record.header());
            }
            record.state().begin_driven();
        }
        self.driven().in_hand[hand.purpose as usize] = Some(Arc::clone(&hand.records));
    }

    /// Takes payloads that are parked in the empty `hand`, from the key `next` on, which moves on.
    pub(crate) fn pick_up(&self, hand: &mut Hand, next: &mut usize) {
        let mut places = self.driven();
        if let Some(records) = Arc::get_mut(&mut hand.records) {
            // Keys are given out from 0, and there were never more of them than there is room for.
            while records.len() < Hand::ROOM && *next < places.parked.capacity() {
                if let Some(record) = places.parked.try_remove(*next) {
                    records.push(record);
                }
                *next += 1;
            }
        }
        if !hand.is_empty() {
            places.in_hand[hand.purpose as usize] = Some(Arc::clone(&hand.records));
        }
    }

    /// Parks those in `hand` that were looked at and are not over, and takes those that are in `over`, and
    /// parked, out. All that are over are in `over` then, to be dropped where nothing is locked.
    pub(crate) fn put_back(&self, hand: &mut Hand, over: &mut Vec<Arc<Record>>) {
        let mut places = self.driven();
        for record in over.iter_mut() {
            places.take_out(record);
        }
        places.in_hand[hand.purpose as usize] = None;
        // Nobody else has it now: who looks for payloads takes those out, under the lock.
        if let Some(records) = Arc::get_mut(&mut hand.records) {
            for (index, record) in records.drain(..hand.seen).enumerate() {
                match hand.over & (1 << index) == 0 {
                    true => places.park(record),
                    false => over.push(record),
                }
            }
        }
        (hand.seen, hand.over) = (0, 0);
        if !hand.is_empty() {
            places.in_hand[hand.purpose as usize] = Some(Arc::clone(&hand.records));
        }
    }

    /// Parks what is in any hand, of a run queue that is not driven any more.
    pub(crate) fn put_all_back(&self) {
        let mut places = self.driven();
        for hand in std::mem::take(&mut places.in_hand).into_iter().flatten() {
            for record in hand.iter() {
                places.park(Arc::clone(record));
            }
        }
    }

    /// Whether payloads of a run queue are parked: all that there are, if it has none in hand.
    pub(crate) fn has_parked(&self) -> bool {
        !self.driven().parked.is_empty()
    }

    pub(super) fn driven(&self) -> MutexGuard<'_, Places> {
        self.driven.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
