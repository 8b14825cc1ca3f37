//! A slot: one flavour of one runtime, with the counts and the registry of its payloads.

use std::any::Any;
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::account::{Account, Ended};
use crate::bound::current_thread;
use crate::error::{BoxError, Reason};
use crate::failure::{Cause, Origin, contain, panic_message};
use crate::flavour::{Flavour, Reporter};
use crate::identifier::Identifier;
use crate::key::AnyKey;
use crate::lifetime::{Lifetime, Phase};
use crate::record::Record;
use crate::reply::{Gate, Reply};
use crate::run_queue::RunQueue;
use crate::service::Hub;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::sync::thread::ThreadId;
use crate::sync::thread_local;
use crate::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// How long a blocking payload that has just got its thread may take to reach its first lines. A
/// coroutine takes its token in its first poll, which is waited for; this is the same for threads.
pub(crate) const SETTLING: Duration = Duration::from_millis(20);

/// A counter on a cache line of its own: adopters write one, the flavour's thread the others.
#[derive(Default)]
#[repr(align(128))]
struct Counter(AtomicUsize);

impl Counter {
    fn add_one(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

thread_local! {
    /// The slot that has noted this thread last, so that most payloads need not look.
    static LAST_NOTED: Cell<usize> = const { Cell::new(0) };
}

/// One flavour of one runtime. Starts the flavour when it is first needed.
pub(crate) struct Slot {
    /// Payloads taken in. This and the next two only grow, and `accepted >= started >= ended`.
    accepted: Counter,
    /// Payloads that had their first poll or their thread, or will never have it.
    started: Counter,
    /// Payloads that are over.
    ended: Counter,
    /// The payloads that their flavour polls by means of its own, and that have started and are not over.
    registry: Mutex<Slab<Registered>>,
    /// Those that a run queue polls, from when it is about to poll them first, and until shortly after
    /// their end.
    driven: Mutex<Slab<Arc<Record>>>,
    /// That run queue.
    queue: OnceLock<Arc<RunQueue>>,
    /// The gates of adopted payloads whose end somebody waits for, by the record's address.
    gates: Mutex<HashMap<usize, Arc<dyn Gate>>>,
    /// Different for every slot of the process, and never 0.
    number: usize,
    /// The threads on which payloads that can block each other were seen.
    threads: Mutex<Vec<ThreadId>>,
    /// On how many threads the flavour runs payloads.
    width: AtomicUsize,
    /// Whether the payloads are blocking code.
    blocking: AtomicBool,
    /// When a blocking payload got its thread last.
    last_begun: Mutex<Option<Instant>>,
    key: AnyKey,
    backend: Box<dyn Backend>,
    start: Mutex<Start>,
    start_over: Condvar,
    pub(crate) lifetime: Arc<Lifetime>,
}

/// A payload that is alive, and how to have it polled again so that it sees that it is cancelled.
struct Registered {
    record: Arc<Record>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Start {
    under_way: bool,
    closed: bool,
}

impl Slot {
    pub(crate) fn new(key: AnyKey, lifetime: Arc<Lifetime>) -> Self {
        static NUMBERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(1);
        Self {
            number: NUMBERS.fetch_add(1, SeqCst),
            accepted: Counter::default(),
            started: Counter::default(),
            ended: Counter::default(),
            registry: Mutex::default(),
            driven: Mutex::default(),
            queue: OnceLock::new(),
            gates: Mutex::default(),
            threads: Mutex::default(),
            width: AtomicUsize::new(1),
            blocking: AtomicBool::new(false),
            last_begun: Mutex::default(),
            backend: key.backend(),
            key,
            start: Mutex::default(),
            start_over: Condvar::new(),
            lifetime,
        }
    }

    pub(crate) fn identifier(&self) -> &Identifier {
        self.key.identifier()
    }

    pub(crate) fn key(&self) -> &AnyKey {
        &self.key
    }

    /// The backend, if its flavour takes payloads of type `P`.
    pub(crate) fn typed<P: 'static>(&self) -> Option<&Typed<P>> {
        self.backend.as_any().downcast_ref()
    }

    /// The flavour, started now if it was not yet.
    pub(crate) fn started<'a, P: 'static>(
        self: &'a Arc<Self>,
        typed: &'a Typed<P>,
    ) -> Result<&'a Arc<dyn Flavour<Payload = P>>, Reason> {
        if let Some(flavour) = typed.flavour.get() {
            return Ok(flavour);
        }
        let mut start = self.lock_start();
        loop {
            if let Some(flavour) = typed.flavour.get() {
                return Ok(flavour);
            }
            if start.closed {
                return Err(Reason::Stopping);
            }
            if !start.under_way {
                break;
            }
            start = self
                .start_over
                .wait(start)
                .unwrap_or_else(PoisonError::into_inner);
        }
        start.under_way = true;
        drop(start);
        // Without the lock: this is the flavour's code, and the runner must be able to close the
        // slot while it takes its time.
        let reporter = Reporter::new(self.identifier().clone(), Arc::downgrade(self));
        let result = catch_unwind(AssertUnwindSafe(|| (typed.starter)(reporter)))
            .unwrap_or_else(|panic| Err(panic_message(panic).into()));
        let mut start = self.lock_start();
        // Kept also if the slot was closed meanwhile: the runner waited for this, and joins it.
        let started = result.map(|flavour| typed.flavour.get_or_init(|| flavour));
        start.under_way = false;
        self.start_over.notify_all();
        let closed = start.closed;
        drop(start);
        let flavour = started.map_err(Reason::Start)?;
        if closed {
            // The runner may have given up waiting.
            flavour.cancel();
            return Err(Reason::Stopping);
        }
        Ok(flavour)
    }

    /// Lets the flavour be started no more; `false` if a start was still under way at `by`.
    pub(crate) fn close(&self, by: Instant) -> bool {
        let mut start = self.lock_start();
        start.closed = true;
        while start.under_way {
            let Some(left) = by.checked_duration_since(Instant::now()) else {
                return false;
            };
            start = self
                .start_over
                .wait_timeout(start, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn lock_start(&self) -> MutexGuard<'_, Start> {
        self.start.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the flavour, if it was started, to end when it is empty.
    pub(crate) fn cancel_flavour(&self) {
        self.guard(|| self.backend.cancel(), ());
    }

    /// Waits for the flavour's threads; `true` if it was never started.
    pub(crate) fn join_flavour(&self, by: Instant) -> bool {
        self.guard(|| self.backend.join(by), false)
    }

    /// Runs code of the flavour's for the runner, which must survive its panic.
    fn guard<R>(&self, run: impl FnOnce() -> R, otherwise: R) -> R {
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let message = format!("the flavour panicked: {}", panic_message(panic));
            self.fail_flavour(&message);
            otherwise
        })
    }

    /// Counts a payload as taken in. The caller looks at the phase *after* this and refuses the
    /// payload if it must; the runner, which changes the phase first and counts afterwards, then
    /// either counts the payload or has it refused.
    pub(crate) fn accept(&self) {
        self.accepted.add_one();
    }

    /// Enters the payload into the registry, as it is about to run.
    pub(crate) fn register(&self, record: &Arc<Record>) {
        {
            let mut registry = self.registry();
            let key = registry.insert(Registered {
                record: Arc::clone(record),
                waker: None,
            });
            record.set_registered_as(key);
        }
        if record.is_blocking() {
            self.blocking.store(true, SeqCst);
            *self.lock_last_begun() = Some(Instant::now());
        } else {
            self.note_thread();
        }
    }

    /// The payload waits, and `waker` has it polled again.
    pub(crate) fn park(&self, record: &Account, waker: &Waker) {
        let replaced = {
            let mut registry = self.registry();
            let key = record.registered_as();
            match key.and_then(|key| registry.get_mut(key)) {
                Some(entry)
                    if entry
                        .waker
                        .as_ref()
                        .is_none_or(|known| !known.will_wake(waker)) =>
                {
                    entry.waker.replace(waker.clone())
                }
                _ => None,
            }
        };
        // Not under the lock, as the waker is the executor's code.
        drop(replaced);
    }

    /// Has the payload polled again, if it waits.
    pub(crate) fn wake(&self, record: &Account) {
        let waker = {
            let mut registry = self.registry();
            let key = record.registered_as();
            key.and_then(|key| registry.get_mut(key)?.waker.take())
        };
        if let Some(waker) = waker {
            contain(|| waker.wake());
        }
    }

    /// The gate at which the end of an adopted payload is waited for.
    pub(crate) fn gate_of(&self, record: &Account) -> Arc<dyn Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(record.address());
        Arc::clone(gate.or_insert_with(|| Arc::new(Reply::<()>::default())))
    }

    /// Opens and forgets the gate of an adopted payload.
    pub(crate) fn take_gate_of(&self, record: &Account) {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.remove(&record.address());
        drop(gates);
        if let Some(gate) = gate {
            gate.open();
        }
    }

    /// The payload had its first poll, or has its thread.
    pub(crate) fn count_start(&self, record: &Account) {
        if record.start() {
            self.started.add_one();
            if let Some(attempt) = record.attempt() {
                attempt.begin();
            }
            let awaited = match self.lifetime.phase() {
                Phase::Stopping => !self.lifetime.is_held(),
                Phase::Cancelling => self.is_blocking(),
                _ => false,
            };
            if awaited {
                self.lifetime.look();
            }
        }
    }

    /// The payload is over: settles all that the runtime kept on it, except the reply.
    pub(crate) fn remove(&self, record: &Account, ended: Ended) {
        if !record.is_driven() {
            let mut registry = self.registry();
            // Read under the lock, which the one who wrote it held.
            let key = record.registered_as();
            let removed = key.and_then(|key| registry.try_remove(key));
            drop(registry);
            // Its last reference must not go under the lock.
            drop(removed);
        }
        if ended.held {
            self.lifetime.release();
        }
        if !ended.started {
            self.started.add_one();
        }
        self.count_end();
    }

    /// Has the runner look if that may be the end that it waits for. Of many at once it would only be held
    /// up by all others.
    fn count_end(&self) {
        self.ended.add_one();
        let lifetime = &self.lifetime;
        let awaited = match lifetime.phase() {
            // Whoever holds the grace time open will come here, too, and is no holder any more by then.
            Phase::Stopping => !lifetime.is_held(),
            Phase::Cancelling => self.is_blocking() || self.is_drained(),
            _ => lifetime.settings.until_idle && self.is_drained(),
        };
        if awaited {
            lifetime.look();
        }
    }

    pub(crate) fn accepted(&self) -> usize {
        self.accepted.get()
    }

    pub(crate) fn ended(&self) -> usize {
        self.ended.get()
    }

    /// Whether every payload that was taken in has had its first poll.
    pub(crate) fn all_started(&self) -> bool {
        self.started.get() == self.accepted.get()
    }

    /// Whether every payload that was taken in is over.
    pub(crate) fn is_drained(&self) -> bool {
        self.ended.get() == self.accepted.get()
    }

    /// Whether payloads of this slot are blocking code, which cannot be cancelled.
    pub(crate) fn is_blocking(&self) -> bool {
        self.blocking.load(SeqCst)
    }

    /// Until when a blocking payload, having got its thread only just now, may still be about to
    /// take a token, to fail or to end; `None` if none is that young.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        let last = (*self.lock_last_begun())?;
        let deaf = |record: &Arc<Record>| !record.is_holder() && !record.is_ending();
        (last.elapsed() < SETTLING && self.alive().iter().any(deaf)).then(|| last + SETTLING)
    }

