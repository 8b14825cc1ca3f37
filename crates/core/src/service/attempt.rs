//! One run of a service: the payload that it is, what it was asked, and what came of it.

use super::answer::{Answered, Exit, Judged};
use super::hub::Told;
use super::state::UnitState;
use super::unit_core::{Intent, UnitCore};
use crate::error::Reason;
use crate::event::Event;
use crate::failure::{Cause, Failure, FailureKind, contain};
use crate::lifetime::Phase;
use crate::record::Record;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One run of a service. Shared by its payload, its tokens and the supervisor.
#[derive(Clone)]
pub(crate) enum Attempt {
    /// The first one, which is kept in the unit: most services have no other.
    First(Arc<UnitCore>),
    Later(Arc<Later>),
}

/// A run after the first.
pub(crate) struct Later {
    unit: Arc<UnitCore>,
    run: Run,
}

/// How far a run has come.
pub(crate) struct Run {
    /// Whether this run was asked to end.
    requested: AtomicBool,
    /// Whether it had its first poll, or has its thread.
    begun: AtomicBool,
    /// Whether the supervisor wants to be told when it begins.
    awaited: AtomicBool,
    /// Whether it said that it is ready.
    notified: AtomicBool,
    course: Mutex<Course>,
}

impl Run {
    pub(super) fn new() -> Self {
        Self {
            requested: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            awaited: AtomicBool::new(false),
            notified: AtomicBool::new(false),
            course: Mutex::default(),
        }
    }
}

/// What came of a run.
#[derive(Default)]
pub(crate) struct Course {
    /// Its payload, until that is over: the unit may be kept for long after that.
    record: Option<Weak<Record>>,
    /// It came to its end by itself.
    pub(crate) returned: bool,
    pub(crate) exit: Option<Exit>,
    /// A failure that its policy may make a restart of.
    pub(crate) absorbed: Option<Box<Failure>>,
    /// A failure that the runtime was told.
    pub(crate) told: bool,
}

impl Attempt {
    /// A run that follows another one.
    pub(crate) fn later(unit: Arc<UnitCore>) -> Self {
        let run = Run::new();
        Self::Later(Arc::new(Later { unit, run }))
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        match self {
            Self::First(unit) => unit,
            Self::Later(later) => &later.unit,
        }
    }

    fn run(&self) -> &Run {
        match self {
            Self::First(unit) => &unit.first_run,
            Self::Later(later) => &later.run,
        }
    }

