//! What the payload of a run tells, and asks: each is an event, or a question, of its unit.

use super::*;
use crate::base::event::EventListener;
use crate::base::sync::Weak;
use crate::errors::answer::Answered;
use crate::task::Observer;

impl Attempt {
    fn bring(&self, event: Happening<Box<Failure>>) {
        let lifetime = self.unit().lifetime();
        let about = std::slice::from_ref(self.unit());
        supervisor(lifetime).bring(lifetime, By::User, event, about);
    }

    pub(in crate::service) fn notify_ready(&self) {
        self.bring(Happening::Notified(self.id()));
    }

    /// The run has come to its end by itself. What that means is decided here, in its own payload.
    pub(in crate::service) fn answer(&self, answered: Answered) {
        let (exit, error) = match answered.0 {
            Ok(exit) => (exit, None),
            Err(cause) => (None, Some(Box::new(self.unit().failure(cause)))),
        };
        self.bring(Happening::Answered {
            run: self.id(),
            exit,
            error,
        });
    }

    /// Whether the value of this run, which is at its end, is kept for another one.
    pub(in crate::service) fn keeps_value(&self) -> bool {
        let lifetime = self.unit().lifetime();
        // Once the runtime stops no other run comes.
        let guarded = || supervisor(lifetime).lock();
        lifetime.phase() < Phase::Stopping && guarded().supervision.keeps_value(self.id())
    }
}

impl Observer for Attempt {
    fn attach(&self, task: Weak<Task>) {
        self.unit().set_task(Some(task));
    }

    fn origin(&self) -> Origin {
        self.unit().origin()
    }

    fn begin(&self) {
        self.bring(Happening::Begun(self.id()));
    }

    fn take_token(&self) {
        self.bring(Happening::TookToken(self.id()));
    }

    fn is_requested(&self) -> bool {
        self.unit().state() == UnitState::Stopping
            || self.unit().lifetime().phase() >= Phase::Cancelling
    }

    fn listen(&self) -> EventListener {
        self.unit().listen()
    }

    /// If that is the runtime's, its stop begins in here.
    fn fail(&self, cause: Cause) {
        self.bring(Happening::Failed {
            run: self.id(),
            failure: Box::new(self.unit().failure(cause)),
            can_run: self.unit().source.can_run(),
        });
    }

    fn end(&self) {
        self.unit().set_task(None);
        self.bring(Happening::Gone {
            run: self.id(),
            can_run: self.unit().source.can_run(),
        });
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
