//! Probes: whether an executor goes on.

use std::fmt;

use crate::base::event::Event;
use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicU8, Ordering::SeqCst};

const ASKED: u8 = 0;
const ANSWERED: u8 = 1;
const DROPPED: u8 = 2;

/// A question to an executor, for [`Flavour::probe`](crate::Flavour::probe): does it go on?
///
/// It is to be answered inside the executor. Dropped without an answer it says nothing, neither good nor bad: the flavour
/// cannot tell, or has ended.
pub struct Probe {
    asked: Arc<Asked>,
}

/// What becomes of one probe.
pub(crate) struct Asked {
    state: AtomicU8,
    /// Notified when it is answered or dropped.
    pub(crate) settled: Arc<Event>,
}

impl Probe {
    /// A probe; `settled` is notified when it is answered or dropped.
    pub(crate) fn new(settled: &Arc<Event>) -> (Self, Arc<Asked>) {
        let asked = Arc::new(Asked {
            state: AtomicU8::new(ASKED),
            settled: Arc::clone(settled),
        });
        let probe = Self {
            asked: Arc::clone(&asked),
        };
        (probe, asked)
    }

    /// The executor goes on.
    pub fn answer(self) {
        self.asked.settle(ANSWERED);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.asked.settle(DROPPED);
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}

impl Asked {
    fn settle(&self, as_what: u8) {
        let settled = self.state.compare_exchange(ASKED, as_what, SeqCst, SeqCst);
        if settled.is_ok() {
            self.settled.notify();
        }
    }

    /// Whether it has neither been answered nor dropped.
    pub(crate) fn is_open(&self) -> bool {
        self.state.load(SeqCst) == ASKED
    }

    /// Whether it was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.state.load(SeqCst) == ANSWERED
    }
}
