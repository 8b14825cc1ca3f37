//! The calling thread's part in Foster right now: the payload whose code it runs, and why it drops
//! one.

use std::cell::Cell;

use crate::base::sync::Arc;
use crate::base::sync::{scoped_thread_local, thread_local};
use crate::task::raw::Task;

scoped_thread_local!(static CURRENT: Arc<Task>);

thread_local! {
    static DROPPING: Cell<Dropping> = const { Cell::new(Dropping::ByFlavour) };
}

/// Runs `code` as the payload of `task`.
pub(crate) fn enter<R>(task: &Arc<Task>, code: impl FnOnce() -> R) -> R {
    CURRENT.set(task, code)
}

/// The task of the payload whose code runs on the calling thread.
pub(crate) fn current() -> Option<Arc<Task>> {
    with_current(|task| task.cloned())
}

/// Calls `code` with the task of the payload whose code runs on the calling thread.
pub(crate) fn with_current<R>(code: impl FnOnce(Option<&Arc<Task>>) -> R) -> R {
    match CURRENT.is_set() {
        true => CURRENT.with(|task| code(Some(task))),
        false => code(None),
    }
}

/// On whose behalf a payload is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropping {
    /// Its flavour's, which must have cancelled or finished it.
    ByFlavour,
    /// Its adopter's, who gets the refusal.
    Refused,
    /// The runtime's, which ends before the payload has begun.
    Unrun,
}

/// Drops `payload` and its contents on behalf of `whom`.
pub(crate) fn drop_for<P>(whom: Dropping, payload: P) {
    struct Restore(Dropping);
    impl Drop for Restore {
        fn drop(&mut self) {
            DROPPING.with(|dropping| dropping.set(self.0));
        }
    }
    // Also restored if a destructor of the user's unwinds.
    let _restore = Restore(DROPPING.with(|dropping| dropping.replace(whom)));
    drop(payload);
}

/// On whose behalf the calling thread drops a payload.
pub(crate) fn dropping() -> Dropping {
    DROPPING.with(Cell::get)
}
