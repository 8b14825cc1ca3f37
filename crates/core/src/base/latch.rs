//! A latch: something that happens once and can be waited for with a deadline.

use std::time::Instant;

use crate::base::sync::{Condvar, Mutex, PoisonError};

/// Closed until it is opened, and open from then on.
#[derive(Debug, Default)]
pub struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    /// Opens the latch and lets all waiters go on.
    pub fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    /// Blocks until the latch is open, at most until `by`. Returns whether it is open.
    pub fn wait(&self, by: Instant) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = by.saturating_duration_since(Instant::now());
        let (open, _) = self
            .opened
            .wait_timeout_while(open, left, |open| !*open)
            .unwrap_or_else(PoisonError::into_inner);
        *open
    }
}
