//! A flavour of one thread that polls an executor, as smol, tokio and most others need.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::base::latch::Latch;
use crate::base::panics::panic_message;
use crate::base::sync::sync_channel;
use crate::base::sync::thread::{self, JoinHandle};
use crate::base::sync::{Arc, Mutex, PoisonError, thread_local};
use crate::contract::flavour::{Flavour, Rejected};
use crate::contract::probe::Probe;
use crate::contract::reporter::Reporter;
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
        let name = format!("foster {}", reporter.identifier());
        let intake = Arc::new(Intake::new());
        let (made, is_made) = sync_channel(1);
        let on_thread = Arc::clone(&intake);
        let gone = Arc::new(Latch::default());
        let last = Last(Arc::clone(&gone));
        let mut thread = thread::Builder::new().name(name.clone());
        if let Some(bytes) = reporter.stack_size() {
            thread = thread.stack_size(bytes);
        }
        let handle = thread.spawn(move || {
            LAST.with(|local| *local.borrow_mut() = Some(last));
            let intake = on_thread;
            reporter.runs_here();
            let result = catch_unwind(AssertUnwindSafe(make))
                .unwrap_or_else(|panic| Err(panic_message(panic).into()));
            match result {
                Ok(executor) => {
                    let _ = made.send(Ok(()));
                    live(executor, &intake, &reporter);
                }
                Err(error) => {
                    let _ = made.send(Err(error));
                }
            }
        })?;
        let this = Self {
            intake,
            thread: Mutex::new(Some(handle)),
            gone,
            name,
        };
        match is_made.recv() {
            Ok(Ok(())) => Ok(Arc::new(this)),
            Ok(Err(error)) => {
                this.wait_for_thread();
                Err(error)
            }
            Err(_) => Err("its thread ended before it had begun".into()),
        }
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

thread_local! {
    /// Tells that an executor's thread has nothing left to do. It is a thread-local, because those
    /// of payloads are dropped after the thread's last line and may block, and a join has no limit,
    /// so it has to wait for them. The standard library destroys the first thread-local last where
    /// the system or the library itself keeps a list of them, as on Linux, macOS and Windows.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Arc<Latch>);

impl Drop for Last {
    fn drop(&mut self) {
        self.0.open();
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
