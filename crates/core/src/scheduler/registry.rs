//! The living payloads that their flavour polls by its own means.

use std::task::Waker;

use crate::base::sync::Arc;
use crate::task::Task;

/// A living payload, and the waker that gets it polled again, to see that it is cancelled.
pub(super) struct Undriven {
    pub(super) task: Arc<Task>,
    pub(super) waker: Option<Waker>,
}
