//! A flavour of one thread that polls an executor, as smol, tokio and most others need.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::base::last::open_at_last;
use crate::base::latch::Latch;
use crate::base::panics::panic_message;
use crate::base::sync::sync_channel;
use crate::base::sync::thread::{self, JoinHandle};
use crate::base::sync::{Arc, Mutex, PoisonError};
use crate::contract::flavour::{Flavour, Rejected};
use crate::contract::probe::Probe;
use crate::contract::reporter::{Reporter, Unbegun};
use crate::errors::refusal::BoxError;
use crate::parts::intake::Intake;
use crate::payload::Coroutine;

/// An executor that is made, run and dropped on a thread of its own.
pub trait Executor: Sized + 'static {
    /// Drives [`Intake::drive`] or [`Intake::feed`] on this executor until its future is ready.
    fn run(&self, intake: &Intake);

    /// Ends the executor, which has nothing left to run. Must not wait for other threads.
    fn close(self) {}
}

/// A flavour of coroutines that runs an [`Executor`] on a thread of its own. The stack of the
/// thread is as large as [`Reporter::stack_size`] says.
///
/// It is a whole flavour except for the executor: a queue that is drained in batches, the thread,
/// its end, and the report if it dies.
pub struct ExecutorThread {
    intake: Arc<Intake>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Open when nothing of the user's is left on the thread.
    gone: Arc<Latch>,
    name: String,
}

impl ExecutorThread {
    /// Starts the thread, makes the executor there with `make`, and waits until it is made.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread, or with the error of `make`. A panic of `make` is
    /// an error that carries its message.
    pub fn start<E: Executor>(
        reporter: Reporter,
        make: impl FnOnce() -> Result<E, BoxError> + Send + 'static,
    ) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let (made, is_made) = sync_channel(1);
        let this = Self::on_thread(reporter, make, move |failed| {
            let _ = made.send(failed);
        })?;
        match is_made.recv() {
            Ok(None) => Ok(Arc::new(this)),
            Ok(Some(failed)) => {
                this.wait_for_thread();
                Err(failed.error)
            }
            Err(_) => Err("its thread ended before it had begun".into()),
        }
    }

    /// As [`start`](Self::start), without the wait: for the last line of a [`Key::start`](crate::Key::start).
    ///
    /// The first payloads are handed in while the executor is made, which saves them a wake-up. The runtime waits for the
    /// executor all the same: if `make` fails, they are refused with its error, as if `Key::start` had returned that.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread.
    pub fn begin<E: Executor>(
        reporter: Reporter,
        make: impl FnOnce() -> Result<E, BoxError> + Send + 'static,
    ) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        let beginning = reporter.begin();
        let this = Self::on_thread(reporter, make, move |failed| beginning.end(failed))?;
        Ok(Arc::new(this))
    }

    /// As [`begin`](Self::begin), for an executor that can always be made: nobody waits for that. A panic of `make` is the
    /// loss of the flavour.
    ///
    /// # Errors
    ///
    /// If the operating system gives no thread.
    pub fn begin_surely<E: Executor>(
        reporter: Reporter,
        make: impl FnOnce() -> E + Send + 'static,
    ) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        reporter.begin_surely();
        let to = reporter.clone();
        let made = move |failed: Option<Unbegun>| {
            if let Some(failed) = failed {
                to.lost(format!("its executor could not be made: {}", failed.error));
            }
        };
        Ok(Arc::new(Self::on_thread(reporter, || Ok(make()), made)?))
    }

    /// Has `made` called on the thread as soon as the executor is made, or cannot be.
    fn on_thread<E: Executor>(
        reporter: Reporter,
        make: impl FnOnce() -> Result<E, BoxError> + Send + 'static,
        made: impl FnOnce(Option<Unbegun>) + Send + 'static,
    ) -> Result<Self, BoxError> {
        let name = format!("foster {}", reporter.identifier());
        let intake = Arc::new(Intake::new());
        let on_thread = Arc::clone(&intake);
        let gone = Arc::new(Latch::default());
        let last = Arc::clone(&gone);
        let mut thread = thread::Builder::new().name(name.clone());
        if let Some(bytes) = reporter.stack_size() {
            thread = thread.stack_size(bytes);
        }
        let handle = thread.spawn(move || {
            open_at_last(last);
            let intake = on_thread;
            reporter.runs_here();
            let result = catch_unwind(AssertUnwindSafe(make))
                .unwrap_or_else(|panic| Err(panic_message(panic).into()));
            match result {
                Ok(executor) => {
                    made(None);
                    live(executor, &intake, &reporter);
                }
                Err(error) => made(Some(Unbegun {
                    error,
                    payloads: Box::new(intake.give_back()),
                })),
            }
        })?;
        Ok(Self {
            intake,
            thread: Mutex::new(Some(handle)),
            gone,
            name,
        })
    }

    /// Waits for the thread, which is about to end, to give back everything it had.
    fn wait_for_thread(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// The thread's life: runs the executor, reports if it dies, and drops what is left.
fn live<E: Executor>(executor: E, intake: &Intake, reporter: &Reporter) {
    let run = catch_unwind(AssertUnwindSafe(|| executor.run(intake)));
    // Told before anything is dropped, so that the cause comes before its consequences.
    match run {
        Err(panic) => reporter.lost(format!("its executor panicked: {}", panic_message(panic))),
        Ok(()) if !intake.is_closed() => reporter.lost("its executor ended without being asked to"),
        Ok(()) => {}
    }
    intake.abandon();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| executor.close())) {
        let message = panic_message(panic);
        reporter.lost(format!(
            "its executor panicked when it was dropped: {message}"
        ));
    }
}

impl Flavour for ExecutorThread {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.intake.push(payload)
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.intake.push(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.intake.close();
    }

    fn probe(&self, probe: Probe) {
        self.intake.probe(probe);
    }

    fn join(&self, by: Instant) -> bool {
        if !self.gone.wait(by) {
            return false;
        }
        self.wait_for_thread();
        true
    }
}

impl fmt::Debug for ExecutorThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutorThread")
            .field("name", &self.name)
            .field("intake", &self.intake)
            .finish_non_exhaustive()
    }
}
