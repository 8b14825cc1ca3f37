//! The parts of one runtime, shared by everyone who holds it.

use super::waiting::Waiting;
use crate::base::event::Event;
use crate::base::last::{join_idle, keep_last};
use crate::base::sync::channel::{self, Receiver};
use crate::base::sync::thread::JoinHandle;
use crate::base::sync::{Arc, Mutex, OnceLock, lock};
use crate::errors::failure::Failure;
use crate::errors::refusal::Reason;
use crate::errors::report::RunError;
use crate::errors::straggler::Straggler;
use crate::lifetime::settings::RuntimeSettings;
use crate::lifetime::{Lifetime, Note, Part, Phase, Services, StopReason};
use crate::runtime::site::Site;
use crate::task;

/// The state shared by the handles and the runner.
pub(crate) struct Core {
    pub(crate) lifetime: Arc<Lifetime>,
    /// For what is in no group.
    pub(crate) root: Arc<Site>,
    pub(super) waiting: Waiting,
    /// The receiving end of the failure channel, until the runtime is started.
    notes: Mutex<Option<Receiver<Note>>>,
    pub(super) result: OnceLock<Result<(), RunError>>,
    pub(super) left_behind: OnceLock<Vec<Straggler>>,
    pub(super) tolerated: OnceLock<Vec<Failure>>,
    pub(super) over: Event,
    /// The runner's thread, if `start` gave it one.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Core {
    pub(super) fn new(settings: RuntimeSettings, services: Box<dyn Services>) -> Arc<Self> {
        keep_last();
        let (sender, receiver) = channel::unbounded();
        let lifetime = Lifetime::new(settings, services, sender);
        Arc::new(Self {
            root: Site::new(Part::of_runtime(Arc::clone(&lifetime))),
            lifetime,
            waiting: Waiting::default(),
            notes: Mutex::new(Some(receiver)),
            result: OnceLock::new(),
            left_behind: OnceLock::new(),
            tolerated: OnceLock::new(),
            over: Event::new(),
            thread: Mutex::default(),
        })
    }

    /// Takes the right to run this runtime. There is only one.
    pub(super) fn claim(&self) -> Result<Receiver<Note>, RunError> {
        if lock(&self.notes).is_some() {
            // Wrong services are reported before anything starts, so that the program can correct
            // them.
            self.lifetime.services.seal()?;
        }
        self.take_notes().ok_or_else(RunError::already_started)
    }

    /// The runner's end of the channel, unless it was taken already.
    pub(super) fn take_notes(&self) -> Option<Receiver<Note>> {
        lock(&self.notes).take()
    }

    /// Keeps the runner's thread, for joining it.
    pub(super) fn keep_thread(&self, thread: JoinHandle<()>) {
        *lock(&self.thread) = Some(thread);
    }

    pub(super) fn finish(
        &self,
        result: Result<(), RunError>,
        left_behind: Vec<Straggler>,
        tolerated: Vec<Failure>,
    ) {
        // Only the runner comes here, and once.
        let _ = self.tolerated.set(tolerated);
        let _ = self.left_behind.set(left_behind);
        let _ = self.result.set(result);
        self.lifetime.wake_aside(self.over.notify_threads());
    }

    pub(super) fn fail_to_start(&self, error: RunError) -> RunError {
        self.lifetime.stop(StopReason::Call);
        // There is no runner to report failures of the destructors of waiting payloads.
        self.lifetime.close_ledger(true);
        self.waiting.drop_unrun();
        self.lifetime.services.end_unrun(&self.lifetime);
        self.lifetime.end();
        self.finish(Err(error.clone()), Vec::new(), Vec::new());
        error
    }

    pub(super) fn check_waiter(&self) -> Result<(), RunError> {
        if lock(&self.notes).is_some() {
            return Err(RunError::not_started());
        }
        match task::current() {
            Some(task) if Arc::ptr_eq(task.lifetime(), &self.lifetime) => {
                Err(RunError::inside_itself())
            }
            _ => Ok(()),
        }
    }

    /// The result, once it exists. The runner's thread is about to end by then, and has ended before the first waiter goes
    /// on, except on Windows.
    pub(super) fn result(&self) -> Option<Result<(), RunError>> {
        let result = self.result.get()?.clone();
        if let Some(thread) = lock(&self.thread).take() {
            join_idle(thread);
        }
        Some(result)
    }

    /// Whether an execute or a call may begin now.
    pub(super) fn admits_execute(&self, site: &Site) -> Result<(), Reason> {
        match self.lifetime.phase() {
            _ if site.part.phase() >= Phase::Cancelling => Err(site.closed()),
            Phase::Idle => Err(Reason::NotRunning),
            Phase::Starting | Phase::Running => Ok(()),
            // The grace time. Without a start there are no flavours to run the payload.
            Phase::Stopping if self.lifetime.was_launched() => Ok(()),
            _ => Err(Reason::Stopping),
        }
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        // A service keeps its lifetime, which keeps the services.
        self.lifetime.services.forget();
    }
}
