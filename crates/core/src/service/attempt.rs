//! One run of a service, as its payload sees it: it tells what happens to it, and is told when it is to end.

use super::answer::Answered;
use super::supervision::{Event, RunId};
use super::supervisor::By;
use super::unit_core::UnitCore;
use crate::event::EventListener;
use crate::failure::{Cause, Failure};
use crate::lifetime::Phase;
use crate::record::Record;
use crate::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::sync::{Arc, OnceLock, Weak};

/// One run of a service. Shared by its payload, its tokens and the supervisor.
#[derive(Clone)]
pub(crate) struct Attempt(Arc<Shared>);

struct Shared {
    unit: Arc<UnitCore>,
    number: u64,
    is_requested: AtomicBool,
    record: OnceLock<Weak<Record>>,
}

impl Attempt {
    pub(super) fn new(unit: Arc<UnitCore>, number: u64) -> Self {
        Self(Arc::new(Shared {
            unit,
            number,
            is_requested: AtomicBool::new(false),
            record: OnceLock::new(),
        }))
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        &self.0.unit
    }

    pub(super) fn id(&self) -> RunId {
        RunId {
            unit: self.0.unit.id,
            number: self.0.number,
        }
    }

    /// Says which payload the run is, once that is made.
    pub(crate) fn belongs_to(&self, record: Weak<Record>) {
        let is_first = self.0.record.set(record).is_ok();
        debug_assert!(is_first, "a run is one payload");
    }

    /// The payload, as long as there is anything of it.
    pub(super) fn record(&self) -> Option<Arc<Record>> {
        self.0.record.get()?.upgrade()
    }

    /// Whether this run is asked to end.
    pub(crate) fn is_requested(&self) -> bool {
        let is_requested = self.0.is_requested.load(SeqCst);
        is_requested || self.unit().lifetime().phase() >= Phase::Cancelling
    }

    /// Its token says from here on that the end is requested.
    pub(super) fn request(&self) {
        self.0.is_requested.store(true, SeqCst);
    }

    /// Listens to what happens when this run is asked to end.
    pub(crate) fn listen(&self) -> EventListener {
        self.unit().listen()
    }

    fn bring(&self, event: Event<Failure>) {
        let lifetime = self.unit().lifetime();
        let about = std::slice::from_ref(self.unit());
        lifetime.supervisor.bring(lifetime, By::User, event, about);
    }

    /// The run had its first poll, or has its thread.
    pub(crate) fn begin(&self) {
        self.bring(Event::Begun(self.id()));
    }

    /// The run has taken a shutdown token.
    pub(crate) fn take_token(&self) {
        self.bring(Event::TookToken(self.id()));
    }

    pub(super) fn notify_ready(&self) {
        self.bring(Event::Notified(self.id()));
    }

    /// The run has come to its end by itself. What that means is decided here, in its own payload.
    pub(super) fn answer(&self, answered: Answered) {
        let Answered { exit, cause } = answered;
        self.bring(Event::Answered {
            run: self.id(),
            exit,
            error: cause.map(|cause| self.unit().failure(cause)),
        });
    }

    /// The run has panicked, or was lost. If that is the runtime's, its stop begins in here.
    pub(crate) fn fail(&self, cause: Cause) {
        self.bring(Event::Failed {
            run: self.id(),
            failure: self.unit().failure(cause),
            can_run: self.unit().source.can_run(),
        });
    }

    /// The run is over.
    pub(crate) fn end(&self) {
        self.bring(Event::Gone {
            run: self.id(),
            can_run: self.unit().source.can_run(),
        });
    }

    /// Whether the value of this run, which is at its end, is kept for another one.
    pub(super) fn keeps_value(&self) -> bool {
        self.unit().lifetime().supervisor.keeps_value(self.id())
    }
}
