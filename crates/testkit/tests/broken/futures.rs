//! Flavours by hand whose payloads are futures, each with a chosen fault: coroutines on one thread, and
//! parallels on two.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Completion, Coroutine, Flavour, Identifier, Joining, Key, Parallel, Probe, Rejected,
    Reporter,
};

use crate::executor::{POLLING, Shared, run};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Keeps the contract.
    None,
    /// Polls ended payloads, which is allowed.
    PollsTheFinished,
    /// Reports its own death, which is all a flavour can do.
    DiesOnTheWay,
    EndsOnTheWay,
    EndsWhenEmpty,
    ForgetsSome,
    DropsSome,
    HasRoomForThousand,
    ForgetsWhatWaits,
    DropsUnfinished,
    RunsInSpawn,
    NestsInSpawn,
    WaitsInSpawn,
    LastInFirstOut,
    LocksWhilePolling,
    /// For coroutines.
    TwoThreads,
    /// For parallels.
    OneThread,
    PollsElsewhere,
    DropsElsewhere,
    NoContextAtTheEnd,
    BlockOnIsEarly,
    BlockOnLocks,
    BlockOnWaitsForAll,
    BlockOnPollsHere,
    BlockOnAsksTheExecutor,
    LosesForeignWakes,
    LosesWakesInPolls,
    /// Of others than the payload that is polled.
    TakesWakesForItsOwn,
    ForgetsWakesOfTheEnding,
    /// Polls every payload at `cancel`.
    HasRoomForWakes,
    ReusesMarks,
    DiesOfLateWakes,
    KeepsTheCancelled,
    KeepsSomeCancelled,
    CancelDrops,
    CancelDropsElsewhere,
    CancelStops,
    CancelWaits,
    CancelTwicePanics,
    SpawnsAfterCancel,
    SpawnRacesWithCancel,
    BlocksOnAfterCancel,
    NeverEnds,
    JoinHangs,
    JoinIsLate,
    JoinLies,
    JoinIsEarly,
    JoinWaitsForLocals,
    EndsInJoin,
    LeaksItsThread,
    OneForAll,
    /// For parallels.
    SaysItHasOneThread,
    StarvesUnderAFlood,
    /// Without asking the executor.
    AnswersAtOnce,
    KeepsProbes,
    WaitsInProbe,
}

/// A payload that is a future.
pub(crate) trait Polled: Future<Output = ()> + Send + Sized + Unpin + 'static {
    /// The number of threads of a flavour without a fault.
    const THREADS: usize;

    fn completion_of(&self) -> Completion;

    /// The one flavour that all runtimes share, if that is the fault.
    fn one_for_all() -> &'static OnceLock<Arc<HandFlavour<Self>>>;
}

impl Polled for Coroutine {
    const THREADS: usize = 1;

    fn completion_of(&self) -> Completion {
        self.completion()
    }

    fn one_for_all() -> &'static OnceLock<Arc<HandFlavour<Self>>> {
        static ONE: OnceLock<Arc<HandFlavour<Coroutine>>> = OnceLock::new();
        &ONE
    }
}

impl Polled for Parallel {
    const THREADS: usize = 2;

    fn completion_of(&self) -> Completion {
        self.completion()
    }

    fn one_for_all() -> &'static OnceLock<Arc<HandFlavour<Self>>> {
        static ONE: OnceLock<Arc<HandFlavour<Parallel>>> = OnceLock::new();
        &ONE
    }
}

/// The key of a flavour of `P`s.
pub(crate) struct ByHand<P>(Fault, PhantomData<fn(P)>);

impl<P> ByHand<P> {
    pub(crate) fn new(fault: Fault) -> Self {
        Self(fault, PhantomData)
    }
}

