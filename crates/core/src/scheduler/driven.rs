//! The living payloads that core's run queue polls.
//!
//! Most of them are parked at their schedulers until they are woken. For a first poll or a sweep, a driver takes several
//! payloads into a batch. Others may take those from it that it has not come to. A batch moves under one lock
//! of its lane, and a payload that is over by then is never parked. A search for living payloads finds both the parked ones
//! and the batches, as it takes the lane's lock first, and then a scheduler's: so do all moves (`places`).
//!
//! A payload stays parked where it was first, whichever driver polls it later. With several drivers one may be polled again,
//! and be over, before the driver of its first poll parks it. Whoever parks it sets its key and then looks whether it is over;
//! whoever ends it does that first, and then looks for the key: one of the two sees the other.

use std::collections::VecDeque;
use std::slice;

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, MutexGuard, lock};
use crate::task::Task;

/// The batches of one driver, as all threads see them. On cache lines of their own: the driver
/// writes them all the time, while adopters read the rest.
#[derive(Default)]
pub(super) struct Batches {
    shown: CachePadded<Mutex<Shown>>,
    /// How many new payloads of the present batch are taken, in their order: by the driver without a lock, by others under that
    /// of what is shown. More than there are says the same as all. Used where there are several drivers.
    taken: CachePadded<AtomicUsize>,
}

/// What is in the batches, and how many payloads are parked in this lane instead, at all schedulers of the host.
#[derive(Default)]
pub(super) struct Shown {
    in_batches: [Option<Arc<Vec<Arc<Task>>>>; 2],
    pub(super) parked: usize,
}

/// The payloads of one scheduler that wait to be woken, in one lane.
pub(super) struct Parked(Mutex<Places>);

/// The places of parked payloads.
pub(super) struct Places {
    coding: Coding,
    tasks: Slab<Arc<Task>>,
    /// In which second of the host's watch each was parked first, by the same keys. Apart from the tasks, so that it takes
    /// no more than itself.
    seconds: Vec<u32>,
}

/// How a payload's key says in which lane and at which place there it is parked.
#[derive(Clone, Copy)]
pub(super) struct Coding {
    lane: usize,
    lanes: usize,
}

/// The purpose of a batch. There is one batch for each.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    First,
    Sweep,
}

/// Payloads that the run queue has taken at once, as the polling thread sees them.
pub(crate) struct Batch {
    purpose: Purpose,
    /// Shared with the lane while the payloads are in the batch.
    tasks: Arc<Vec<Arc<Task>>>,
    /// How many of them were visited.
    seen: usize,
    /// Which of them are over, one bit for each.
    over: u64,
    /// Of a sweep: in which second each was parked first.
    seconds: Vec<u32>,
}

impl Batch {
    /// The capacity of a batch.
    pub(crate) const ROOM: usize = u64::BITS as usize;

    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            tasks: Arc::default(),
            seen: 0,
            over: 0,
            seconds: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether any of them was visited.
    pub(crate) fn was_seen(&self) -> bool {
        self.seen > 0
    }

    /// The next payload to visit.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<&Arc<Task>> {
        let next = self.tasks.get(self.seen)?;
        self.seen += 1;
        Some(next)
    }

    /// The next payload to visit that no other driver has taken.
    #[inline]
    pub(super) fn take_next(&mut self, of: &Batches) -> Option<&Arc<Task>> {
        if self.is_empty() {
            return None;
        }
        let next = of.taken.fetch_add(1, SeqCst);
        self.seen = self.len().min(next + 1);
        self.tasks.get(next)
    }

    /// The payload that was visited last is over.
    #[inline]
    pub(crate) fn last_is_over(&mut self) {
        self.over |= 1 << (self.seen - 1);
    }

    /// In which seconds the visited payloads were parked first; none, if this is no sweep.
    pub(super) fn take_seconds(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.seconds)
    }

    /// The usual case: all payloads in it were visited and are over. Then they are `over`, which was empty.
    pub(super) fn swap_over(&mut self, over: &mut Vec<Arc<Task>>) -> bool {
        let is_all = self.seen == self.len() && self.over.count_ones() as usize == self.seen;
        let swaps = is_all && over.is_empty();
        if swaps {
            (self.seen, self.over) = (0, 0);
            self.seconds.clear();
            std::mem::swap(self.list(), over);
        }
        swaps
    }

    /// Takes the visited payloads out, each with its number in the batch, and whether it is over. The lane does not show the
    /// batch then.
    pub(super) fn take_visited(&mut self) -> impl Iterator<Item = (usize, bool, Arc<Task>)> {
        let (seen, over) = (
            std::mem::take(&mut self.seen),
            std::mem::take(&mut self.over),
        );
        let visited = self.list().drain(..seen).enumerate();
        visited.map(move |(index, task)| (index, over & (1 << index) != 0, task))
    }

    /// The lists of the payloads, and of the seconds in which they were parked first, to fill before the lane shows the batch.
    pub(super) fn lists(&mut self) -> (&mut Vec<Arc<Task>>, &mut Vec<u32>) {
        (Arc::make_mut(&mut self.tasks), &mut self.seconds)
    }

    /// The list, for changing its members: before the lane shows the batch, or once that hides it. Nobody else holds it then: the lane's reference was
    /// taken back, and a search takes references to the payloads alone, under the lock.
    pub(super) fn list(&mut self) -> &mut Vec<Arc<Task>> {
        Arc::make_mut(&mut self.tasks)
    }
}