    fn lock_last_begun(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether everything that can end soon has ended: every coroutine, which was cancelled, and
    /// every blocking payload that has no thread yet, or whose code has come to its end.
    pub(crate) fn is_quiet(&self) -> bool {
        let ends_soon = |record: &Arc<Record>| record.is_ending();
        self.is_drained()
            || self.is_blocking() && self.all_started() && !self.alive().iter().any(ends_soon)
    }

    /// The payloads that have started, or are about to, and are not over.
    pub(crate) fn alive(&self) -> Vec<Arc<Record>> {
        let mut alive: Vec<_> = self
            .registry()
            .iter()
            .map(|(_, one)| one.record.clone())
            .collect();
        let driven = self.driven();
        let driven = driven.iter().map(|(_, record)| record);
        alive.extend(driven.filter(|record| !record.is_settled()).cloned());
        alive
    }

    /// Has every payload that has started dropped at its next poll, and brings that poll about.
    pub(crate) fn cancel_all(&self) {
        let undriven: Vec<_> = self
            .registry()
            .iter()
            .map(|(_, one)| one.record.clone())
            .collect();
        for record in undriven {
            record.cancel();
        }
        // These see the phase.
        if let Some(queue) = self.queue.get() {
            queue.sweep();
        }
    }

    /// Puts a payload that has been woken into the run queue that polls it.
    pub(crate) fn enqueue(&self, record: Arc<Record>) {
        match self.queue.get() {
            Some(queue) => queue.push_woken(record),
            None => debug_assert!(false, "what wakes its own record is driven by a run queue"),
        }
    }

    /// Whether `queue` may poll payloads of this slot, which no other one ever does from then on.
    pub(crate) fn is_driven_by(&self, queue: &Arc<RunQueue>) -> bool {
        Arc::ptr_eq(self.queue.get_or_init(|| Arc::clone(queue)), queue)
    }

    /// Enters payloads that a run queue is about to poll for the first time.
    pub(crate) fn register_driven(&self, records: &VecDeque<Arc<Record>>) {
        self.note_thread();
        let mut driven = self.driven();
        for record in records {
            record.set_registered_as(driven.insert(Arc::clone(record)));
            record.begin_driven();
        }
    }

    /// Takes payloads that are over out of the registry.
    pub(crate) fn forget_driven(&self, over: &mut Vec<Arc<Record>>) {
        let mut driven = self.driven();
        for record in over.iter_mut() {
            let Some(key) = record.registered_as() else {
                continue;
            };
            let known = driven.get(key);
            if known.is_some_and(|known| Arc::ptr_eq(known, record)) {
                // In place of the other reference to it: the last one must not go under the lock.
                *record = driven.remove(key);
            }
        }
        drop(driven);
        over.clear();
    }

    /// How many payloads a run queue has to look after.
    pub(crate) fn count_driven(&self) -> usize {
        self.driven().len()
    }

    /// Up to `number` of the payloads that a run queue polls, from the key `next` on, which moves on.
    pub(crate) fn some_driven(&self, next: &mut usize, number: usize) -> Vec<Arc<Record>> {
        let driven = self.driven();
        let mut some = Vec::new();
        // Keys are given out from 0, and there were never more of them than there is room for.
        while some.len() < number && *next < driven.capacity() {
            some.extend(driven.get(*next).cloned());
            *next += 1;
        }
        some
    }

    fn driven(&self) -> MutexGuard<'_, Slab<Arc<Record>>> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn registry(&self) -> MutexGuard<'_, Slab<Registered>> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that payloads of this slot run on the calling thread.
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

    /// The threads on which this slot's coroutines were seen.
    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.lock_threads().clone()
    }

