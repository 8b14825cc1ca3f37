//! How far a run has come, and what came of it.

use super::answer::Exit;
use crate::record::Record;
use crate::sync::Weak;
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
}

/// The steps that a run has taken.
#[derive(Default)]
pub(super) struct Steps(AtomicU8);

impl Steps {
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

/// What came of a run.
#[derive(Default)]
pub(crate) struct Course {
    /// Its payload, until that is over: the unit may be kept for long after that.
    pub(super) record: Option<Weak<Record>>,
    /// It came to its end by itself.
    pub(crate) returned: bool,
    pub(crate) exit: Option<Exit>,
    /// It has failed, and the runtime was told.
    pub(crate) told: bool,
}
