//! A host: one flavour of one runtime, with the threads on which it runs payloads.

use std::any::Any;
use std::cell::Cell;

use slab::Slab;

use crate::base::doing::SystemThread;
use crate::base::identifier::Identifier;
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::base::sync::thread::ThreadId;
use crate::base::sync::thread_local;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, Weak, lock};
use crate::base::threads::current_thread;
use crate::contract::backend::{Backend, Typed};
use crate::contract::key::{AnyKey, Key, Keyed};
use crate::contract::reporter::{RunsHere, Unbegun};
use crate::contract::waking::Watcher;
use crate::errors::failure::{Cause, Failure, Origin, What};
use crate::lifetime::Lifetime;
use crate::scheduler::counts::Tally;
use crate::scheduler::run_queue::RunQueue;
use crate::scheduler::watch::Watch;
use crate::task::Schedule;

thread_local! {
    /// The host that noted this thread last, so that most payloads need not search.
    static LAST_NOTED: Cell<usize> = const { Cell::new(0) };
}

/// The number of no host: the last host to note the thread has forgotten it; others may not have.
const FORGOTTEN: usize = usize::MAX;

/// Whether payloads that can block each other were seen on the calling thread, for some host.
pub(crate) fn is_thread_noted() -> bool {
    LAST_NOTED.with(Cell::get) != 0
}

/// One flavour of one runtime. Starts the flavour when it is first needed.
pub(crate) struct Host {
    pub(super) me: Weak<Self>,
    schedulers: Mutex<Listed>,
    /// The run queue of its payloads.
    pub(super) queue: OnceLock<Arc<RunQueue>>,
    /// Different for every host of the process, and never 0.
    number: usize,
    /// The threads on which payloads that can block each other were seen.
    threads: Mutex<Vec<(ThreadId, Option<SystemThread>)>>,
    /// Answers whether the flavour runs payloads on the calling thread, if the flavour can tell.
    pub(super) runs_here: OnceLock<Box<RunsHere>>,
    /// The number of threads on which the flavour runs payloads.
    pub(super) width: AtomicUsize,
    /// Whether the payloads are blocking code.
    pub(super) blocking: AtomicBool,
    pub(super) watch: Watch,
    key: AnyKey,
    /// The identifier of the key.
    identifier: Identifier,
    pub(super) backend: Box<dyn Backend>,
    pub(super) start: Mutex<Start>,
    pub(super) start_over: Condvar,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// The schedulers of a host's payloads: one for each group that has some here.
#[derive(Default)]
pub(super) struct Listed {
    schedulers: Slab<(Weak<dyn Schedule>, Arc<Tally>)>,
    /// How many payloads there were at schedulers that are gone.
    gone: usize,
    /// How many first turns and ends these had.
    gone_steps: usize,
}

/// The progress of the start of a host's flavour.
#[derive(Default)]
pub(super) struct Start {
    pub(super) under_way: bool,
    /// The flavour takes payloads before its start is over.
    pub(super) takes_early: bool,
    /// How many of the flavour's threads have not said yet whether they could begin.
    pub(super) beginning: usize,
    /// What those have left that could not.
    pub(super) failed: Vec<Unbegun>,
    pub(super) closed: bool,
}

impl Start {
    /// Whether a payload may be handed in before the start is over. Not if the runtime is over already.
    pub(super) fn is_open_early(&self) -> bool {
        self.takes_early && !self.closed
    }
}

impl Listed {
    /// Not to be dropped under the lock.
    pub(super) fn alive(&self) -> Vec<Arc<dyn Schedule>> {
        let schedulers = self.schedulers.iter();
        schedulers
            .filter_map(|(_, (known, _))| known.upgrade())
            .collect()
    }

    fn sum(&self, of: fn(&Tally) -> usize) -> usize {
        let counts = self.schedulers.iter();
        let sum: usize = counts.map(|(_, (_, counts))| of(counts)).sum();
        sum + self.gone
    }
}

impl Host {
    pub(super) fn new(key: AnyKey, lifetime: Arc<Lifetime>) -> Arc<Self> {
        static NUMBERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        Arc::new_cyclic(|me: &Weak<Self>| Self {
            me: Weak::clone(me),
            schedulers: Mutex::default(),
            queue: OnceLock::new(),
            number: NUMBERS.fetch_add(1, SeqCst),
            threads: Mutex::default(),
            runs_here: OnceLock::new(),
            width: AtomicUsize::new(1),
            blocking: AtomicBool::new(false),
            watch: Watch::new(Weak::clone(me) as Weak<dyn Watcher>),
            backend: key.backend(),
            identifier: key.identifier().clone(),
            key,
            start: Mutex::default(),
            start_over: Condvar::new(),
            lifetime,
        })
    }

    /// The host's number, which is unique in the process.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    #[inline]
    pub(crate) fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    pub(crate) fn key(&self) -> &AnyKey {
        &self.key
    }

    /// The backend, if its flavour takes payloads of type `P`.
    pub(crate) fn typed<P: 'static>(&self) -> Option<&Typed<P>> {
        self.backend.typed().downcast_ref()
    }