    /// Whether both are the same run.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.run(), other.run())
    }

    /// Notified when the run is asked to end.
    pub(crate) fn asked(&self) -> &Event {
        &self.unit().changed
    }

    pub(crate) fn belongs_to(&self, record: Weak<Record>) {
        let before = self.course().record.replace(record);
        debug_assert!(before.is_none(), "a run is one payload");
    }

    /// The payload, until it is over.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.course().record.as_ref()?.upgrade()
    }

    /// Whether this run is asked to end.
    pub(crate) fn is_requested(&self) -> bool {
        self.was_requested() || self.unit().lifetime().phase() >= Phase::Cancelling
    }

    /// Whether this run was asked to end, by itself or with all others, for good.
    pub(crate) fn was_requested(&self) -> bool {
        self.run().requested.load(SeqCst) || self.is_stopped()
    }

    /// Whether the runtime's stop by itself asks this run to end: it has begun, and nobody sees to it.
    fn is_stopped(&self) -> bool {
        // The begin is said first, and the phase looked at afterwards; the stop does it the other way round.
        self.run().begun.load(SeqCst) && self.unit().stopped_since().is_some()
    }

    fn set_requested(&self) {
        self.run().requested.store(true, SeqCst);
        self.asked().notify();
    }

    /// Asks this run to end.
    pub(crate) fn request(&self) {
        self.set_requested();
        if let Some(record) = self.record() {
            record.wake();
        }
    }

    /// Asks this run to end; cancels it if it has begun and holds no token. Whether it is blocking code without
    /// one, which cannot be cancelled.
    pub(super) fn stop(&self) -> bool {
        self.request();
        let Some(record) = self.record() else {
            return false;
        };
        if record.is_holder() || record.is_settled() {
            return false;
        }
        if !record.is_blocking() {
            record.cancel();
        }
        record.is_blocking()
    }

    /// Stops this run, as the runtime does, unless the supervisor sees to the unit.
    pub(super) fn stop_unattended(&self) {
        let unit = self.unit();
        let Some(stop) = unit.lifetime().stop_begun() else {
            return;
        };
        if !unit.attendance.is_none() {
            return;
        }
        if stop.is_watched {
            unit.set_stopping();
        }
        // If it has not, it does this itself when it does.
        if self.run().begun.load(SeqCst) {
            self.stop();
        }
    }

    /// Has the supervisor see to the unit from here on, and not to leave out what was asked of it before.
    pub(super) fn attend(&self) -> bool {
        let is_unattended = self.unit().attendance.is_none();
        if is_unattended && self.is_stopped() {
            self.set_requested();
        }
        is_unattended && self.unit().attendance.attend()
    }

    /// Somebody waits for this run to be asked to end, and is to be woken for it by the supervisor.
    pub(crate) fn await_request(&self) -> &Event {
        let unit = self.unit();
        if unit.attendance.is_none() {
            // Refused only when the runtime is over.
            let _ = unit.lifetime().hub.push(Told::Asked(Arc::clone(unit)));
        }
        self.asked()
    }

    /// Hands the run's payload to its flavour, which has been started.
    pub(crate) fn launch(&self) {
        let Some(source) = self.unit().source() else {
            return;
        };
        // The payload that was refused has told of its end; why it was is told here.
        if let Err(reason) = source.launch(self.clone()) {
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
    pub(crate) fn begin(&self) {
        if !self.unit().policy().notifies_ready {
            self.unit().set_running();
        }
        // Said first and looked at afterwards; whoever awaits it does it the other way round.
        self.run().begun.store(true, SeqCst);
        if self.run().awaited.load(SeqCst) {
            self.tell(Told::Begun);
        } else if !self.unit().policy().notifies_ready {
            self.unit().set_was_ready();
        }
        // It may have missed the stop.
        self.stop_unattended();
    }

    /// Has the supervisor told when the run begins; whether it has begun already.
    pub(crate) fn await_begin(&self) -> bool {
        self.run().awaited.store(true, SeqCst);
        self.run().begun.load(SeqCst)
    }

    pub(crate) fn notify_ready(&self) {
        if self.unit().policy().notifies_ready && !self.run().notified.swap(true, SeqCst) {
            self.tell(Told::Ready);
        }
    }

    /// The run is over.
    pub(crate) fn end(&self) {
        let (returned, told, record) = {
            let mut course = self.course();
            (course.returned, course.told, course.record.take())
        };
        drop(record);
        let unit = self.unit();
        // Another run that may follow, and a value that is still there, are the supervisor's business.
        let keeps_value = unit.source().is_some_and(|source| source.keeps_value());
        let is_all = unit.intent() == Intent::None && !keeps_value;
        if is_all && unit.attendance.end(returned) {
            unit.end_unattended(returned, told);
            return;
        }
        if unit.lifetime().hub.push(Told::Ended(self.clone())).is_err() {
            // Too late for the supervisor.
            unit.set_state(match told {
                true => UnitState::Failed,
                false => UnitState::Ended,
            });
        }
    }

    fn tell(&self, told: fn(Self) -> Told) {
        // Refused only when the runtime is over, and with it all that could be done about it.
        let _ = self.unit().lifetime().hub.push(told(self.clone()));
    }

    pub(crate) fn course(&self) -> MutexGuard<'_, Course> {
        self.run()
            .course
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn take_course(&self) -> Course {
        std::mem::take(&mut *self.course())
    }

    /// Says what `answered` means, in the run's own payload.
    pub(super) fn judge(&self, answered: Answered) -> Judged {
        let Answered { exit, mut cause } = answered;
        let policy = self.unit().policy();
        if self.is_requested() {
            // It was asked to end, and has: how is its own business. The error is the user's, and dropped
            // where it was made.
            drop(cause.take());
        } else if cause.is_none() && policy.notifies_ready && !self.run().notified.load(SeqCst) {
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
            self.unit().lifetime().stop();
        }
        Judged(cause)
    }

    /// Whether the policy makes a restart of a failure that happens now.
    fn absorbs(&self) -> bool {
        self.unit().policy().restart.is_on_failure()
            && self.unit().intent() != Intent::Stop
            && self.unit().lifetime().phase() < Phase::Stopping
    }

    /// Takes a failure of this run. One that no restart can follow is the runtime's, at once: the stop
    /// begins in here.
    pub(crate) fn fail(&self, cause: Cause) {
        let failure = Failure::new(self.unit().origin(), cause);
        self.unit().set_failure(failure.clone());
        if !self.absorbs() {
            self.course().told = true;
            self.unit().lifetime().fail(failure);
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
        let lifetime = self.unit().lifetime();
        if lifetime.phase() >= Phase::Stopping {
            return false;
        }
        match self.unit().intent() {
            Intent::Stop => return false,
            Intent::Restart => return true,
            Intent::None => {}
        }
        let restart = &self.unit().policy().restart;
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
