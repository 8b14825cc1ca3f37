//! Tokio's multi-thread runtime as a flavour.

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use foster_core::{
    BoxError, Flavour, Identifier, Key, Parallel, PoolIntake, Probe, Rejected, Reporter,
};
use tokio::runtime::{Builder, Runtime};

use crate::driven::is_driven_here;
use crate::drivers;

/// The key of a flavour on several threads, with its own tokio multi-thread runtime, all drivers enabled.
///
/// Its payloads are [`Parallel`]s: their futures are `Send`, run in parallel with each other, and may
/// move between the threads at every await.
///
/// The bare name is the key with one worker for each core. Settings make another key:
///
/// ```
/// use foster_core::Runtime;
/// use foster_tokio::TokioMultiThread;
///
/// let runtime = Runtime::builder().until_idle().build();
/// runtime.adopt(TokioMultiThread, || async {})?;
/// runtime.run()?;
///
/// const POOL: TokioMultiThread = TokioMultiThread::new().worker_threads(2).thread_name("pool");
///
/// let runtime = Runtime::builder().until_idle().build();
/// for _ in 0..10 {
///     runtime.adopt(POOL, || async { tokio::task::yield_now().await })?;
/// }
/// runtime.run()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// # Limits
///
/// Jobs of `spawn_blocking` run on threads beside the workers, cannot be cancelled, and are left behind
/// when the runtime ends; so is a worker that `block_in_place` has turned into such a thread.
///
/// A payload that blocks its worker holds up no other payload, as long as another worker is free. What it has spawned by tokio's
/// own means may wait for it: tokio keeps the last one for that worker. So may payloads that yield by tokio's
/// [`yield_now`](tokio::task::yield_now): tokio wakes them when the worker has nothing else to do. Use `block_in_place` there, or
/// [`call`](foster_core::Runtime::call).
///
/// Payloads are no tasks of tokio's: one task for each worker polls them. Its budget is theirs together, and
/// [`tokio::task::id`] is its.
///
/// A panic in tokio's own code, such as that of a user's waker called by a timer, ends a worker. Tokio then
/// aborts the process, but says nothing in a release build: after the last worker the flavour is dead, and its
/// payloads are reported only as stragglers, when the runtime stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokioMultiThread {
    worker_threads: Option<usize>,
    thread_name: Option<&'static str>,
}

/// The key with its default settings, [`TokioMultiThread::new()`], as a value like `Tokio`.
#[expect(
    non_upper_case_globals,
    reason = "its type has settings, and is used like those that have none"
)]
pub const TokioMultiThread: TokioMultiThread = TokioMultiThread::new();

impl TokioMultiThread {
    /// Makes the key of a runtime with one worker for each core.
    pub const fn new() -> Self {
        Self {
            worker_threads: None,
            thread_name: None,
        }
    }

    /// Sets the number of workers; 0 means one for each core.
    pub const fn worker_threads(mut self, threads: usize) -> Self {
        self.worker_threads = match threads {
            0 => None,
            threads => Some(threads),
        };
        self
    }

    /// Sets the name of the threads; by default the flavour's.
    pub const fn thread_name(mut self, name: &'static str) -> Self {
        self.thread_name = Some(name);
        self
    }
}

/// A worker that is never idle looks at its sockets and timers after so many turns of tasks, where tokio's own number is 61, so
/// after 128 payloads. A task of tokio's own pays some 30 ns for that.
const TURNS: u32 = 2;
/// A driver has its turn after so many.
const POLLS: u32 = 64;

impl Key for TokioMultiThread {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("tokio::multi_thread") }
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        let threads = match self.worker_threads {
            Some(threads) => threads,
            None => thread::available_parallelism().map_or(1, NonZeroUsize::get),
        };
        let name = match self.thread_name {
            Some(name) => name.to_owned(),
            None => format!("foster {}", reporter.identifier()),
        };
        let stack_size = reporter.stack_size();
        try_threads(threads, stack_size)?;
        reporter.runs_on(threads);
        let workers = Arc::new(Workers::default());
        let starting = Arc::clone(&workers);
        let mut builder = Builder::new_multi_thread();
        builder
            .enable_all()
            .event_interval(TURNS)
            .worker_threads(threads)
            // A thread's name must not hold zeros; a user's may.
            .thread_name(name.replace('\0', ""))
            // Not at a thread's start: a thread started for a worker may get a blocking job instead.
            .on_thread_park(move || starting.start(threads));
        if let Some(waking) = reporter.waking() {
            builder.on_thread_unpark(move || waking.note());
        }
        if let Some(bytes) = stack_size {
            builder.thread_stack_size(bytes);
        }
        let runtime = builder.build()?;
        // Only workers park, and do so while there are no payloads.
        workers.wait_for_start(threads);
        let handle = runtime.handle().clone();
        let of_payloads = handle.clone();
        reporter.runs_where(move || is_driven_here(&of_payloads));
        let runtime = Arc::new(Mutex::new(Some(runtime)));
        let payloads = PoolIntake::new(&reporter, threads);
        // Not in `join`: after a stuck flavour the workers would have no time left to end.
        let at_end = Arc::new(AtEnd(Arc::clone(&runtime)));
        drivers::spawn(&payloads, &handle, POLLS, at_end);
        Ok(Arc::new(MultiThread {
            handle,
            runtime,
            workers,
            payloads,
        }))
    }
}

