//! What is kept of the watch on one host.

use std::time::Duration;

use crate::base::clock::{Alarm, Clock};
use crate::base::sync::atomic::{AtomicU32, Ordering::Relaxed};
use crate::base::sync::{Arc, Mutex, MutexGuard, Weak, lock};
use crate::contract::probe::Asked;
use crate::contract::waking::{Waking, Watcher};
use crate::errors::failure::Origin;
use crate::scheduler::stalls::Stalls;

/// How long a look by a manual clock waits for the answer, in real time: executors do not follow the clock in that.
const PATIENCE: Duration = Duration::from_secs(1);

/// A payload's key, and its name. Not the payload itself, as that has the host: the two would keep each other when nobody
/// looks any more.
pub(super) type Named = (usize, Origin);

/// The watch on one host.
pub(super) struct Watch {
    pub(super) waking: Waking,
    /// The seconds from the lifetime's beginning to the last look, or the beginning of the watch; and one more.
    pub(super) seconds: AtomicU32,
    state: Mutex<State>,
}

pub(super) struct State {
    /// `None` where nobody watches.
    pub(super) stalls: Option<Stalls>,
    /// By a manual clock.
    pub(super) alarm: Option<Alarm>,
    pub(super) asked: Option<Arc<Asked>>,
    /// Who is to blame, as long as that is told.
    pub(super) named: Vec<Named>,
}

impl State {
    pub(super) fn wait_for_answer(&self) {
        if let Some(asked) = &self.asked {
            let is_settled = || (!asked.is_open()).then_some(());
            let _in_time = asked.settled.wait(&Clock::system(), PATIENCE, is_settled);
        }
    }
}

impl Watch {
    pub(super) fn new(watcher: Weak<dyn Watcher>) -> Self {
        Self {
            waking: Waking::new(watcher),
            seconds: AtomicU32::new(0),
            state: Mutex::new(State {
                stalls: None,
                alarm: None,
                asked: None,
                named: Vec::new(),
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The present second, and one more; 0 if nobody watches.
    pub(super) fn second(&self) -> u32 {
        self.seconds.load(Relaxed)
    }
}
