//! A flavour of coroutines on a thread of its own, by hand, with a fault of choice.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, LazyLock, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use foster_core::{BoxError, Completion, Coroutine, Flavour, Identifier, Key, Rejected, Reporter};

use crate::executor::{POLLING, Shared, run};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Keeps the contract.
    None,
    /// Polls payloads that are over, which is allowed.
    PollsTheFinished,
    /// Says that it died when it did, which is all that one can do.
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
    TwoThreads,
    PollsElsewhere,
    DropsElsewhere,
    NoContextAtTheEnd,
    BlockOnIsEarly,
    BlockOnWaitsForAll,
    BlockOnPollsHere,
    BlockOnAsksTheExecutor,
    LosesForeignWakes,
    LosesWakesInPolls,
    DiesOfLateWakes,
    KeepsTheCancelled,
    KeepsSomeCancelled,
    CancelDrops,
    CancelDropsElsewhere,
    CancelStops,
    CancelWaits,
    CancelTwicePanics,
    SpawnsAfterCancel,
    BlocksOnAfterCancel,
    NeverEnds,
    JoinHangs,
    JoinIsLate,
    JoinLies,
    JoinIsEarly,
    LeaksItsThread,
    OneForAll,
    StarvesUnderAFlood,
}

/// The key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ByHand(pub(crate) Fault);

impl Key for ByHand {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("by_hand::coroutines") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        if self.0 == Fault::OneForAll {
            static SHARED: LazyLock<Arc<HandFlavour>> =
                LazyLock::new(|| Arc::new(HandFlavour::start(Fault::OneForAll, None)));
            return Ok(Arc::clone(&SHARED) as _);
        }
        Ok(Arc::new(HandFlavour::start(self.0, Some(reporter))))
    }
}

struct HandFlavour {
    fault: Fault,
    shared: Arc<Shared>,
    handle: Mutex<Option<JoinHandle<()>>>,
    cancels: AtomicUsize,
    accepted: AtomicUsize,
}

impl HandFlavour {
    fn start(fault: Fault, reporter: Option<Reporter>) -> Self {
        let shared = Arc::new(Shared {
            fault,
            state: Mutex::default(),
            changed: Condvar::new(),
            thread: Mutex::new(None),
        });
        let on_thread = Arc::clone(&shared);
        let second = (fault == Fault::TwoThreads).then(|| Arc::clone(&shared));
        let handle = thread::spawn(move || {
            // Two threads that share one intake, each with the payloads that it took.
            let second = second.map(|shared| thread::spawn(move || run(&shared, 1)));
            let result = catch_unwind(AssertUnwindSafe(|| run(&on_thread, 0)));
            if let Some(second) = second {
                let _ = second.join();
            }
            let left = {
                let mut state = on_thread.lock();
                if !state.cancelled {
                    if let (Some(reporter), Err(_)) = (&reporter, &result) {
                        reporter.lost("its executor panicked");
                    }
                }
                state.cancelled = true;
                std::mem::take(&mut state.intake)
            };
            drop(left);
            on_thread.lock().ended = true;
            on_thread.changed.notify_all();
            if fault == Fault::LeaksItsThread {
                thread::sleep(Duration::from_secs(30));
            }
        });
        Self {
            fault,
            shared,
            handle: Mutex::new(Some(handle)),
            cancels: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        }
    }

    fn push(&self, payload: Coroutine) {
        let mut state = self.shared.lock();
        match self.fault {
            Fault::LastInFirstOut => state.intake.push_front(payload),
            _ => state.intake.push_back(payload),
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Flavour for HandFlavour {
    type Payload = Coroutine;

    fn spawn(&self, mut payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let state = self.shared.lock();
        if state.cancelled && self.fault != Fault::SpawnsAfterCancel {
            return Err(Rejected::new(payload));
        }
        let (waiting, polled) = (state.intake.len(), state.polled);
        drop(state);
        let accepted = self.accepted.fetch_add(1, SeqCst);
        match self.fault {
            Fault::ForgetsSome if accepted % 7 == 3 => std::mem::forget(payload),
            Fault::DropsSome if accepted % 7 == 3 => drop(payload),
            Fault::HasRoomForThousand if accepted >= 1_000 => std::mem::forget(payload),
            Fault::ForgetsWhatWaits if waiting >= 200 => std::mem::forget(payload),
            Fault::RunsInSpawn => {
                let mut context = Context::from_waker(Waker::noop());
                if Pin::new(&mut payload).poll(&mut context).is_pending() {
                    self.push(payload);
                }
            }
            Fault::NestsInSpawn if POLLING.get().is_some() => {
                let mut context = Context::from_waker(Waker::noop());
                if Pin::new(&mut payload).poll(&mut context).is_pending() {
                    self.push(payload);
                }
            }
            Fault::WaitsInSpawn if POLLING.get().is_none() => {
                self.push(payload);
                self.shared.wait_until(None, |state| state.polled > polled);
            }
            _ => self.push(payload),
        }
        Ok(())
    }

    fn block_on(&self, mut payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
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
        let completion: Completion = payload.completion();
        let completions = self.shared.lock().completions;
        self.spawn(payload)?;
        match self.fault {
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
        if !self.shared.wait_until(Some(by), |state| state.ended) {
            return false;
        }
        let handle = self.handle.lock().unwrap().take();
        handle.is_none_or(|handle| handle.join().is_ok())
    }
}

struct Parked(thread::Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl fmt::Debug for HandFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByHand").field(&self.fault).finish()
    }
}
