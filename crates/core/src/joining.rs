//! Joining threads with a deadline.

use std::time::Instant;

use crate::latch::Latch;
use crate::sync::thread::{Builder, JoinHandle};
use crate::sync::{Arc, Mutex, PoisonError};

/// Threads that are about to end, and the wait for that.
///
/// A thread has not ended when its last line has run: the destructors of its thread-locals come after
/// that. They are the user's code and may block, and the standard library joins without a limit; so a
/// thread of Foster's joins, for which others wait with one.
#[derive(Debug)]
pub struct Joining {
    gone: Arc<Latch>,
    joiner: Mutex<Option<JoinHandle<()>>>,
}

impl Joining {
    /// Begins to join `threads`, which have to end without being asked to any more.
    ///
    /// Without a thread to do it on they count as gone: nothing is left to tell.
    pub fn start(threads: Vec<JoinHandle<()>>) -> Self {
        let gone = Arc::new(Latch::default());
        let opened = Arc::clone(&gone);
        let joiner = Builder::new()
            .name("foster joiner".to_owned())
            .spawn(move || {
                for thread in threads {
                    // Whether it panicked is known to whoever gave it something to do.
                    let _ = thread.join();
                }
                opened.open();
            })
            .ok();
        if joiner.is_none() {
            gone.open();
        }
        Self {
            gone,
            joiner: Mutex::new(joiner),
        }
    }

    /// Waits for the end of the threads, at most until `by`; whether they have ended.
    pub fn wait(&self, by: Instant) -> bool {
        if !self.gone.wait(by) {
            return false;
        }
        let joiner = self
            .joiner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(joiner) = joiner {
            // It has run its last line, and has no locals of the user's.
            let _ = joiner.join();
        }
        true
    }
}