    /// The backend, if it is that of this key.
    #[inline]
    pub(crate) fn typed_by<K: Key>(&self, key: &K) -> Option<&Typed<K::Payload>> {
        let keyed = self.backend.as_any().downcast_ref::<Keyed<K>>();
        keyed
            .filter(|known| known.key == *key)
            .map(|known| &known.typed)
    }

    /// Whether the payloads here are blocking code, which cannot be cancelled.
    pub(crate) fn is_blocking(&self) -> bool {
        self.blocking.load(SeqCst)
    }

    /// Enters a scheduler of its payloads; the key is for [`strike`](Self::strike).
    pub(super) fn enter(&self, scheduler: Weak<dyn Schedule>, counts: &Arc<Tally>) -> usize {
        let entry = (scheduler, Arc::clone(counts));
        self.listed().schedulers.insert(entry)
    }

    /// Forgets a scheduler that is gone. A payload keeps its scheduler, so all of its payloads are over.
    pub(super) fn strike(&self, key: usize) {
        let mut listed = self.listed();
        let (_, counts) = listed.schedulers.remove(key);
        listed.gone += counts.ended();
        listed.gone_steps += counts.steps();
    }

    /// How many payloads are over. It only grows, and so does the next.
    pub(super) fn ended(&self) -> usize {
        self.listed().sum(Tally::ended)
    }

    /// How many payloads were taken in and are not over, for a moment at least.
    pub(crate) fn unended(&self) -> usize {
        // Read in this order, as late ones may come and be refused meanwhile.
        let (ended, accepted) = (self.ended(), self.accepted());
        accepted - ended
    }

    /// How many payloads were taken in.
    pub(super) fn accepted(&self) -> usize {
        self.listed().sum(Tally::accepted)
    }

    /// How many first turns and ends its payloads have had.
    pub(super) fn steps(&self) -> usize {
        let listed = self.listed();
        listed.sum(Tally::steps) - listed.gone + listed.gone_steps
    }

    pub(super) fn listed(&self) -> MutexGuard<'_, Listed> {
        lock(&self.schedulers)
    }

    /// Has `queue` poll the payloads of the flavour that reports to `receiver`. Returns whether no other does.
    pub(crate) fn give_queue(receiver: Arc<dyn Any + Send + Sync>, queue: &Arc<RunQueue>) -> bool {
        let host = receiver.downcast::<Self>();
        host.is_ok_and(|host| host.is_driven_by(queue))
    }

    /// Whether `queue` may poll payloads here. The first queue that asks may, and no other ever does.
    pub(super) fn is_driven_by(&self, queue: &Arc<RunQueue>) -> bool {
        let own = self.queue.get_or_init(|| {
            queue.belongs_to(self.me.clone() as _, self.watch.waking.clone());
            Arc::clone(queue)
        });
        Arc::ptr_eq(own, queue)
    }

    /// Notes that payloads run on the calling thread here.
    pub(crate) fn note_thread(&self) {
        if LAST_NOTED.with(Cell::get) == self.number {
            return;
        }
        LAST_NOTED.with(|last| last.set(self.number));
        let current = current_thread();
        let mut threads = self.lock_threads();
        if !threads.iter().any(|(known, _)| *known == current) {
            threads.push((current, SystemThread::current()));
        }
    }

    /// Asks the flavour, if it can tell, whether it runs payloads on the calling thread, and notes
    /// the answer.
    pub(crate) fn look_here(&self) {
        match self.runs_here.get() {
            Some(runs_here) if runs_here() => self.note_thread(),
            Some(_) => self.forget_thread(),
            None => {}
        }
    }

    fn forget_thread(&self) {
        let current = current_thread();
        let mut threads = self.lock_threads();
        threads.retain(|(known, _)| *known != current);
        drop(threads);
        LAST_NOTED.with(|last| {
            if last.get() == self.number {
                last.set(FORGOTTEN);
            }
        });
    }

    /// The threads on which payloads were seen here.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.lock_threads()
            .iter()
            .map(|(thread, _)| *thread)
            .collect()
    }

    /// The same, as the system knows them.
    pub(super) fn system_threads(&self) -> Vec<SystemThread> {
        let threads = self.lock_threads();
        threads.iter().filter_map(|(_, thread)| *thread).collect()
    }

    /// The number of threads on which the flavour runs payloads.
    pub(crate) fn width(&self) -> usize {
        self.width.load(SeqCst)
    }

    /// Whether the flavour was started.
    pub(crate) fn is_up(&self) -> bool {
        self.backend.is_up()
    }

    fn lock_threads(&self) -> MutexGuard<'_, Vec<(ThreadId, Option<SystemThread>)>> {
        lock(&self.threads)
    }

    /// Reports a failure of the flavour itself.
    #[track_caller]
    pub(crate) fn fail_flavour(&self, reason: &str) {
        self.lifetime
            .fail(Failure::new(self.origin(), Cause::lost(reason)));
    }

    /// Who it is, in words: where no payload is to blame.
    #[track_caller]
    pub(super) fn origin(&self) -> Origin {
        Origin {
            payload: format!("{} itself", self.identifier()).into(),
            named: false,
            what: What::Payload,
            flavour: self.identifier().clone(),
            location: std::panic::Location::caller(),
        }
    }
}