    pub(crate) fn set_width(&self, threads: usize) {
        self.width.store(threads.max(1), SeqCst);
    }

    /// On how many threads the flavour runs payloads.
    pub(crate) fn width(&self) -> usize {
        self.width.load(SeqCst)
    }

    fn lock_threads(&self) -> MutexGuard<'_, Vec<ThreadId>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The flavour is lost, and every payload that ran on it with it.
    pub(crate) fn lose(&self, reason: &str) {
        self.fail_flavour(reason);
        for record in self.alive() {
            if let Some(ended) = record.settle() {
                record.fail(Cause::lost("its flavour died before the payload was over"));
                self.remove(&record, ended);
                record.open_gate();
            }
        }
        // What is left of their code is dropped where it may be, if that thread goes on.
        if let Some(queue) = self.queue.get() {
            queue.sweep();
        }
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
            .fail(crate::failure::Failure::new(origin, Cause::lost(reason)));
    }
}

/// What the runner needs of a flavour, whatever its payloads are.
pub(crate) trait Backend: Send + Sync {
    fn cancel(&self);
    fn join(&self, by: Instant) -> bool;
    fn as_any(&self) -> &dyn Any;
}

type Starter<P> = dyn Fn(Reporter) -> Result<Arc<dyn Flavour<Payload = P>>, BoxError> + Send + Sync;

