//! The executor of the flavours by hand: threads that poll woken payloads, a timer and a socket.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::Probe;

use crate::futures::{Fault, Polled};

thread_local! {
    /// Whether an executor of this file runs on the thread; its timer needs one.
    pub(crate) static IN_CONTEXT: Cell<bool> = const { Cell::new(false) };
    /// The payload that is polled on this thread.
    pub(crate) static POLLING: Cell<Option<usize>> = const { Cell::new(None) };
    /// The payloads that were woken during the poll, each with its thread, if they wait for its end.
    static WOKEN_MEANWHILE: RefCell<Vec<(usize, usize)>> = const { RefCell::new(Vec::new()) };
}

/// The executor's timer: made in its context only.
pub(crate) fn sleep(time: Duration) -> impl Future<Output = ()> + Send {
    assert!(IN_CONTEXT.get(), "there is no executor here");
    let by = Instant::now() + time;
    std::future::poll_fn(move |context| {
        if Instant::now() >= by {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        thread::spawn(move || {
            thread::sleep(by.saturating_duration_since(Instant::now()));
            waker.wake();
        });
        Poll::Pending
    })
}

/// The executor's socket: a round trip, made in its context only.
pub(crate) fn echo(address: SocketAddr) -> impl Future<Output = io::Result<()>> + Send {
    assert!(IN_CONTEXT.get(), "there is no executor here");
    let answer = Arc::new(Mutex::new(None));
    let mut asked = false;
    std::future::poll_fn(move |context| {
        if let Some(answer) = answer.lock().unwrap().take() {
            return Poll::Ready(answer);
        }
        if !std::mem::replace(&mut asked, true) {
            let (answer, waker) = (Arc::clone(&answer), context.waker().clone());
            thread::spawn(move || {
                let result = TcpStream::connect(address).and_then(|mut stream| {
                    stream.write_all(b"a")?;
                    stream.read_exact(&mut [0])
                });
                *answer.lock().unwrap() = Some(result);
                waker.wake();
            });
        }
        Poll::Pending
    })
}

pub(crate) struct Shared<P> {
    pub(crate) fault: Fault,
    pub(crate) state: Mutex<State<P>>,
    pub(crate) changed: Condvar,
}

pub(crate) struct State<P> {
    pub(crate) intake: VecDeque<P>,
    /// The payloads that were woken, for each of at most two threads.
    pub(crate) ready: [VecDeque<usize>; 2],
    /// The number of payloads that the thread has taken and not ended.
    pub(crate) alive: usize,
    pub(crate) polled: usize,
    pub(crate) cancelled: bool,
    /// The number of threads that have not ended.
    pub(crate) threads: usize,
    pub(crate) ended: bool,
    /// Whether `join` was called.
    pub(crate) joined: bool,
    pub(crate) completions: usize,
    pub(crate) probes: Vec<Probe>,
}

impl<P> Default for State<P> {
    fn default() -> Self {
        Self {
            intake: VecDeque::new(),
            ready: Default::default(),
            alive: 0,
            polled: 0,
            cancelled: false,
            threads: 0,
            ended: false,
            joined: false,
            completions: 0,
            probes: Vec::new(),
        }
    }
}

impl<P> Shared<P> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_until(
        &self,
        by: Option<Instant>,
        mut done: impl FnMut(&State<P>) -> bool,
    ) -> bool {
        let time = by.map_or(Duration::from_secs(60), |by| {
            by.saturating_duration_since(Instant::now())
        });
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), time, |state| !done(state))
            .unwrap_or_else(PoisonError::into_inner);
        done(&state)
    }
}

pub(crate) struct Task<P> {
    pub(crate) payload: P,
    pub(crate) handle: Arc<Handle<P>>,
}

/// The waker of a payload.
pub(crate) struct Handle<P> {
    pub(crate) id: usize,
    pub(crate) shared: Arc<Shared<P>>,
    /// Which of the threads it is on.
    pub(crate) worker: usize,
    /// Of its own, but for the fault that reuses those of ended payloads.
    pub(crate) queued: Arc<AtomicBool>,
    pub(crate) polled: AtomicBool,
    pub(crate) over: AtomicBool,
}

impl<P: Polled> Wake for Handle<P> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let foreign = !IN_CONTEXT.get();
        let by_runner = thread::current().name() == Some("foster runner");
        match self.shared.fault {
            Fault::LosesForeignWakes if foreign => return,
            Fault::LosesWakesInPolls if POLLING.get() == Some(self.id) => return,
            Fault::TakesWakesForItsOwn if POLLING.get().is_some_and(|id| id != self.id) => return,
            Fault::KeepsTheCancelled if by_runner => return,
            Fault::KeepsSomeCancelled if by_runner && self.id % 3 == 0 => return,
            _ => {}
        }
        if self.over.load(SeqCst) && self.shared.fault != Fault::DiesOfLateWakes {
            if self.shared.fault == Fault::ReusesMarks {
                self.queued.store(true, SeqCst);
            }
            return;
        }
        if self.queued.swap(true, SeqCst) {
            return;
        }
        if self.shared.fault == Fault::ForgetsWakesOfTheEnding && POLLING.get().is_some() {
            WOKEN_MEANWHILE.with_borrow_mut(|woken| woken.push((self.worker, self.id)));
            return;
        }
        let ready = &mut self.shared.lock().ready[self.worker];
        if self.shared.fault == Fault::HasRoomForWakes && ready.len() >= 256 {
            self.queued.store(false, SeqCst);
            return;
        }
        ready.push_back(self.id);
        self.shared.changed.notify_all();
    }
}

