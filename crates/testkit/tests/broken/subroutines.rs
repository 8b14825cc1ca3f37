//! A flavour of subroutines, each on its own thread, by hand, with a chosen fault.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use foster_core::{BoxError, Flavour, Identifier, Joining, Key, Rejected, Reporter, Subroutine};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Keeps the contract.
    None,
    ForgetsSome,
    DropsSome,
    HasRoomForThousand,
    EndsWhenEmpty,
    ForgetsWhatWaits,
    RunsInSpawn,
    WaitsInSpawn,
    LocksWhileRunning,
    OneThread,
    HasHundredThreads,
    OneForAll,
    BlockOnIsEarly,
    BlockOnLocks,
    BlockOnElsewhere,
    BlockOnWaitsForAll,
    SpawnsAfterCancel,
    BlocksOnAfterCancel,
    CancelWaits,
    CancelTwicePanics,
    NeverEnds,
    JoinHangs,
    JoinLies,
    JoinIsEarly,
    JoinWaitsForLocals,
    EndsInJoin,
    LeaksItsThreads,
}

/// The key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ByHand(pub(crate) Fault);

impl Key for ByHand {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("by_hand::subroutines") }
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        if self.0 == Fault::OneForAll {
            static ONE: LazyLock<Arc<HandFlavour>> =
                LazyLock::new(|| Arc::new(HandFlavour::new(Fault::OneForAll)));
            return Ok(Arc::clone(&ONE) as _);
        }
        Ok(Arc::new(HandFlavour::new(self.0)))
    }
}

struct HandFlavour {
    fault: Fault,
    shared: Arc<Shared>,
    handles: Mutex<Vec<JoinHandle<()>>>,
    joining: Mutex<Vec<Joining>>,
    /// The queue of the only thread, in a flavour that has just one.
    one: Mutex<Option<Sender<Subroutine>>>,
    accepted: AtomicUsize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// The lock of a flavour that locks too much.
    turn: Mutex<()>,
}

#[derive(Default)]
struct State {
    running: usize,
    cancels: usize,
    /// Of a flavour with a fixed number of threads: how many there are, and what waits for one.
    threads: usize,
    waiting: VecDeque<Subroutine>,
    /// Whether `join` was called.
    joined: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until(&self, by: Option<Instant>, done: impl Fn(&State) -> bool) -> bool {
        let time = by.map_or(Duration::from_secs(60), |by| {
            by.saturating_duration_since(Instant::now())
        });
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), time, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner);
        done(&state)
    }

    fn end(&self) {
        self.lock().running -= 1;
        self.changed.notify_all();
    }
}

impl HandFlavour {
    fn new(fault: Fault) -> Self {
        Self {
            fault,
            shared: Arc::default(),
            handles: Mutex::default(),
            joining: Mutex::default(),
            one: Mutex::default(),
            accepted: AtomicUsize::new(0),
        }
    }

    /// Runs the payload, which is counted already, on its own thread.
    fn spawn_thread(&self, payload: Subroutine) {
        let (shared, fault) = (Arc::clone(&self.shared), self.fault);
        let handle = thread::spawn(move || {
            let _lock = (fault == Fault::LocksWhileRunning).then(|| shared.turn.lock());
            payload.run();
            shared.end();
            if fault == Fault::EndsInJoin {
                shared.wait_until(None, |state| state.joined);
            }
            if fault == Fault::LeaksItsThreads {
                thread::sleep(Duration::from_secs(30));
            }
        });
        self.handles.lock().unwrap().push(handle);
    }

    /// Runs the payload on its own thread, and then those that wait for one.
    fn spawn_in_pool(&self, payload: Subroutine) {
        let mut state = self.shared.lock();
        if state.threads == 100 {
            return state.waiting.push_back(payload);
        }
        state.threads += 1;
        drop(state);
        let shared = Arc::clone(&self.shared);
        let handle = thread::spawn(move || {
            let mut next = Some(payload);
            while let Some(payload) = next {
                payload.run();
                shared.end();
                let mut state = shared.lock();
                next = state.waiting.pop_front();
                state.threads -= usize::from(next.is_none());
            }
        });
        self.handles.lock().unwrap().push(handle);
    }

