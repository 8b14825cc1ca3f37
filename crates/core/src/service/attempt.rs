//! One run of a service, as its payload sees it: it tells what happens to it, and is told when it is to end.

use std::any::Any;

use super::answer::Answered;
use super::supervision::{Happening, RunId};
use super::supervisor::{By, supervisor};
use super::unit_core::UnitCore;
use crate::base::event::EventListener;
use crate::base::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::base::sync::{Arc, OnceLock, Weak};
use crate::errors::failure::{Cause, Failure, Origin};
use crate::lifetime::Phase;
use crate::task::{Observer, Task};

/// One run of a service. Shared by its payload, its tokens and the supervisor.
#[derive(Clone)]
pub(crate) struct Attempt(Arc<Shared>);

struct Shared {
    unit: Arc<UnitCore>,
    number: u64,
    is_requested: AtomicBool,
    task: OnceLock<Weak<Task>>,
}

impl Attempt {
    pub(super) fn new(unit: Arc<UnitCore>, number: u64) -> Self {
        Self(Arc::new(Shared {
            unit,
            number,
            is_requested: AtomicBool::new(false),
            task: OnceLock::new(),
        }))
    }

    pub(super) fn unit(&self) -> &Arc<UnitCore> {
        &self.0.unit
    }

    pub(super) fn id(&self) -> RunId {
        RunId {
            unit: self.0.unit.id,
            number: self.0.number,
        }
    }

    /// The payload, as long as there is anything of it.
    pub(super) fn task(&self) -> Option<Arc<Task>> {
        self.0.task.get()?.upgrade()
    }

    /// Its token says from here on that the end is requested.
    pub(super) fn request(&self) {
        self.0.is_requested.store(true, SeqCst);
    }

    /// The run whose payload `task` is, if it is a service's.
    pub(super) fn of(task: &Task) -> Option<&Self> {
        task.observer()?.as_any().downcast_ref()
    }

    fn bring(&self, event: Happening<Box<Failure>>) {
        let lifetime = self.unit().lifetime();
        let about = std::slice::from_ref(self.unit());
        supervisor(lifetime).bring(lifetime, By::User, event, about);
    }

    pub(super) fn notify_ready(&self) {
        self.bring(Happening::Notified(self.id()));
    }

    /// The run has come to its end by itself. What that means is decided here, in its own payload.
    pub(super) fn answer(&self, answered: Answered) {
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
    pub(super) fn keeps_value(&self) -> bool {
        let lifetime = self.unit().lifetime();
        // Once the runtime stops no other run comes.
        lifetime.phase() < Phase::Stopping && supervisor(lifetime).keeps_value(self.id())
    }
}

impl Observer for Attempt {
    fn attach(&self, task: Weak<Task>) {
        let is_first = self.0.task.set(task).is_ok();
        debug_assert!(is_first, "a run is one payload");
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
        let is_requested = self.0.is_requested.load(SeqCst);
        is_requested || self.unit().lifetime().phase() >= Phase::Cancelling
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
        self.bring(Happening::Gone {
            run: self.id(),
            can_run: self.unit().source.can_run(),
        });
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
