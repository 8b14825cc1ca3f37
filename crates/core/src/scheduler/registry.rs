//! The living payloads that their flavour polls by its own means.

use std::task::Waker;

use crate::base::sync::Arc;
use crate::task::Task;

/// A living payload, and the waker that gets it polled again, to see that it is cancelled.
pub(super) struct Undriven {
    pub(super) task: Arc<Task>,
    pub(super) waker: Option<Waker>,
    /// In which second of the host's watch it began to wait for the first time, or got its thread; 0 if that is not known.
    pub(super) second: u32,
}
