//! One run of a service.

use super::UnitCore;
use crate::base::sync::atomic::{AtomicBool, Ordering::SeqCst};
use crate::base::sync::{Arc, OnceLock, Weak};
use crate::service::supervision::RunId;
use crate::task::Task;

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
    pub(crate) fn new(unit: Arc<UnitCore>, number: u64) -> Self {
        Self(Arc::new(Shared {
            unit,
            number,
            is_requested: AtomicBool::new(false),
            task: OnceLock::new(),
        }))
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        &self.0.unit
    }

    pub(crate) fn id(&self) -> RunId {
        RunId {
            unit: self.0.unit.id,
            number: self.0.number,
        }
    }

    /// The payload, as long as there is anything of it.
    pub(crate) fn task(&self) -> Option<Arc<Task>> {
        self.0.task.get()?.upgrade()
    }

    /// `task` is its payload.
    pub(crate) fn set_task(&self, task: Weak<Task>) {
        let is_first = self.0.task.set(task).is_ok();
        debug_assert!(is_first, "a run is one payload");
    }

    /// Its token says from here on that the end is requested.
    pub(crate) fn request(&self) {
        self.0.is_requested.store(true, SeqCst);
    }

    pub(crate) fn was_asked(&self) -> bool {
        self.0.is_requested.load(SeqCst)
    }

    /// The run whose payload `task` is, if it is a service's.
    pub(crate) fn of(task: &Task) -> Option<&Self> {
        task.observer()?.as_any().downcast_ref()
    }
}
