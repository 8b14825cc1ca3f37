//! The payloads that their flavour polls by means of its own, while they are alive.

use std::task::Waker;

use crate::base::sync::Arc;
use crate::task::Task;

/// A payload that is alive, and how to have it polled again so that it sees that it is cancelled.
pub(super) struct Undriven {
    pub(super) task: Arc<Task>,
    pub(super) waker: Option<Waker>,
}
