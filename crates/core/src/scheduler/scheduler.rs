//! A scheduler: one flavour of one runtime.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::base::identifier::Identifier;
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::base::sync::thread::ThreadId;
use crate::base::sync::thread_local;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::base::threads::current_thread;
use crate::contract::backend::{Backend, Typed};
use crate::contract::key::AnyKey;
use crate::contract::reporter::{FlavourReports, RunsHere};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::lifetime::Lifetime;
use crate::scheduler::counts::Counts;
use crate::scheduler::driven::Driven;
use crate::scheduler::registry::Undriven;
use crate::scheduler::run_queue::RunQueue;
use crate::task::{Task, Waiter};

/// The settling time of row S2: how long an adopted subroutine that has just got its thread may
/// take to reach its first lines. A coroutine takes its token in its first poll, and the stop waits
/// for that; this is the same for threads. It is real time whatever the clock, as threads run in
/// real time.
const SETTLING: Duration = Duration::from_millis(20);

thread_local! {
    /// The scheduler that noted this thread last, so that most payloads need not search.
    static LAST_NOTED: Cell<usize> = const { Cell::new(0) };
}

/// The number of no scheduler: the last scheduler to note the thread has forgotten it; others may
/// not have.
const FORGOTTEN: usize = usize::MAX;

/// Whether payloads that can block each other were seen on the calling thread, for some scheduler.
pub(crate) fn is_thread_noted() -> bool {
    LAST_NOTED.with(Cell::get) != 0
}

