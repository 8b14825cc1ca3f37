//! Readiness: how a service says that those after it may start.

use std::fmt;

use super::unit_core::Attempt;
use crate::task;

/// Tells the runtime that a service is ready, so that the services [after](crate::Settings::after) it start.
///
/// For services with the setting [`notifies_ready`](crate::Settings::notifies_ready). All others count as ready once they
/// have started; a notification of theirs changes nothing.
///
/// Clones may go anywhere, such as to tasks that the service spawned by other means.
#[derive(Clone)]
pub struct Ready {
    attempt: Attempt,
}

impl Ready {
    /// The handle of the service that runs on this thread.
    ///
    /// # Panics
    ///
    /// Outside a service: in no payload, in one that a service adopted, and in tasks that it spawned by its
    /// executor's own means. Take it in `run`, or use [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(ready) => ready,
            None => panic!(
                "no service of a foster runtime runs here, so nothing can be said to be ready: take \
                 `Ready::current()` in the service's `run` and move it to where it is needed, or use \
                 `Ready::try_current`"
            ),
        }
    }

    /// The handle of the service that runs on this thread; `None` where [`current`](Self::current) panics.
    pub fn try_current() -> Option<Self> {
        let attempt = Attempt::of(&*task::current()?)?.clone();
        Some(Self { attempt })
    }

    /// Says that the service is ready, and returns at once: the services after it are started elsewhere. A second
    /// notification changes nothing.
    pub fn notify(&self) {
        self.attempt.notify_ready();
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.attempt.unit().name();
        f.debug_tuple("Ready").field(name).finish()
    }
}