/// The executor thread's life.
pub(crate) fn run<P: Polled>(shared: &Arc<Shared<P>>, worker: usize) {
    let fault = shared.fault;
    IN_CONTEXT.set(true);
    let mut tasks: HashMap<usize, Task<P>> = HashMap::new();
    let mut next_id = 0;
    // The marks of payloads that are over, each with its number.
    let mut free: Vec<(usize, Arc<AtomicBool>)> = Vec::new();
    let mut steps = 0;
    let mut swept = false;
    loop {
        let mut state = shared.lock();
        if fault == Fault::EndsWhenEmpty && next_id > 0 && tasks.is_empty() {
            return;
        }
        let stops = |state: &State<P>| {
            state.cancelled
                && fault != Fault::NeverEnds
                && (fault != Fault::EndsInJoin || state.joined)
                && (state.intake.is_empty() && state.alive == 0
                    || matches!(
                        fault,
                        Fault::CancelDrops | Fault::CancelDropsElsewhere | Fault::CancelStops
                    ))
        };
        // What was woken in vain is made up for at the end.
        let sweeps =
            |state: &State<P>| fault == Fault::HasRoomForWakes && state.cancelled && !swept;
        while state.intake.is_empty()
            && state.ready[worker].is_empty()
            && state.probes.is_empty()
            && !stops(&state)
            && !sweeps(&state)
        {
            state = shared.changed.wait(state).unwrap();
        }
        let probes = std::mem::take(&mut state.probes);
        if !probes.is_empty() {
            drop(state);
            probes.into_iter().for_each(Probe::answer);
            shared.changed.notify_all();
            continue;
        }
        if stops(&state) {
            drop(state);
            match fault {
                Fault::CancelDropsElsewhere => {
                    let left: Vec<_> = tasks.drain().map(|(_, task)| task.payload).collect();
                    thread::spawn(move || drop(left)).join().unwrap();
                }
                Fault::CancelStops => std::mem::forget(tasks),
                _ => {}
            }
            return;
        }
        let batch = match fault {
            Fault::TwoThreads => state.intake.len().min(1),
            // A payload stays with the thread that took it.
            _ if P::THREADS > 1 => state.intake.len().min(1),
            _ => state.intake.len().min(64),
        };
        let new: Vec<_> = state.intake.drain(..batch).collect();
        state.alive += new.len();
        let mut ready: VecDeque<_> = match fault {
            Fault::StarvesUnderAFlood if !new.is_empty() => VecDeque::new(),
            _ => std::mem::take(&mut state.ready[worker]),
        };
        if sweeps(&state) {
            swept = true;
            ready.extend(tasks.keys());
        }
        drop(state);
        for payload in new {
            let (id, queued) = free.pop().unwrap_or_else(|| {
                next_id += 1;
                (next_id - 1, Arc::default())
            });
            queued.store(false, SeqCst);
            let handle = Arc::new(Handle {
                id,
                shared: Arc::clone(shared),
                worker,
                polled: AtomicBool::new(false),
                queued,
                over: AtomicBool::new(false),
            });
            tasks.insert(id, Task { payload, handle });
            ready.push_back(id);
        }
        for id in ready {
            let Some(mut task) = tasks.remove(&id) else {
                if fault == Fault::DiesOfLateWakes {
                    panic!("woken for nothing");
                }
                continue;
            };
            steps += 1;
            if steps > 150 && fault == Fault::DiesOnTheWay {
                panic!("in the middle");
            }
            if steps > 150 && fault == Fault::EndsOnTheWay {
                return;
            }
            task.handle.queued.store(false, SeqCst);
            if fault == Fault::DropsElsewhere && task.handle.polled.load(SeqCst) {
                thread::spawn(move || drop(task)).join().unwrap();
                shared.lock().alive -= 1;
                continue;
            }
            if poll(shared, &mut task) {
                if fault == Fault::DropsUnfinished && id % 5 == 3 {
                    drop(task);
                    shared.lock().alive -= 1;
                    continue;
                }
                tasks.insert(id, task);
                continue;
            }
            task.handle.over.store(true, SeqCst);
            if fault == Fault::PollsTheFinished {
                assert!(!poll(shared, &mut task), "it stays ready");
            }
            if fault == Fault::ReusesMarks {
                free.push((id, Arc::clone(&task.handle.queued)));
            }
            drop(task);
            let mut state = shared.lock();
            state.alive -= 1;
            state.completions += 1;
            drop(state);
            shared.changed.notify_all();
        }
    }
}

/// Polls the task; returns whether it is pending.
pub(crate) fn poll<P: Polled>(shared: &Arc<Shared<P>>, task: &mut Task<P>) -> bool {
    let fault = shared.fault;
    let waker = Waker::from(Arc::clone(&task.handle));
    let again = task.handle.polled.swap(true, SeqCst);
    let mut poll = || {
        let _lock = (fault == Fault::LocksWhilePolling).then(|| shared.lock());
        POLLING.set(Some(task.handle.id));
        let pending = Pin::new(&mut task.payload)
            .poll(&mut Context::from_waker(&waker))
            .is_pending();
        POLLING.set(None);
        let woken = WOKEN_MEANWHILE.take();
        if pending && !woken.is_empty() {
            let mut state = shared.lock();
            for (worker, id) in woken {
                state.ready[worker].push_back(id);
            }
        }
        pending
    };
    let pending = match fault {
        Fault::PollsElsewhere if again => thread::scope(|scope| scope.spawn(poll).join().unwrap()),
        Fault::NoContextAtTheEnd if again => {
            IN_CONTEXT.set(false);
            let pending = poll();
            IN_CONTEXT.set(true);
            pending
        }
        _ => poll(),
    };
    shared.lock().polled += 1;
    shared.changed.notify_all();
    pending
}