/// A flavour for payloads of type `P`, and how to start it.
pub(crate) struct Typed<P> {
    starter: Box<Starter<P>>,
    flavour: OnceLock<Arc<dyn Flavour<Payload = P>>>,
}

impl<P> Typed<P> {
    pub(crate) fn new(starter: Box<Starter<P>>) -> Self {
        Self {
            starter,
            flavour: OnceLock::new(),
        }
    }

    /// Whether the flavour is there.
    pub(crate) fn is_started(&self) -> bool {
        self.flavour.get().is_some()
    }
}

impl<P: 'static> Backend for Typed<P> {
    fn cancel(&self) {
        if let Some(flavour) = self.flavour.get() {
            flavour.cancel();
        }
    }

    fn join(&self, by: Instant) -> bool {
        self.flavour.get().is_none_or(|flavour| flavour.join(by))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// All slots of a runtime: a list that only grows, so that a look-up takes no lock.
#[derive(Default)]
pub(crate) struct Slots {
    head: OnceLock<Box<Node>>,
    growing: Mutex<()>,
}

struct Node {
    slot: Arc<Slot>,
    next: OnceLock<Box<Node>>,
}

impl Slots {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Slot>> {
        std::iter::successors(self.head.get(), |node| node.next.get()).map(|node| &node.slot)
    }

    pub(crate) fn find(&self, identifier: &Identifier) -> Option<&Arc<Slot>> {
        self.iter().find(|slot| slot.identifier() == identifier)
    }

    /// The slot for `identifier`, made by `make` if there is none.
    pub(crate) fn find_or_add(
        &self,
        identifier: &Identifier,
        make: impl FnOnce() -> Slot,
    ) -> &Arc<Slot> {
        if let Some(slot) = self.find(identifier) {
            return slot;
        }
        // Made before the lock, as a key is the user's code. Another thread may be quicker.
        let made = Arc::new(make());
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.find(identifier) {
            return slot;
        }
        let mut end = &self.head;
        while let Some(node) = end.get() {
            end = &node.next;
        }
        &end.get_or_init(|| {
            Box::new(Node {
                slot: made,
                next: OnceLock::new(),
            })
        })
        .slot
    }

    /// Whether no payload is alive on any slot.
    ///
    /// All ends are read before all acceptances. As both only grow and no slot ends more than it
    /// accepts, equal sums mean that every slot was drained at the moment between the two reads.
    ///
    /// Services count beside the payloads that they are at times: one that waits for its next start
    /// is none, but not over.
    pub(crate) fn are_idle(&self, hub: &Hub) -> bool {
        let ended: usize = self.iter().map(|slot| slot.ended()).sum();
        let over = hub.over();
        let accepted: usize = self.iter().map(|slot| slot.accepted()).sum();
        let served = hub.served();
        ended + over == accepted + served
    }
}
