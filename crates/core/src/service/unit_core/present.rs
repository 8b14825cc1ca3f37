//! How a unit does: its state, its present run, and what others may see of it.

use std::num::NonZero;

use super::UnitCore;
use crate::base::moment::Moment;
use crate::base::sync::{Arc, MutexGuard, Weak, lock};
use crate::errors::failure::Failure;
use crate::service::state::{UnitState, UnitStatus};
use crate::task::Task;

/// How a unit does, for all who look. Its state and its next start are written under the lock of the supervisor, once that
/// knows of the unit.
pub(super) struct Present {
    state: UnitState,
    /// What the present run says of itself, shown in place of [`UnitState::Running`].
    standing: Option<UnitState>,
    was_ready: bool,
    /// The runtime as a whole is not ready before this is ready or over.
    is_awaited: bool,
    /// It was asked to stop. Only read of one that waits for the start.
    is_unwanted: bool,
    since: Moment,
    starts: u64,
    /// Boxed, as most have none.
    last_failure: Option<Box<Failure>>,
    next_start: Option<Moment>,
    /// The reload that the present run is asked for, until it looks.
    reload: Option<NonZero<u64>>,
    /// The payload of the present run.
    task: Option<Weak<Task>>,
    /// The group that the present run has made: see [`Group::current`](crate::Group::current).
    children: Option<Arc<UnitCore>>,
}

impl Present {
    pub(super) fn new(now: Moment) -> Self {
        Self {
            state: UnitState::Waiting,
            standing: None,
            was_ready: false,
            is_awaited: false,
            is_unwanted: false,
            since: now,
            starts: 0,
            last_failure: None,
            next_start: None,
            reload: None,
            task: None,
            children: None,
        }
    }

    fn shown(&self) -> UnitState {
        match (self.state, self.standing) {
            (UnitState::Running, Some(standing)) => standing,
            (state, _) => state,
        }
    }

    fn is_present(&self, task: &Arc<Task>) -> bool {
        let present = self.task.as_ref().map(Weak::as_ptr);
        present.is_some_and(|present| std::ptr::addr_eq(present, Arc::as_ptr(task)))
    }
}

impl UnitCore {
    fn lock(&self) -> MutexGuard<'_, Present> {
        lock(&self.present)
    }

    /// The group that the present run has made.
    pub(in crate::service) fn children(&self) -> Option<Arc<Self>> {
        self.lock().children.clone()
    }

    /// Sets that group; returns the one before, to be dropped where nothing is locked.
    #[must_use]
    pub(in crate::service) fn set_children(
        &self,
        children: Option<Arc<Self>>,
    ) -> Option<Arc<Self>> {
        std::mem::replace(&mut self.lock().children, children)
    }

    pub(crate) fn state(&self) -> UnitState {
        self.lock().state
    }

    /// The state as others see it: with what the run says of itself.
    pub(in crate::service) fn shown(&self) -> UnitState {
        self.lock().shown()
    }

    pub(in crate::service) fn was_ready(&self) -> bool {
        self.lock().was_ready
    }

    /// Whether it was asked to stop, of one that waits for the start.
    pub(in crate::service) fn is_unwanted(&self) -> bool {
        self.lock().is_unwanted
    }

    pub(in crate::service) fn last_failure(&self) -> Option<Failure> {
        self.lock().last_failure.as_deref().cloned()
    }

    pub(in crate::service) fn status(&self) -> UnitStatus {
        let present = self.lock();
        UnitStatus {
            name: Arc::clone(self.name()),
            flavour: self.flavour(),
            state: present.shown(),
            since: self.lifetime().instant(present.since),
            restarts: present.starts.saturating_sub(1),
            last_failure: present.last_failure.clone(),
            next_start: present.next_start.map(|next| self.lifetime().instant(next)),
        }
    }

    /// The runtime as a whole waits for it.
    pub(in crate::service) fn set_awaited(&self) {
        self.lock().is_awaited = true;
    }

    pub(in crate::service) fn is_awaited(&self) -> bool {
        self.lock().is_awaited
    }

    /// Whether the runtime as a whole has waited for it, and need not any more.
    pub(in crate::service) fn end_awaited(&self) -> bool {
        let mut present = self.lock();
        let is_decided = present.was_ready || present.state.is_over();
        is_decided && std::mem::take(&mut present.is_awaited)
    }

    /// It was asked to stop.
    pub(in crate::service) fn set_unwanted(&self, is_unwanted: bool) {
        self.lock().is_unwanted = is_unwanted;
    }

    /// Whether it never comes back.
    pub(in crate::service) fn is_gone(&self) -> bool {
        !self.is_startable && self.state().is_over()
    }

    pub(in crate::service) fn set_next_start(&self, next: Moment) {
        self.lock().next_start = Some(next).filter(|next| *next != Moment::NEVER);
    }

    /// Keeps a failure as the last one; returns the one before, whose error is the user's to drop.
    #[must_use]
    pub(in crate::service) fn set_failure(&self, failure: Failure) -> Option<Box<Failure>> {
        self.lock().last_failure.replace(Box::new(failure))
    }

    /// Changes the state. Returns whether it was another.
    pub(in crate::service) fn set_state(&self, state: UnitState, now: Moment) -> bool {
        let mut present = self.lock();
        if state == UnitState::Starting {
            // A new run is not asked what the one before was, and does not say it.
            present.reload = None;
            present.standing = None;
            present.starts += 1;
        }
        let is_change = present.state != state;
        if is_change {
            present.state = state;
            present.since = present.since.max(now);
            present.was_ready |= state == UnitState::Running;
        }
        is_change
    }

    /// Takes what a run says of itself. Whether that shows.
    pub(in crate::service) fn set_standing(
        &self,
        task: &Arc<Task>,
        standing: UnitState,
        now: Moment,
    ) -> bool {
        let mut present = self.lock();
        if !present.is_present(task) {
            return false;
        }
        let before = present.shown();
        present.standing = Some(standing);
        let is_change = present.shown() != before;
        if is_change {
            present.since = present.since.max(now);
        }
        is_change
    }

    /// The payload of the present run, as long as there is anything of it.
    pub(in crate::service) fn task(&self) -> Option<Arc<Task>> {
        self.lock().task.as_ref()?.upgrade()
    }

    pub(in crate::service) fn set_task(&self, task: Option<Weak<Task>>) {
        self.lock().task = task;
    }

    /// Whether `task` is the payload of the present run.
    pub(in crate::service) fn is_present(&self, task: &Arc<Task>) -> bool {
        self.lock().is_present(task)
    }

    /// The present run is asked in this reload.
    pub(in crate::service) fn set_reload(&self, round: u64) {
        self.lock().reload = NonZero::new(round);
    }

    /// The reload for which the run with this payload is asked, which is for whoever looks first.
    pub(in crate::service) fn take_reload(&self, task: &Arc<Task>) -> Option<u64> {
        let mut present = self.lock();
        match present.is_present(task) {
            true => present.reload.take().map(NonZero::get),
            false => None,
        }
    }
}
