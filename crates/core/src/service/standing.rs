//! What a run that is ready says of itself: whether it does the work, or stands by for others that do.

use std::fmt;

use super::UnitState;
use super::supervisor::supervisor;
use super::unit_core::Attempt;
use crate::base::sync::Arc;
use crate::lifetime::telling::{Line, is_heard};
use crate::task::{self, Task};

/// A service's word for what it does once it is ready: shown as [`UnitState::Standby`] or [`UnitState::Held`] in place of
/// [`UnitState::Running`].
///
/// For services of which one at a time does the work, and the others wait for their turn. It changes nothing else: whoever stands by is
/// ready, and what comes after it starts. It holds until the run says something else or ends, and is not shown before the run
/// is ready.
///
/// ```
/// # use foster_core::{Manual, Runtime, Standing, UnitState, service};
/// # let (runtime, manual) = (Runtime::new(), Manual::new());
/// let spare = runtime.serve(service(manual.clone(), || async {
///     Standing::current().standby();
///     std::future::pending::<()>().await;
/// }))?;
/// runtime.start()?;
/// # while !manual.step() {}
/// assert_eq!(spare.state(), UnitState::Standby);
/// assert!(spare.state().is_ready());
/// # runtime.shutdown();
/// # let waits = runtime.clone();
/// # let waiting = std::thread::spawn(move || waits.wait());
/// # while !waiting.is_finished() { manual.step(); }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Standing {
    attempt: Attempt,
    task: Arc<Task>,
}

impl Standing {
    /// The word of the service whose run is executing on this thread.
    ///
    /// # Panics
    ///
    /// If no run of a service executes here.
    #[track_caller]
    pub fn current() -> Self {
        let here = "no service of a foster runtime runs here, so nothing can be said of it: take `Standing::current()` in \
                    the service's `run` and move it to where it is needed, or use `Standing::try_current`";
        Self::try_current().expect(here)
    }

    /// As [`current`](Self::current), or `None` if no run of a service executes here.
    pub fn try_current() -> Option<Self> {
        let task = task::current()?;
        let attempt = Attempt::of(&*task)?.clone();
        Some(Self { attempt, task })
    }

    /// It is ready, and waits for its turn.
    pub fn standby(&self) {
        self.say(UnitState::Standby);
    }

    /// It has its turn.
    pub fn held(&self) {
        self.say(UnitState::Held);
    }

    /// Tells a line about the service, as Foster tells its own (row I4): with this name as its `event`, on a thread for such
    /// lines, so that nobody who takes it holds up the caller. A `warning` is printed where nobody does.
    pub fn tell(&self, event: &'static str, warning: bool, text: impl Into<String>) {
        let unit = self.attempt.unit();
        let lifetime = unit.lifetime();
        match warning {
            true => lifetime.tell_line(Line::about(event, unit.origin(), text)),
            false if is_heard() => lifetime.tell_line(Line::note(event, Some(unit.origin()), text)),
            false => {}
        }
    }

    fn say(&self, standing: UnitState) {
        let unit = self.attempt.unit();
        supervisor(unit.lifetime()).stand(unit, &self.task, standing);
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.attempt.unit().name();
        f.debug_tuple("Standing").field(name).finish()
    }
}