impl Batches {
    /// To be taken before the lock of any scheduler's parked payloads.
    pub(super) fn lock(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }

    /// The payloads in `batch` are about to be moved, as far as they were visited. What others have taken counts as visited: they may
    /// be over, and are parked here if they are not.
    pub(super) fn hide(&self, batch: &mut Batch) -> MutexGuard<'_, Shown> {
        let mut shown = self.lock();
        shown.in_batches[batch.purpose as usize] = None;
        if let Purpose::First = batch.purpose {
            if self.taken.load(SeqCst) > 0 {
                batch.seen = self.taken.swap(0, SeqCst).min(batch.len());
            }
        }
        shown
    }

    /// Whether there are new payloads in a batch that nobody has taken.
    pub(super) fn has_new(&self) -> bool {
        self.lock()
            .new_from(self.taken.load(SeqCst))
            .next()
            .is_some()
    }

    /// Takes half of them, for another driver, to which they come as payloads that were woken.
    pub(super) fn share(&self) -> VecDeque<Arc<Task>> {
        let shown = self.lock();
        let half = shown.new_from(self.taken.load(SeqCst)).len().div_ceil(2);
        if half == 0 {
            return VecDeque::new();
        }
        let next = self.taken.fetch_add(half, SeqCst);
        let share = shown.new_from(next).take(half);
        share
            .inspect(|task| task.state().leave_batch())
            .cloned()
            .collect()
    }
}

impl Shown {
    /// Whether no payload is in a batch or parked in this lane.
    pub(super) fn is_empty(&self) -> bool {
        self.parked == 0 && self.in_batches.iter().all(Option::is_none)
    }

    /// The new payloads in a batch, but for the first ones.
    fn new_from(&self, first: usize) -> slice::Iter<'_, Arc<Task>> {
        let batch = self.in_batches[Purpose::First as usize].as_deref();
        batch
            .and_then(|batch| batch.get(first..))
            .unwrap_or_default()
            .iter()
    }

    /// The payloads in batches.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.in_batches
            .iter()
            .flatten()
            .flat_map(|batch| batch.iter())
    }

    /// Makes the payloads in `batch` visible to searches.
    pub(super) fn show(&mut self, batch: &Batch) {
        if !batch.is_empty() {
            self.in_batches[batch.purpose as usize] = Some(Arc::clone(&batch.tasks));
        }
    }

    /// Takes all batches out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Arc<Vec<Arc<Task>>>> {
        std::mem::take(&mut self.in_batches).into_iter().flatten()
    }
}

impl Coding {
    fn encode(self, place: usize) -> usize {
        place * self.lanes + self.lane
    }

    /// The place, if it is in this lane.
    fn place(self, key: usize) -> Option<usize> {
        match self.lanes {
            1 => Some(key),
            lanes => (key % lanes == self.lane).then_some(key / lanes),
        }
    }

    fn is_shared(self) -> bool {
        self.lanes > 1
    }
}

impl Parked {
    /// Those of `lane`, one of `lanes`.
    pub(super) fn new(lane: usize, lanes: usize) -> Self {
        Self(Mutex::new(Places {
            coding: Coding { lane, lanes },
            tasks: Slab::new(),
            seconds: Vec::new(),
        }))
    }

    /// To be taken under the lock of the lane's batches.
    pub(super) fn lock(&self) -> MutexGuard<'_, Places> {
        lock(&self.0)
    }
}

impl Places {
    /// Parks a payload, in this second, unless it is over by now: then it is handed back.
    pub(super) fn park(&mut self, task: Arc<Task>, second: u32) -> Result<(), Arc<Task>> {
        let entry = self.tasks.vacant_entry();
        let place = entry.key();
        let state = task.state();
        match self.coding.is_shared() {
            false => state.set_key(place),
            true => {
                state.publish_key(self.coding.encode(place));
                if state.is_settled() {
                    return Err(task);
                }
            }
        }
        entry.insert(task);
        if place >= self.seconds.len() {
            self.seconds.resize(place + 1, 0);
        }
        self.seconds[place] = second;
        Ok(())
    }

    /// Takes out a payload, if it is parked. The last reference must not be dropped under the lock.
    pub(super) fn take_out(&mut self, task: &Arc<Task>) -> Option<Arc<Task>> {
        let place = self.coding.place(task.state().key()?)?;
        let is_there = self
            .tasks
            .get(place)
            .is_some_and(|known| Arc::ptr_eq(known, task));
        is_there.then(|| self.tasks.remove(place))
    }

    /// Takes out what is parked at this place, with the second in which it was.
    pub(super) fn take(&mut self, place: usize) -> Option<(Arc<Task>, u32)> {
        let task = self.tasks.try_remove(place)?;
        Some((task, self.seconds[place]))
    }

    pub(super) fn get(&self, place: usize) -> Option<(&Arc<Task>, u32)> {
        let task = self.tasks.get(place)?;
        Some((task, self.seconds[place]))
    }

    /// All places are less.
    pub(super) fn capacity(&self) -> usize {
        self.tasks.capacity()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.iter().map(|(_, task)| task)
    }
}
