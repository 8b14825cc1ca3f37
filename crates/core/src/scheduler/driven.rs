//! The living payloads that core's run queue polls.
//!
//! Most of them are parked at their schedulers until they are woken. For a first poll or a sweep, the queue takes
//! several payloads into a batch. A batch moves under one lock of its host, and a payload that is over by then
//! is never parked. A search for living payloads finds both the parked ones and the batches, as it
//! takes the host's lock first, and then a scheduler's: so do all moves (`places`).

use crossbeam_utils::CachePadded;
use slab::Slab;

use crate::base::sync::{Arc, Mutex, MutexGuard, lock};
use crate::task::Task;

/// The batches of a run queue, as all threads see them. On cache lines of their own: the queue
/// writes them all the time, while adopters read the rest of the host.
#[derive(Default)]
pub(super) struct Batches(CachePadded<Mutex<Shown>>);

/// What is in the batches, and how many payloads are parked instead, at all schedulers of the host.
#[derive(Default)]
pub(super) struct Shown {
    in_batches: [Option<Arc<Vec<Arc<Task>>>>; 2],
    pub(super) parked: usize,
}

/// The payloads of one scheduler that wait to be woken.
#[derive(Default)]
pub(super) struct Parked(Mutex<Places>);

/// The places of parked payloads.
#[derive(Default)]
pub(super) struct Places {
    tasks: Slab<Arc<Task>>,
    /// In which second of the host's watch each was parked first, by the same keys. Apart from the tasks, so that it takes
    /// no more than itself.
    seconds: Vec<u32>,
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
    /// Shared with the host while the payloads are in the batch.
    tasks: Arc<Vec<Arc<Task>>>,
    /// How many of them were visited.
    seen: usize,
    /// Which of them are over, one bit for each.
    over: u128,
    /// Of a sweep: in which second each was parked first.
    seconds: Vec<u32>,
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
    pub(crate) fn next(&mut self) -> Option<&Arc<Task>> {
        let next = self.tasks.get(self.seen)?;
        self.seen += 1;
        Some(next)
    }

    /// The payload that was visited last is over.
    pub(crate) fn last_is_over(&mut self) {
        self.over |= 1 << (self.seen - 1);
    }

    /// Puts `tasks` into the empty batch, before the host shows them.
    pub(crate) fn fill(&mut self, tasks: impl Iterator<Item = Arc<Task>>) {
        self.own().extend(tasks.take(Self::ROOM));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.iter()
    }

    /// In which seconds the visited payloads were parked first; none, if this is no sweep.
    pub(super) fn take_seconds(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.seconds)
    }

    /// Takes the visited payloads out, each with its number in the batch, and whether it is over. The host does not show the
    /// batch then.
    pub(super) fn take_visited(&mut self) -> impl Iterator<Item = (usize, bool, Arc<Task>)> {
        let (seen, over) = (
            std::mem::take(&mut self.seen),
            std::mem::take(&mut self.over),
        );
        let visited = self.own().drain(..seen).enumerate();
        visited.map(move |(index, task)| (index, over & (1 << index) != 0, task))
    }

    /// Puts a parked payload in, before the host shows the batch.
    pub(super) fn push(&mut self, task: Arc<Task>, second: u32) {
        self.own().push(task);
        self.seconds.push(second);
    }

    /// The list, for changing its members. Nobody else holds it then: the host's reference was
    /// taken back, and a search takes references to the payloads alone, under the lock.
    fn own(&mut self) -> &mut Vec<Arc<Task>> {
        Arc::make_mut(&mut self.tasks)
    }
}

impl Batches {
    /// To be taken before the lock of any scheduler's parked payloads.
    pub(super) fn lock(&self) -> MutexGuard<'_, Shown> {
        lock(&self.0)
    }
}

impl Shown {
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

    /// The payloads in `batch` are about to be moved.
    pub(super) fn hide(&mut self, batch: &Batch) {
        self.in_batches[batch.purpose as usize] = None;
    }

    /// Takes all batches out.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Arc<Vec<Arc<Task>>>> {
        std::mem::take(&mut self.in_batches).into_iter().flatten()
    }
}

impl Parked {
    /// To be taken under the lock of the host's batches.
    pub(super) fn lock(&self) -> MutexGuard<'_, Places> {
        lock(&self.0)
    }
}

impl Places {
    /// Parks a payload, in this second.
    pub(super) fn park(&mut self, task: Arc<Task>, second: u32) {
        let entry = self.tasks.vacant_entry();
        let key = entry.key();
        task.state().set_key(key);
        entry.insert(task);
        if key >= self.seconds.len() {
            self.seconds.resize(key + 1, 0);
        }
        self.seconds[key] = second;
    }

    /// Takes out a payload, if it is parked. The last reference must not be dropped under the lock.
    pub(super) fn take_out(&mut self, task: &Arc<Task>) -> Option<Arc<Task>> {
        let key = task.state().key()?;
        let is_there = self
            .tasks
            .get(key)
            .is_some_and(|known| Arc::ptr_eq(known, task));
        is_there.then(|| self.tasks.remove(key))
    }

    /// Takes out what is parked at this place, with the second in which it was.
    pub(super) fn take(&mut self, key: usize) -> Option<(Arc<Task>, u32)> {
        let task = self.tasks.try_remove(key)?;
        Some((task, self.seconds[key]))
    }

    pub(super) fn get(&self, key: usize) -> Option<(&Arc<Task>, u32)> {
        let task = self.tasks.get(key)?;
        Some((task, self.seconds[key]))
    }

    /// All keys are less.
    pub(super) fn capacity(&self) -> usize {
        self.tasks.capacity()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.tasks.iter().map(|(_, task)| task)
    }
}