/// One flavour of one runtime. Starts the flavour when it is first needed.
pub(crate) struct Scheduler {
    pub(super) me: Weak<Self>,
    pub(super) counts: Counts,
    /// The counts of late payloads.
    pub(super) late: Counts,
    /// The payloads that their flavour polls by its own means, and that are not over: parallels
    /// from the moment they are made, all others from the moment they start.
    pub(super) registry: Mutex<Slab<Undriven>>,
    /// The payloads of the run queue, from just before their first poll until shortly after their
    /// end.
    pub(super) driven: Driven,
    /// The run queue of `driven`.
    pub(super) queue: OnceLock<Arc<RunQueue>>,
    /// The waiters for the ends of adopted payloads, by the task's address.
    pub(super) waiters: Mutex<HashMap<usize, Arc<dyn Waiter>>>,
    /// Different for every scheduler of the process, and never 0.
    number: usize,
    /// The threads on which payloads that can block each other were seen.
    threads: Mutex<Vec<ThreadId>>,
    /// Answers whether the flavour runs payloads on the calling thread, if the flavour can tell.
    runs_here: OnceLock<Box<RunsHere>>,
    /// The number of threads on which the flavour runs payloads.
    width: AtomicUsize,
    /// Whether the payloads are blocking code.
    pub(super) blocking: AtomicBool,
    /// When a blocking payload last got its thread.
    pub(super) last_begun: Mutex<Option<Instant>>,
    key: AnyKey,
    /// The identifier of the key.
    identifier: Identifier,
    pub(super) backend: Box<dyn Backend>,
    pub(super) start: Mutex<Start>,
    pub(super) start_over: Condvar,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// The progress of the start of a scheduler's flavour.
#[derive(Default)]
pub(super) struct Start {
    pub(super) under_way: bool,
    pub(super) closed: bool,
}

impl Scheduler {
    pub(crate) fn new(key: AnyKey, lifetime: Arc<Lifetime>) -> Arc<Self> {
        static NUMBERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            number: NUMBERS.fetch_add(1, SeqCst),
            counts: Counts::default(),
            late: Counts::default(),
            registry: Mutex::default(),
            driven: Driven::default(),
            queue: OnceLock::new(),
            waiters: Mutex::default(),
            threads: Mutex::default(),
            runs_here: OnceLock::new(),
            width: AtomicUsize::new(1),
            blocking: AtomicBool::new(false),
            last_begun: Mutex::default(),
            backend: key.backend(),
            identifier: key.identifier().clone(),
            key,
            start: Mutex::default(),
            start_over: Condvar::new(),
            lifetime,
        })
    }

    /// The scheduler's number, which is unique in the process.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(crate) fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    pub(crate) fn key(&self) -> &AnyKey {
        &self.key
    }

    /// The backend, if its flavour takes payloads of type `P`.
    pub(crate) fn typed<P: 'static>(&self) -> Option<&Typed<P>> {
        self.backend.as_any().downcast_ref()
    }

    /// Whether the payloads of this scheduler are blocking code, which cannot be cancelled.
    pub(crate) fn is_blocking(&self) -> bool {
        self.blocking.load(SeqCst)
    }

    /// The end of the settling time, if a blocking payload may still be about to take a token, to
    /// fail or to end. `None` if there is none.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        let last = (*self.lock_last_begun())?;
        let deaf = |task: &Arc<Task>| !task.state().is_holder() && !task.state().is_ending();
        (last.elapsed() < SETTLING && self.alive().iter().any(deaf)).then(|| last + SETTLING)
    }

    pub(super) fn lock_last_begun(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether everything that can end soon has ended: every coroutine, as all are cancelled, and
    /// every blocking payload that has no thread yet or whose code has come to its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let ends_soon = |task: &Arc<Task>| task.state().is_ending();
        self.is_drained()
            || self.is_blocking() && self.all_started() && !self.alive().iter().any(ends_soon)
    }

    /// The payloads that have started or are about to, and are not over; and unstarted parallels.
    pub(crate) fn alive(&self) -> Vec<Arc<Task>> {
        let mut alive: Vec<_> = self
            .registry()
            .iter()
            .map(|(_, one)| one.task.clone())
            .collect();
        let driven = self.driven.lock();
        alive.extend(
            driven
                .iter()
                .filter(|task| !task.state().is_settled())
                .cloned(),
        );
        alive
    }

    /// Has every payload dropped that is not running code which blocks. The phase says so by now.
    pub(crate) fn cancel_all(&self) {
        let undriven: Vec<_> = self
            .registry()
            .iter()
            .map(|(_, one)| one.task.clone())
            .collect();
        for task in undriven {
            task.cancel();
        }
        // Those of a run queue are ended by it as they are parked, or see the phase at their first poll.
        self.sweep();
    }

    /// Has every payload that was asked to end check its token, or end.
    pub(crate) fn sweep(&self) {
        if let Some(queue) = self.queue.get() {
            queue.sweep();
        }
    }

    /// Whether `queue` may poll payloads of this scheduler. The first queue that asks may, and no
    /// other ever does.
    pub(super) fn is_driven_by(&self, queue: &Arc<RunQueue>) -> bool {
        let own = self.queue.get_or_init(|| {
            queue.belongs_to(self.me.clone() as _);
            Arc::clone(queue)
        });
        Arc::ptr_eq(own, queue)
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Slab<Undriven>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that payloads of this scheduler run on the calling thread.
    pub(crate) fn note_thread(&self) {
        if LAST_NOTED.with(Cell::get) == self.number {
            return;
        }
        LAST_NOTED.with(|last| last.set(self.number));
        let current = current_thread();
        let mut threads = self.lock_threads();
        if !threads.contains(&current) {
            threads.push(current);
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
        threads.retain(|known| *known != current);
        drop(threads);
        LAST_NOTED.with(|last| {
            if last.get() == self.number {
                last.set(FORGOTTEN);
            }
        });
    }

    /// The threads on which this scheduler's payloads were seen.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.lock_threads().clone()
    }

    /// The number of threads on which the flavour runs payloads.
    pub(crate) fn width(&self) -> usize {
        self.width.load(SeqCst)
    }

    fn lock_threads(&self) -> MutexGuard<'_, Vec<ThreadId>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports a failure of the flavour itself.
    #[track_caller]
    pub(crate) fn fail_flavour(&self, reason: &str) {
        let origin = Origin {
            payload: format!("{} itself", self.identifier()).into(),
            named: false,
            service: false,
            flavour: self.identifier().clone(),
            location: std::panic::Location::caller(),
        };
        self.lifetime
            .fail(Failure::new(origin, Cause::lost(reason)));
    }
}

impl FlavourReports for Scheduler {
    fn runs_on(&self, threads: usize) {
        self.width.store(threads.max(1), SeqCst);
    }

    fn runs_here(&self) {
        self.note_thread();
    }

    fn runs_where(&self, answer: Box<RunsHere>) {
        // The first one stays.
        let _ = self.runs_here.set(answer);
    }

    fn stack_size(&self) -> Option<usize> {
        self.lifetime.settings.stack_size
    }

    /// The flavour is lost, and with it every payload that ran on it.
    fn lost(&self, reason: &str) {
        self.fail_flavour(reason);
        for task in self.alive() {
            task.lose("its flavour died before the payload was over");
        }
    }
}
