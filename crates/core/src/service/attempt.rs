//! One run of a service: the payload that it is, what it was asked, and what came of it.

use super::answer::{Answered, Exit, Judged};
use super::course::{Course, Step};
use super::hub::Told;
use super::state::UnitState;
use super::unit_core::{Intent, UnitCore};
use crate::error::Reason;
use crate::event::EventListener;
use crate::failure::{Cause, Failure, FailureKind};
use crate::lifetime::Phase;
use crate::record::Record;
use crate::sync::{Arc, Mutex, PoisonError, Weak};
use crate::telling::Line;

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
    course: Course,
    /// Its payload, until that is over.
    record: Mutex<Option<Weak<Record>>>,
}

impl Attempt {
    /// A run that follows another one.
    pub(crate) fn later(unit: Arc<UnitCore>) -> Self {
        Self::Later(Arc::new(Later {
            unit,
            course: Course::default(),
            record: Mutex::default(),
        }))
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        match self {
            Self::First(unit) => unit,
            Self::Later(later) => &later.unit,
        }
    }

    fn course(&self) -> &Course {
        match self {
            Self::First(unit) => &unit.course,
            Self::Later(later) => &later.course,
        }
    }

    /// Calls `look` with the run's payload, if it has one, under a lock.
    fn with_record<R>(&self, look: impl FnOnce(&mut Option<Weak<Record>>) -> R) -> R {
        match self {
            Self::First(unit) => look(&mut unit.lock().record),
            Self::Later(later) => {
                let record = later.record.lock();
                look(&mut record.unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// Whether both are the same run.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.course(), other.course())
    }

    pub(crate) fn belongs_to(&self, record: Weak<Record>) {
        let before = self.with_record(|known| known.replace(record));
        debug_assert!(before.is_none(), "a run is one payload");
    }

    /// The payload, until it is over.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        self.with_record(|record| record.as_ref()?.upgrade())
    }

    /// Whether this run is asked to end.
    pub(crate) fn is_requested(&self) -> bool {
        self.was_requested() || self.unit().lifetime().phase() >= Phase::Cancelling
    }

    /// Whether somebody has asked this run to end, or the runtime's stop by itself does.
    pub(crate) fn was_requested(&self) -> bool {
        let is_asked = || self.course().has(Step::Requested);
        if is_asked() {
            return true;
        }
        let unit = self.unit();
        if unit.stopped_since().is_some() {
            return true;
        }
        // The supervisor may see to the unit from right now on, and is about to say so.
        unit.lifetime().stop_begun().is_some() && {
            let _own = unit.lock();
            is_asked()
        }
    }

    fn set_requested(&self) {
        self.course().take(Step::Requested);
        self.unit().notify();
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
        self.cancel_without_token()
    }

    fn cancel_without_token(&self) -> bool {
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
        self.request();
        // The begin is said first, and the phase looked at afterwards; the stop does it the other way round.
        if self.course().has(Step::Begun) {
            self.cancel_without_token();
        }
    }

    /// Listens to what happens when this run is asked to end. From here on the supervisor asks it.
    pub(crate) fn listen(&self) -> EventListener {
        let unit = self.unit();
        let listener = unit.listen();
        if unit.attendance.is_none() {
            // Refused only when the runtime is over.
            let _ = unit.lifetime().hub.push(Told::Asked(Arc::clone(unit)));
        }
        listener
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
        if let Some(cause) = reason.into_cause() {
            self.fail(cause);
        }
    }

    /// The run had its first poll, or has its thread.
    pub(crate) fn begin(&self) {
        if !self.unit().policy().notifies_ready {
            self.unit().set_running();
        }
        // Said and looked at in one step; whoever awaits it does the same.
        if self.course().take(Step::Begun).has(Step::Awaited) {
            self.tell(Told::Begun);
        } else if !self.unit().policy().notifies_ready {
            self.unit().set_was_ready();
        }
        // It may have missed the stop.
        self.stop_unattended();
    }

    /// Has the supervisor told when the run begins; whether it has begun already.
    pub(crate) fn await_begin(&self) -> bool {
        self.course().take(Step::Awaited).has(Step::Begun)
    }

    pub(crate) fn notify_ready(&self) {
        let notifies = self.unit().policy().notifies_ready;
        if !notifies || self.course().take(Step::Notified).has(Step::Notified) {
            return;
        }
        let unit = self.unit();
        if unit.attendance.is_none() {
            unit.set_was_ready();
            unit.set_running_unattended();
        } else {
            self.tell(Told::Ready);
        }
    }

    /// Whether the run has said that it is ready.
    pub(crate) fn has_notified(&self) -> bool {
        self.course().has(Step::Notified)
    }

    /// The run is over.
    pub(crate) fn end(&self) {
        let unit = self.unit();
        // Another run that may follow, and a value that is still there, are the supervisor's business.
        let is_all = unit.intent() == Intent::None
            && !self.may_be_followed()
            && !unit.has_absorbed()
            && !unit.source().is_some_and(|source| source.keeps_value());
        let has_failed = self.has_told();
        if is_all && unit.attendance.end(self.has_returned()) {
            unit.end_unattended(self.has_returned(), has_failed);
            return;
        }
        drop(self.with_record(Option::take));
        if unit.lifetime().hub.push(Told::Ended(self.clone())).is_err() {
            // Too late for the supervisor.
            unit.set_state(match has_failed {
                true => UnitState::Failed,
                false => UnitState::Ended,
            });
        }
    }

    fn tell(&self, told: fn(Self) -> Told) {
        // Refused only when the runtime is over, and with it all that could be done about it.
        let _ = self.unit().lifetime().hub.push(told(self.clone()));
    }

    /// Whether it came to its end by itself.
    pub(crate) fn has_returned(&self) -> bool {
        self.course().has(Step::Returned)
    }

    /// Whether it has said what is to become of its service.
    pub(crate) fn has_exited(&self) -> bool {
        self.course().has(Step::Exited)
    }

    /// Whether it has failed, and the runtime was told.
    pub(crate) fn has_told(&self) -> bool {
        self.course().has(Step::Told)
    }

    /// Says what `answered` means, in the run's own payload.
    pub(super) fn judge(&self, answered: Answered) -> Judged {
        let Answered { exit, mut cause } = answered;
        let policy = self.unit().policy();
        if self.is_requested() {
            // It was asked to end, and has: how is its own business. The error is the user's, and dropped
            // where it was made.
            drop(cause.take());
        } else if cause.is_none() && policy.notifies_ready && !self.has_notified() {
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
        if cause.is_none() {
            self.course().take(Step::Returned);
            if exit.is_some() {
                self.course().take(Step::Exited);
            }
            if exit == Some(Exit::Shutdown) {
                self.unit().lifetime().stop();
            }
        }
        Judged(cause)
    }

    /// Whether the policy makes a restart of a failure that happens now.
    fn absorbs(&self) -> bool {
        self.unit().policy().restart().is_on_failure()
            && self.unit().intent() != Intent::Stop
            && self.unit().lifetime().phase() < Phase::Stopping
    }

    /// Takes a failure of this run. One that no restart can follow is the runtime's, at once: the stop
    /// begins in here.
    pub(crate) fn fail(&self, cause: Cause) {
        let failure = Failure::new(self.unit().origin(), cause);
        self.unit().set_failure(failure.clone());
        if !self.absorbs() {
            self.course().take(Step::Told);
            self.unit().lifetime().fail(failure);
            return;
        }
        let line = Line::followed(failure.clone(), "and may be started again");
        self.unit().lifetime().tell_line(line);
        self.unit().absorb(failure);
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
        let restart = self.unit().policy().restart();
        match self.has_returned() {
            true => restart.is_on_return() && !self.has_exited(),
            // It panics, or has failed, or is cancelled for a start time-out.
            false => restart.is_on_failure(),
        }
    }
}
