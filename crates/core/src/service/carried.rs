//! What groups carry for all that is in them.

use super::group::Group;
use super::supervisor::supervisor;
use super::unit_core::{Attempt, UnitCore};
use crate::base::sync::Arc;
use crate::task;
use crate::task::Task;

impl Group {
    /// The value of this type that this group [carries](crate::GroupBuilder::carry), or the nearest one of those that it is in.
    pub fn carried<T: Copy + Send + Sync + 'static>(&self) -> Option<T> {
        nearest(self.known())
    }

    /// As [`carried`](Self::carried), of the group that the calling payload or service is in. In an execute or a call that is its own
    /// group, then that of its submitter, while that is there. `None` outside a payload.
    pub fn carried_here<T: Copy + Send + Sync + 'static>() -> Option<T> {
        of_task(&task::current()?)
    }
}

fn of_task<T: Copy + Send + Sync + 'static>(task: &Arc<Task>) -> Option<T> {
    if let Some(attempt) = Attempt::of(&**task) {
        return nearest(attempt.unit());
    }
    let own = supervisor(task.lifetime()).group_of_part(task.header().part());
    own.and_then(|group| nearest(&group))
        .or_else(|| of_task(&task.submitter()??))
}

fn nearest<T: Copy + Send + Sync + 'static>(unit: &Arc<UnitCore>) -> Option<T> {
    let around = std::iter::successors(Some(unit), |one| one.parent.as_ref());
    let carried = around.filter_map(|one| one.members()?.carried.as_ref());
    carried
        .filter_map(|value| value.downcast_ref())
        .next()
        .copied()
}