    fn send_to_the_one(&self, payload: Subroutine) {
        let shared = Arc::clone(&self.shared);
        let mut one = self.one.lock().unwrap();
        let sender = one.get_or_insert_with(|| {
            let (sender, payloads) = channel::<Subroutine>();
            thread::spawn(move || {
                for payload in payloads {
                    payload.run();
                    shared.end();
                }
            });
            sender
        });
        sender.send(payload).unwrap();
    }
}

impl Flavour for HandFlavour {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        {
            let mut state = self.shared.lock();
            if state.cancels > 0 && self.fault != Fault::SpawnsAfterCancel {
                return Err(Rejected::new(payload));
            }
            state.running += 1;
        }
        let accepted = self.accepted.fetch_add(1, SeqCst);
        let forget = |payload| {
            std::mem::forget(payload);
            self.shared.end();
        };
        match self.fault {
            Fault::ForgetsSome if accepted % 7 == 3 => forget(payload),
            Fault::ForgetsWhatWaits if accepted >= 200 => forget(payload),
            Fault::HasRoomForThousand if accepted >= 1_000 => forget(payload),
            Fault::EndsWhenEmpty if accepted > 0 && self.shared.lock().running == 1 => {
                forget(payload);
            }
            Fault::DropsSome if accepted % 7 == 3 => {
                drop(payload);
                self.shared.end();
            }
            Fault::LocksWhileRunning | Fault::BlockOnLocks => {
                let _lock = self.shared.turn.lock();
                self.spawn_thread(payload);
            }
            Fault::RunsInSpawn => {
                payload.run();
                self.shared.end();
            }
            Fault::WaitsInSpawn => {
                self.spawn_thread(payload);
                self.shared.wait_until(None, |state| state.running == 0);
            }
            Fault::HasHundredThreads => self.spawn_in_pool(payload),
            Fault::OneThread => self.send_to_the_one(payload),
            _ => self.spawn_thread(payload),
        }
        Ok(())
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        if self.shared.lock().cancels > 0 && self.fault != Fault::BlocksOnAfterCancel {
            return Err(Rejected::new(payload));
        }
        if self.fault == Fault::BlockOnIsEarly {
            self.shared.lock().running += 1;
            self.spawn_thread(payload);
            return Ok(());
        }
        if self.fault == Fault::BlockOnElsewhere {
            let completion = payload.completion();
            self.shared.lock().running += 1;
            self.spawn_thread(payload);
            completion.wait();
            return Ok(());
        }
        let _turn = (self.fault == Fault::BlockOnLocks).then(|| self.shared.turn.lock());
        payload.run();
        if self.fault == Fault::BlockOnWaitsForAll {
            self.shared.wait_until(None, |state| state.running == 0);
        }
        Ok(())
    }

    fn cancel(&self) {
        let cancels = {
            let mut state = self.shared.lock();
            state.cancels += 1;
            state.cancels
        };
        match self.fault {
            Fault::CancelTwicePanics if cancels > 1 => panic!("cancelled twice"),
            Fault::CancelWaits => {
                self.shared.wait_until(None, |state| state.running == 0);
            }
            _ => {}
        }
    }

    fn join(&self, by: Instant) -> bool {
        let by = match self.fault {
            Fault::JoinLies => return true,
            Fault::NeverEnds => return false,
            Fault::JoinHangs => None,
            _ => Some(by),
        };
        self.shared.lock().joined = true;
        self.shared.changed.notify_all();
        if !self.shared.wait_until(by, |state| state.running == 0) {
            return false;
        }
        let mut handles = self.handles.lock().unwrap();
        match (self.fault, by) {
            (Fault::JoinIsEarly | Fault::LeaksItsThreads, _) => true,
            (Fault::JoinWaitsForLocals, _) | (_, None) => {
                handles.drain(..).all(|handle| handle.join().is_ok())
            }
            (_, Some(by)) => {
                let mut joining = self.joining.lock().unwrap();
                joining.push(Joining::start(handles.drain(..).collect()));
                joining.iter().all(|threads| threads.wait(by))
            }
        }
    }
}

impl fmt::Debug for HandFlavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ByHand").field(&self.fault).finish()
    }
}
