//! How far a run has come, and what came of it.

use crate::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// A step that a run takes once.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Step {
    /// It was asked to end.
    Requested = 1,
    /// It had its first poll, or has its thread.
    Begun = 1 << 1,
    /// The supervisor wants to be told when it begins.
    Awaited = 1 << 2,
    /// It said that it is ready.
    Notified = 1 << 3,
    /// It came to its end by itself.
    Returned = 1 << 4,
    /// It said what is to become of the service then.
    Exited = 1 << 5,
    /// It has failed, and the runtime was told.
    Told = 1 << 6,
}

/// The steps that a run has taken.
#[derive(Default)]
pub(super) struct Course(AtomicU8);

impl Course {
    pub(super) fn has(&self, step: Step) -> bool {
        self.0.load(SeqCst) & step as u8 != 0
    }

    /// Takes a step; which were taken before.
    pub(super) fn take(&self, step: Step) -> Before {
        Before(self.0.fetch_or(step as u8, SeqCst))
    }
}

/// The steps that a run had taken before another one.
pub(super) struct Before(u8);

impl Before {
    pub(super) fn has(&self, step: Step) -> bool {
        self.0 & step as u8 != 0
    }
}
