//! The living payloads that core's run queue polls.
//!
//! Most of them are parked until they are woken. For a first poll or a sweep, the queue takes
//! several payloads into a batch. A batch moves under one lock, and a payload that is over by then
//! never goes through the registry. A search for living payloads finds both the parked ones and the
//! batches.

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::task::Task;

/// The payloads of a run queue, as all threads see them. On cache lines of its own: the queue
/// writes them all the time, while adopters read the rest of the scheduler.
#[derive(Default)]
pub(super) struct Driven(CachePadded<Mutex<Places>>);

/// The places of the payloads, each in one of them.
#[derive(Default)]
pub(super) struct Places {
    parked: Slab<Arc<Task>>,
    in_batches: [Option<Arc<Vec<Arc<Task>>>>; 2],
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
    /// Shared with the scheduler while the payloads are in the batch.
    tasks: Arc<Vec<Arc<Task>>>,
    /// How many of them were visited.
    seen: usize,
    /// Which of them are over, one bit for each.
    over: u128,
}

impl Batch {
    /// The capacity of a batch.
    pub(crate) const ROOM: usize = u128::BITS as usize;

    pub(crate) fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            tasks: Arc::default(),
            seen: 0,
            over: 0,
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
    pub(crate) fn next(&mut self) -> Option<&Arc<Task>> {
        let next = self.tasks.get(self.seen)?;
        self.seen += 1;
        Some(next)
    }

    /// The payload that was visited last is over.
    pub(crate) fn last_is_over(&mut self) {
        self.over |= 1 << (self.seen - 1);
    }

    /// Puts `tasks` into the empty batch, before the scheduler knows of them.
    pub(crate) fn fill(&mut self, tasks: impl Iterator<Item = Arc<Task>>) {
        self.own().extend(tasks.take(Self::ROOM));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.iter()
    }

    /// The list, for changing its members. Nobody else holds it then: the scheduler's reference was
    /// taken back, and a search takes references to the payloads alone, under the lock.
    fn own(&mut self) -> &mut Vec<Arc<Task>> {
        Arc::make_mut(&mut self.tasks)
    }
}

impl Places {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        let in_batches = self
            .in_batches
            .iter()
            .flatten()
            .flat_map(|batch| batch.iter());
        let parked = self.parked.iter().map(|(_, task)| task);
        in_batches.chain(parked)
    }

    fn park(&mut self, task: Arc<Task>) {
        let entry = self.parked.vacant_entry();
        task.state().set_key(entry.key());
        entry.insert(task);
    }

    /// Makes the payloads in `batch` visible to searches.
    fn show(&mut self, batch: &Batch) {
        if !batch.is_empty() {
            self.in_batches[batch.purpose as usize] = Some(Arc::clone(&batch.tasks));
        }
    }

    /// Takes out a parked task and swaps its reference for the given one: the last reference must
    /// not be dropped under the lock.
    fn take_out(&mut self, task: &mut Arc<Task>) {
        let Some(key) = task.state().key() else {
            return;
        };
        let parked = self.parked.get(key);
        if parked.is_some_and(|parked| Arc::ptr_eq(parked, task)) {
            *task = self.parked.remove(key);
        }
    }
}

impl Driven {
    pub(super) fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the payloads in `batch` visible from here on.
    pub(super) fn take_in_batch(&self, batch: &Batch) {
        self.lock().show(batch);
    }

    /// Moves parked payloads into the empty `batch`, from the key `next` on, and moves `next` on.
    pub(super) fn pick_up(&self, batch: &mut Batch, next: &mut usize) {
        let mut places = self.lock();
        // Keys start at 0, and there were never more of them than the capacity.
        while batch.len() < Batch::ROOM && *next < places.parked.capacity() {
            if let Some(task) = places.parked.try_remove(*next) {
                batch.own().push(task);
            }
            *next += 1;
        }
        places.show(batch);
    }

    /// Parks the visited payloads of `batch` that are not over, and takes the parked payloads in
    /// `over` out. Afterwards `over` has all payloads that are over, to be dropped where nothing is
    /// locked.
    pub(super) fn put_back(&self, batch: &mut Batch, over: &mut Vec<Arc<Task>>) {
        let mut places = self.lock();
        for task in over.iter_mut() {
            places.take_out(task);
        }
        places.in_batches[batch.purpose as usize] = None;
        let (seen, are_over) = (batch.seen, batch.over);
        for (index, task) in batch.own().drain(..seen).enumerate() {
            match are_over & (1 << index) == 0 {
                true => places.park(task),
                false => over.push(task),
            }
        }
        (batch.seen, batch.over) = (0, 0);
        places.show(batch);
    }

    /// Parks the payloads of all batches, once nobody drives the run queue any more.
    pub(super) fn put_all_back(&self) {
        let mut places = self.lock();
        for batch in std::mem::take(&mut places.in_batches).into_iter().flatten() {
            for task in batch.iter() {
                places.park(Arc::clone(task));
            }
        }
    }

    /// Whether any payloads are parked. If no batch has any, these are all there are.
    pub(super) fn has_parked(&self) -> bool {
        !self.lock().parked.is_empty()
    }
}