impl<P> Clone for ByHand<P> {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl<P> PartialEq for ByHand<P> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<P> fmt::Debug for ByHand<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<P: Polled> Key for ByHand<P> {
    type Payload = P;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("by_hand::futures") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = P>>, BoxError> {
        if self.0 == Fault::OneForAll {
            let one = P::one_for_all();
            return Ok(Arc::clone(
                one.get_or_init(|| Arc::new(HandFlavour::start(Fault::OneForAll, None))),
            ) as _);
        }
        if P::THREADS > 1 && self.0 != Fault::SaysItHasOneThread {
            reporter.runs_on(P::THREADS);
        }
        Ok(Arc::new(HandFlavour::start(self.0, Some(reporter))))
    }
}

pub(crate) struct HandFlavour<P> {
    fault: Fault,
    shared: Arc<Shared<P>>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    joining: OnceLock<Joining>,
    /// The lock of a flavour that locks too much.
    turn: Mutex<()>,
    cancels: AtomicUsize,
    accepted: AtomicUsize,
}

impl<P: Polled> HandFlavour<P> {
    fn start(fault: Fault, reporter: Option<Reporter>) -> Self {
        let shared = Arc::new(Shared {
            fault,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let threads = match fault {
            Fault::OneThread => 1,
            Fault::TwoThreads => 2,
            _ => P::THREADS,
        };
        shared.lock().threads = threads;
        // Threads that share one intake, each with the payloads it took.
        let handles = (0..threads)
            .map(|worker| {
                let (shared, reporter) = (Arc::clone(&shared), reporter.clone());
                thread::spawn(move || live(&shared, worker, reporter.as_ref()))
            })
            .collect();
        Self {
            fault,
            shared,
            handles: Mutex::new(handles),
            joining: OnceLock::new(),
            turn: Mutex::new(()),
            cancels: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        }
    }

    fn push(&self, payload: P) -> Result<(), Rejected<P>> {
        let mut state = self.shared.lock();
        if state.cancelled
            && !matches!(
                self.fault,
                Fault::SpawnsAfterCancel | Fault::SpawnRacesWithCancel
            )
        {
            return Err(Rejected::new(payload));
        }
        match self.fault {
            Fault::LastInFirstOut => state.intake.push_front(payload),
            _ => state.intake.push_back(payload),
        }
        drop(state);
        self.shared.changed.notify_all();
        Ok(())
    }
}

/// The life of a thread. Its death is reported; the last thread drops the remaining payloads.
fn live<P: Polled>(shared: &Arc<Shared<P>>, worker: usize, reporter: Option<&Reporter>) {
    let result = catch_unwind(AssertUnwindSafe(|| run(shared, worker)));
    if let (Some(reporter), Err(_), false) = (reporter, result, shared.lock().cancelled) {
        reporter.lost("its executor panicked");
    }
    let left = {
        let mut state = shared.lock();
        state.threads -= 1;
        state.ended = state.threads == 0;
        match state.ended {
            true => {
                state.cancelled = true;
                std::mem::take(&mut state.intake)
            }
            false => VecDeque::new(),
        }
    };
    drop(left);
    shared.changed.notify_all();
    if shared.fault == Fault::LeaksItsThread {
        thread::sleep(Duration::from_secs(30));
    }
}

impl<P: Polled> Flavour for HandFlavour<P> {
    type Payload = P;

    fn spawn(&self, mut payload: P) -> Result<(), Rejected<P>> {
        let state = self.shared.lock();
        if state.cancelled && self.fault != Fault::SpawnsAfterCancel {
            return Err(Rejected::new(payload));
        }
        let (waiting, polled) = (state.intake.len(), state.polled);
        drop(state);
        let _turn = (self.fault == Fault::BlockOnLocks).then(|| self.turn.lock());
        let accepted = self.accepted.fetch_add(1, SeqCst);
        match self.fault {
            Fault::SpawnRacesWithCancel => {
                // Checked before, and now queued whatever has happened meanwhile.
                thread::sleep(Duration::from_millis(2));
                return self.push(payload);
            }
            Fault::ForgetsSome if accepted % 7 == 3 => std::mem::forget(payload),
            Fault::DropsSome if accepted % 7 == 3 => drop(payload),
            Fault::HasRoomForThousand if accepted >= 1_000 => std::mem::forget(payload),
            Fault::ForgetsWhatWaits if waiting >= 200 => std::mem::forget(payload),
            Fault::RunsInSpawn => {
                let mut context = Context::from_waker(Waker::noop());
                if Pin::new(&mut payload).poll(&mut context).is_pending() {
                    return self.push(payload);
                }
            }
            Fault::NestsInSpawn if POLLING.get().is_some() => {
                let mut context = Context::from_waker(Waker::noop());
                if Pin::new(&mut payload).poll(&mut context).is_pending() {
                    return self.push(payload);
                }
            }
            Fault::WaitsInSpawn if POLLING.get().is_none() => {
                self.push(payload)?;
                self.shared.wait_until(None, |state| state.polled > polled);
            }
            _ => return self.push(payload),
        }
        Ok(())
    }

    fn block_on(&self, mut payload: P) -> Result<(), Rejected<P>> {
        if self.fault == Fault::BlocksOnAfterCancel && self.shared.lock().cancelled {
            drop(payload);
            return Ok(());
        }
        if self.fault == Fault::BlockOnPollsHere {
            let parked = Arc::new(Parked(thread::current()));
            let waker = Waker::from(parked);
            let mut context = Context::from_waker(&waker);
            while Pin::new(&mut payload).poll(&mut context).is_pending() {
                thread::park();
            }
            return Ok(());
        }
        let completion = payload.completion_of();
        let completions = self.shared.lock().completions;
        self.spawn(payload)?;
        match self.fault {
            Fault::BlockOnLocks => {
                let _turn = self.turn.lock();
                completion.wait();
            }
            Fault::BlockOnIsEarly => thread::sleep(Duration::from_millis(2)),
            Fault::BlockOnAsksTheExecutor => {
                self.shared
                    .wait_until(None, |state| state.completions > completions);
            }
            Fault::BlockOnWaitsForAll => {
                completion.wait();
                self.shared.wait_until(None, |state| state.alive == 0);
            }
            _ => completion.wait(),
        }
        Ok(())
    }

    fn probe(&self, probe: Probe) {
        match self.fault {
            Fault::AnswersAtOnce => probe.answer(),
            Fault::KeepsProbes => std::mem::forget(probe),
            _ => {
                self.shared.lock().probes.push(probe);
                self.shared.changed.notify_all();
            }
        }
        if self.fault == Fault::WaitsInProbe {
            self.shared
                .wait_until(None, |state| state.probes.is_empty());
        }
    }

    fn cancel(&self) {
        let cancels = self.cancels.fetch_add(1, SeqCst);
        if cancels > 0 && self.fault == Fault::CancelTwicePanics {
            panic!("cancelled twice");
        }
        self.shared.lock().cancelled = true;
        self.shared.changed.notify_all();
        if self.fault == Fault::CancelWaits {
            self.shared.wait_until(None, |state| state.ended);
        }
    }

    fn join(&self, by: Instant) -> bool {
        match self.fault {
            Fault::JoinLies => return true,
            Fault::LeaksItsThread | Fault::JoinIsEarly => {
                return self.shared.wait_until(Some(by), |state| state.ended);
            }
            Fault::JoinHangs => {
                self.shared.wait_until(None, |state| state.ended);
            }
            Fault::JoinIsLate => thread::sleep(Duration::from_millis(1_200)),
            _ => {}
        }
        self.shared.lock().joined = true;
        self.shared.changed.notify_all();
        if !self.shared.wait_until(Some(by), |state| state.ended) {
            return false;
        }
        let handles = || std::mem::take(&mut *self.handles.lock().unwrap());
        if self.fault == Fault::JoinWaitsForLocals {
            return handles().into_iter().all(|handle| handle.join().is_ok());
        }
        self.joining
            .get_or_init(|| Joining::start(handles()))
            .wait(by)
    }
}

struct Parked(thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl<P> fmt::Debug for HandFlavour<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByHand").field(&self.fault).finish()
    }
}
