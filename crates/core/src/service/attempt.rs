//! One run of a service: the payload that it is, what it was asked, and what came of it.

use super::answer::{Answered, Exit, Judged};
use super::hub::Told;
use super::state::UnitState;
use super::unit::{Intent, UnitCore};
use crate::error::Reason;
use crate::event::Event;
use crate::failure::{Cause, Failure, FailureKind, contain};
use crate::lifetime::Phase;
use crate::record::Record;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

/// One run of a service. Shared by its payload, its tokens and the supervisor.
pub(crate) struct Attempt {
    unit: Arc<UnitCore>,
    record: OnceLock<Weak<Record>>,
    /// Whether this run was asked to end.
    requested: AtomicBool,
    /// Whether it had its first poll, or has its thread.
    begun: AtomicBool,
    /// Whether the supervisor wants to be told when it begins.
    awaited: AtomicBool,
    /// Whether it said that it is ready.
    notified: AtomicBool,
    course: Mutex<Course>,
    /// Notified when the run is asked to end.
    pub(crate) asked: Event,
}

/// What came of a run.
#[derive(Default)]
pub(crate) struct Course {
    /// It came to its end by itself.
    pub(crate) returned: bool,
    pub(crate) exit: Option<Exit>,
    /// A failure that its policy may make a restart of.
    pub(crate) absorbed: Option<Box<Failure>>,
    /// A failure that the runtime was told.
    pub(crate) told: bool,
}

impl Attempt {
    pub(crate) fn new(unit: Arc<UnitCore>, is_awaited: bool) -> Self {
        Self {
            unit,
            record: OnceLock::new(),
            requested: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            awaited: AtomicBool::new(is_awaited),
            notified: AtomicBool::new(false),
            course: Mutex::default(),
            asked: Event::new(),
        }
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        &self.unit
    }

    pub(crate) fn belongs_to(&self, record: Weak<Record>) {
        let unset = self.record.set(record).is_ok();
        debug_assert!(unset, "a run is one payload");
    }

