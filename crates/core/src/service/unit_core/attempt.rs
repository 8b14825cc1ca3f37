//! One run of a service.

use super::UnitCore;
use crate::base::sync::Arc;
use crate::service::supervision::RunId;
use crate::task::Task;

/// One run of a service, which lies in its payload.
#[derive(Clone)]
pub(crate) struct Attempt {
    unit: Arc<UnitCore>,
    number: u64,
}

impl Attempt {
    pub(crate) fn new(unit: Arc<UnitCore>, number: u64) -> Self {
        Self { unit, number }
    }

    pub(crate) fn unit(&self) -> &Arc<UnitCore> {
        &self.unit
    }

    pub(crate) fn id(&self) -> RunId {
        RunId {
            unit: self.unit.id,
            number: self.number,
        }
    }

    /// The run whose payload `task` is, if it is a service's.
    pub(crate) fn of(task: &Task) -> Option<&Self> {
        task.observer()?.as_any().downcast_ref()
    }
}