/// Checks whether so many threads can be had at once, and gives them back.
///
/// Tokio must not find out first: it panics, and its unwinding waits for the workers that have begun and
/// are never asked to end.
fn try_threads(threads: usize, stack_size: Option<usize>) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = gate.lock();
        let one = |_| {
            let thread = match stack_size {
                Some(bytes) => thread::Builder::new().stack_size(bytes),
                None => thread::Builder::new(),
            };
            thread.spawn_scoped(scope, || drop(gate.lock()))
        };
        let mut begun = Vec::new();
        let mut result = Ok(());
        for one in (0..threads).map(one) {
            match one {
                Ok(thread) => begun.push(thread),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        drop(closed);
        // Joined, after a refusal as well: the scope by itself does not wait until their stacks are free.
        for thread in begun {
            let _ = thread.join();
        }
        result
    })
}

#[derive(Debug)]
struct MultiThread {
    handle: tokio::runtime::Handle,
    runtime: Arc<Mutex<Option<Runtime>>>,
    workers: Arc<Workers>,
    payloads: PoolIntake,
}

impl Flavour for MultiThread {
    type Payload = Parallel;

    fn spawn(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        self.payloads.push(payload)
    }

    fn block_on(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        let completion = payload.completion();
        self.payloads.push(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.payloads.close();
    }

    /// By a task of its own: payloads that block some workers do not hold it up.
    fn probe(&self, probe: Probe) {
        drop(self.handle.spawn(async move { probe.answer() }));
    }

    fn join(&self, by: Instant) -> bool {
        self.workers.wait_for_end(by)
    }
}

/// Ends the runtime when no driver has it any more: no payload is left then, and no more will come.
#[derive(Debug)]
struct AtEnd(Arc<Mutex<Option<Runtime>>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        shut_down(&self.0);
    }
}

impl Drop for MultiThread {
    fn drop(&mut self) {
        // A plain drop of tokio's runtime would wait without a limit.
        shut_down(&self.runtime);
    }
}

/// Ends the runtime. Its workers end at once, its blocking jobs are not waited for.
fn shut_down(runtime: &Mutex<Option<Runtime>>) {
    let runtime = runtime
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(runtime) = runtime {
        runtime.shutdown_background();
    }
}

/// The number of the runtime's workers that have started, and that are still there.
#[derive(Debug, Default)]
struct Workers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    started: usize,
    alive: usize,
}

thread_local! {
    /// Counts this thread out as a worker when dropped. A local, as tokio's own hook comes before the
    /// destructors of payloads' locals. Where the standard library keeps the list of locals itself, as on
    /// Linux, it destroys the first local last.
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

struct Worker(Arc<Workers>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.lock().alive -= 1;
        self.0.changed.notify_all();
    }
}

impl Workers {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts the calling thread, unless it is counted already or there are `workers`.
    fn start(self: &Arc<Self>, workers: usize) {
        if WORKER.with_borrow(Option::is_some) {
            return;
        }
        let mut state = self.lock();
        if state.started < workers {
            state.started += 1;
            state.alive += 1;
            WORKER.set(Some(Worker(Arc::clone(self))));
            self.changed.notify_all();
        }
    }

    fn wait_for_start(&self, workers: usize) {
        let state = self.lock();
        let started = self
            .changed
            .wait_while(state, |state| state.started < workers);
        drop(started);
    }

    fn wait_for_end(&self, by: Instant) -> bool {
        let left = by.saturating_duration_since(Instant::now());
        let (state, _) = self
            .changed
            .wait_timeout_while(self.lock(), left, |state| state.alive > 0)
            .unwrap_or_else(PoisonError::into_inner);
        state.alive == 0
    }
}
