//! What the payload of a run tells, and asks: each is an event, or a question, of its unit.

use super::*;
use crate::base::event::EventListener;
use crate::base::sync::Weak;
use crate::errors::answer::{Answered, Exit};
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
            // The run ends as well, and that its groups do is no failure of it.
            Err(cause) if cause.is_of_group() && self.ends() => (None, None),
            Err(cause) => {
                let exit = cause.is_permanent().then_some(Exit::Done);
                (exit, Some(Box::new(self.unit().failure(cause))))
            }
        };
        self.bring(Happening::Answered {
            run: self.id(),
            exit,
            error,
            may_fail: self.may_fail(),
        });
    }

    /// Whether its failures are those of its unit alone: that may fail, or nobody waits for it any more.
    fn may_fail(&self) -> bool {
        self.unit().may_fail || self.is_left_behind()
    }

    /// Only what is in something else can be, before the runtime is over.
    fn is_left_behind(&self) -> bool {
        self.unit().parent.is_some() && self.unit().state() == UnitState::LeftBehind
    }

    /// Whether this run was asked to end, or is in a group that was.
    fn ends(&self) -> bool {
        let unit = self.unit();
        unit.state() == UnitState::Stopping
            || unit.closed_path().is_some()
            || unit.lifetime().phase() >= Phase::Stopping
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

    fn run(&self) -> u64 {
        self.id().number
    }

    fn begin(&self) {
        self.bring(Happening::Begun(self.id()));
    }

    fn take_token(&self) {
        self.bring(Happening::TookToken(self.id()));
    }

    fn is_requested(&self) -> bool {
        // A thread that was left behind as its group ended may take its token after that.
        let state = self.unit().state();
        matches!(state, UnitState::Stopping | UnitState::LeftBehind)
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
            can_run: self.unit().source().can_run(),
            may_fail: self.may_fail(),
        });
    }

    fn end(&self) {
        self.unit().set_task(None);
        // Bound to a name so that it is dropped after all else.
        let _children = self.unit().set_children(None);
        self.bring(Happening::Gone {
            run: self.id(),
            can_run: self.unit().source().can_run(),
        });
        if self.is_left_behind() {
            self.unit().gates_of_unit().give_back().wake();
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
