//! The payloads that their flavour polls by means of its own, while they are alive.

use std::task::Waker;

use crate::base::sync::Arc;
use crate::task::Record;

/// A payload that is alive, and how to have it polled again so that it sees that it is cancelled.
pub(super) struct Registered {
    pub(super) record: Arc<Record>,
    pub(super) waker: Option<Waker>,
}
