//! The payloads that core's run queue polls, while they are alive.
//!
//! Most of them are parked, until they are woken. What the queue polls for the first time, or looks at in a
//! sweep, it has in a batch: some payloads at once, which so change place by one lock, and never
//! go through a registry if they are over by then. Whoever looks for those that are alive finds both.

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::task::Task;

/// The payloads that a run queue polls, as all threads see them. On cache lines of its own, as that queue
/// writes them all the time, and whoever hands payloads in reads what else is in a scheduler.
#[derive(Default)]
pub(super) struct Driven(CachePadded<Mutex<Places>>);

/// Where they are, each in one place.
#[derive(Default)]
pub(super) struct Places {
    parked: Slab<Arc<Task>>,
    in_batches: [Option<Arc<Vec<Arc<Task>>>>; 2],
}

/// What a batch is for; there is one of each.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    First,
    Sweep,
}

/// Some payloads that the run queue has in a batch, as the thread that polls sees them.
pub(crate) struct Batch {
    purpose: Purpose,
    /// Shared with the scheduler from when they are taken into the batch until they are put back.
    tasks: Arc<Vec<Arc<Task>>>,
    /// How many of them were looked at.
    seen: usize,
    /// Which of them are over, a bit for each.
    over: u128,
}

impl Batch {
    /// How many payloads there is room for.
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

    /// Whether any of them was looked at.
    pub(crate) fn was_seen(&self) -> bool {
        self.seen > 0
    }

    /// The next one to look at.
    pub(crate) fn next(&mut self) -> Option<&Arc<Task>> {
        let next = self.tasks.get(self.seen)?;
        self.seen += 1;
        Some(next)
    }

    /// The one that was looked at last is over.
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

    /// The payloads, to change which they are. Nobody else has them then: the scheduler's reference was taken back, and whoever
    /// looks for payloads takes references to those alone, under the lock.
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

    /// Whoever looks for payloads sees those in `batch`.
    fn show(&mut self, batch: &Batch) {
        if !batch.is_empty() {
            self.in_batches[batch.purpose as usize] = Some(Arc::clone(&batch.tasks));
        }
    }

    /// Takes a task out, if it is parked, in place of the given reference to it: the last one must not go
    /// under the lock.
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

    /// Those in `batch` are seen from here on.
    pub(super) fn take_in_batch(&self, batch: &Batch) {
        self.lock().show(batch);
    }

    /// Takes payloads that are parked in the empty `batch`, from the key `next` on, which moves on.
    pub(super) fn pick_up(&self, batch: &mut Batch, next: &mut usize) {
        let mut places = self.lock();
        // Keys are given out from 0, and there were never more of them than there is room for.
        while batch.len() < Batch::ROOM && *next < places.parked.capacity() {
            if let Some(task) = places.parked.try_remove(*next) {
                batch.own().push(task);
            }
            *next += 1;
        }
        places.show(batch);
    }

    /// Parks those in `batch` that were looked at and are not over, and takes those that are in `over`, and
    /// parked, out. All that are over are in `over` then, to be dropped where nothing is locked.
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

    /// Parks what is in any batch, of a run queue that is not driven any more.
    pub(super) fn put_all_back(&self) {
        let mut places = self.lock();
        for batch in std::mem::take(&mut places.in_batches).into_iter().flatten() {
            for task in batch.iter() {
                places.park(Arc::clone(task));
            }
        }
    }

    /// Whether payloads are parked: all that there are, if none are in a batch.
    pub(super) fn has_parked(&self) -> bool {
        !self.lock().parked.is_empty()
    }
}