    /// The payload, as long as there is anything of it.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.record.get()?.upgrade()
    }

    /// Whether this run is asked to end.
    pub(crate) fn is_requested(&self) -> bool {
        self.requested.load(SeqCst) || self.unit.lifetime().phase() >= Phase::Cancelling
    }

    /// Asks this run to end.
    pub(crate) fn request(&self) {
        self.requested.store(true, SeqCst);
        self.asked.notify();
        if let Some(record) = self.record() {
            record.wake();
        }
    }

    /// Hands the run's payload to its flavour, which has been started.
    pub(crate) fn launch(self: &Arc<Self>) {
        let launcher = Arc::clone(&self.unit.launcher);
        // The payload that was refused has told of its end; why it was is told here.
        if let Err(reason) = launcher.launch(self) {
            self.fail_to_start(reason);
        }
    }

    /// A run that could not begin has failed, unless the runtime ends.
    pub(crate) fn fail_to_start(&self, reason: Reason) {
        let cause = match reason {
            Reason::Stopping => return,
            Reason::Start(error) => Cause::lost_by("its flavour could not be started", error),
            Reason::Rejected(Some(error)) => Cause::lost_by("its flavour does not take it", error),
            _ => Cause::lost("its flavour does not take it"),
        };
        self.fail(cause);
    }

    /// The run had its first poll, or has its thread.
    pub(crate) fn begin(self: &Arc<Self>) {
        if !self.unit.policy.notifies_ready {
            self.unit.set_running();
        }
        // Said first and looked at afterwards; whoever awaits it does it the other way round.
        self.begun.store(true, SeqCst);
        if self.awaited.load(SeqCst) {
            self.tell(Told::Begun);
        } else if !self.unit.policy.notifies_ready {
            self.unit.set_was_ready();
        }
    }

    /// Has the supervisor told when the run begins; whether it has begun already.
    pub(crate) fn await_begin(&self) -> bool {
        self.awaited.store(true, SeqCst);
        self.begun.load(SeqCst)
    }

    pub(crate) fn notify_ready(self: &Arc<Self>) {
        if self.unit.policy.notifies_ready && !self.notified.swap(true, SeqCst) {
            self.tell(Told::Ready);
        }
    }

    /// The run is over.
    pub(crate) fn end(self: &Arc<Self>) {
        let told = Told::Ended(Arc::clone(self));
        if self.unit.lifetime().hub.push(told).is_err() {
            // Too late for the supervisor.
            self.unit.set_state(match self.course().told {
                true => UnitState::Failed,
                false => UnitState::Ended,
            });
        }
    }

    fn tell(self: &Arc<Self>, told: fn(Arc<Self>) -> Told) {
        // Refused only when the runtime is over, and with it all that could be done about it.
        let _ = self.unit.lifetime().hub.push(told(Arc::clone(self)));
    }

    pub(crate) fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_course(&self) -> Course {
        std::mem::take(&mut *self.course())
    }

    /// Says what `answered` means, in the run's own payload.
    pub(super) fn judge(&self, answered: Answered) -> Judged {
        let Answered { exit, mut cause } = answered;
        let policy = &self.unit.policy;
        if self.is_requested() {
            // It was asked to end, and has: how is its own business. The error is the user's, and dropped
            // where it was made.
            drop(cause.take());
        } else if cause.is_none() && policy.notifies_ready && !self.notified.load(SeqCst) {
            cause = Some(Cause::text(
                FailureKind::NotReady,
                "it ended without having said that it is ready".to_owned(),
            ));
        } else if cause.is_none() && exit.is_none() && policy.return_is_failure {
            cause = Some(Cause::text(
                FailureKind::Returned,
                "its run came to an end by itself".to_owned(),
            ));
        }
        let failed = cause.is_some();
        {
            let mut course = self.course();
            course.returned = !failed;
            course.exit = exit;
        }
        if exit == Some(Exit::Shutdown) && !failed {
            self.unit.lifetime().stop();
        }
        Judged(cause)
    }

    /// Whether the policy makes a restart of a failure that happens now.
    fn absorbs(&self) -> bool {
        self.unit.policy.restart.is_on_failure()
            && self.unit.intent() != Intent::Stop
            && self.unit.lifetime().phase() < Phase::Stopping
    }

    /// Takes a failure of this run. One that no restart can follow is the runtime's, at once: the stop
    /// begins in here.
    pub(crate) fn fail(&self, cause: Cause) {
        let failure = Failure::new(self.unit.origin(), cause);
        self.unit.set_failure(failure.clone());
        if !self.absorbs() {
            self.course().told = true;
            self.unit.lifetime().fail(failure);
            return;
        }
        trace(&failure);
        let mut course = self.course();
        let first = course.absorbed.is_none();
        if first {
            course.absorbed = Some(Box::new(failure));
        }
    }

    /// Whether another run may follow, as far as this one knows while it ends.
    pub(super) fn may_be_followed(&self) -> bool {
        let lifetime = self.unit.lifetime();
        if lifetime.phase() >= Phase::Stopping {
            return false;
        }
        match self.unit.intent() {
            Intent::Stop => return false,
            Intent::Restart => return true,
            Intent::None => {}
        }
        let restart = &self.unit.policy.restart;
        let course = self.course();
        match course.returned {
            true => restart.is_on_return() && course.exit.is_none(),
            // It panics, or has failed, or is cancelled for a start time-out.
            false => restart.is_on_failure(),
        }
    }
}

/// Tells a failure that a restart follows the moment it happens.
fn trace(failure: &Failure) {
    // A subscriber is the user's code.
    contain(|| {
        tracing::warn!(
            target: "foster",
            service = failure.payload(),
            flavour = failure.flavour(),
            location = %failure.location(),
            kind = %failure.kind(),
            chain = ?failure.chain(),
            "{}, and may be started again",
            failure.message(),
        );
    });
}
