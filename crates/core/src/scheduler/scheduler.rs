//! A scheduler: where payloads run, which is one flavour in one group of a runtime.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::base::identifier::Identifier;
use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak, lock};
use crate::contract::backend::Typed;
use crate::contract::key::AnyKey;
use crate::lifetime::{Lifetime, Part};
use crate::scheduler::counts::Tally;
use crate::scheduler::driven::Parked;
use crate::scheduler::host::Host;
use crate::scheduler::registry::Undriven;
use crate::task::{Schedule, Task, Waiter};

/// The settling time of row S2: how long an adopted subroutine that has just got its thread may
/// take to reach its first lines. A coroutine takes its token in its first poll, and the stop waits
/// for that; this is the same for threads. It is real time whatever the clock, as threads run in
/// real time. Models have no such time.
const SETTLING: Duration = Duration::from_millis(if cfg!(foster_model) { 0 } else { 20 });

/// The payloads that one host runs for one group.
pub(crate) struct Scheduler {
    pub(super) me: Weak<Self>,
    pub(crate) host: Arc<Host>,
    /// Where the host lists it.
    key: usize,
    pub(super) counts: Arc<Tally>,
    /// The payloads that their flavour polls by its own means, and that are not over: parallels
    /// from the moment they are made, all others from the moment they start.
    pub(super) registry: Mutex<Slab<Undriven>>,
    /// The payloads of the run queue that wait to be woken, for each lane.
    parked: OnceLock<Box<[Parked]>>,
    /// The waiters for the ends of adopted payloads, by the task's address.
    pub(super) waiters: Mutex<HashMap<usize, Arc<dyn Waiter>>>,
    /// When a blocking payload last got its thread.
    pub(super) last_begun: Mutex<Option<Instant>>,
    /// The part of its runtime that its payloads are in.
    pub(crate) part: Arc<Part>,
}

impl Scheduler {
    /// The scheduler of a new host, for payloads that are in no group.
    pub(crate) fn new(key: AnyKey, part: Arc<Part>) -> Arc<Self> {
        let host = Host::new(key, Arc::clone(part.lifetime()));
        Self::of_part(host, part)
    }

    /// The scheduler of a host that there is, for payloads of a group.
    pub(crate) fn of_part(host: Arc<Host>, part: Arc<Part>) -> Arc<Self> {
        let counts = Arc::new(Tally::default());
        Arc::new_cyclic(|me: &Weak<Self>| Self {
            me: Weak::clone(me),
            key: host.enter(Weak::clone(me) as Weak<dyn Schedule>, &counts),
            counts,
            registry: Mutex::default(),
            parked: OnceLock::new(),
            waiters: Mutex::default(),
            last_begun: Mutex::default(),
            host,
            part,
        })
    }

    pub(super) fn me(&self) -> Arc<Self> {
        let me = self.me.upgrade();
        me.expect("whoever asks holds one")
    }

    #[inline]
    pub(crate) fn lifetime(&self) -> &Arc<Lifetime> {
        self.part.lifetime()
    }

    #[inline]
    pub(crate) fn identifier(&self) -> &Identifier {
        self.host.identifier()
    }

    /// The backend, if its flavour takes payloads of type `P`.
    pub(crate) fn typed<P: 'static>(&self) -> Option<&Typed<P>> {
        self.host.typed()
    }

    /// The end of the settling time, if a blocking payload may still be about to take a token, to
    /// fail or to end. `None` if there is none.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        let last = (*self.lock_last_begun())?;
        let deaf = |task: &Arc<Task>| !task.state().is_holder() && !task.state().is_ending();
        (last.elapsed() < SETTLING && self.alive().iter().any(deaf)).then(|| last + SETTLING)
    }

    pub(super) fn lock_last_begun(&self) -> MutexGuard<'_, Option<Instant>> {
        lock(&self.last_begun)
    }

    /// Whether everything that can end soon has ended: every coroutine, as all are cancelled, and
    /// every blocking payload that has no thread yet or whose code has come to its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let ends_soon = |task: &Arc<Task>| task.state().is_ending();
        self.is_drained()
            || self.host.is_blocking() && self.all_started() && !self.alive().iter().any(ends_soon)
    }

    /// The payloads that have started or are about to, and are not over; and unstarted parallels.
    pub(crate) fn alive(&self) -> Vec<Arc<Task>> {
        let mut alive = self.undriven();
        alive.extend(self.driven());
        alive
    }

    fn undriven(&self) -> Vec<Arc<Task>> {
        let registry = self.registry();
        let undriven = registry.iter();
        undriven.map(|(_, one)| Arc::clone(&one.task)).collect()
    }

    /// Has every payload dropped that is not running code which blocks. The phase says so by now.
    pub(crate) fn cancel_all(&self) {
        for task in self.undriven() {
            task.cancel();
        }
        // Those of a run queue are ended by it as they are parked, or see the phase at their first poll.
        self.sweep();
    }

    /// Has every payload that was asked to end check its token, or end.
    pub(crate) fn sweep(&self) {
        if let Some(queue) = self.host.queue.get() {
            queue.sweep(&(Weak::clone(&self.me) as Weak<dyn Schedule>));
        }
    }

    /// What is parked in this lane of the run queue.
    pub(super) fn parked(&self, lane: usize) -> &Parked {
        let parked = self.parked.get_or_init(|| {
            let lanes = self.host.lanes().count();
            (0..lanes).map(|lane| Parked::new(lane, lanes)).collect()
        });
        &parked[lane]
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Slab<Undriven>> {
        lock(&self.registry)
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.host.strike(self.key);
    }
}
