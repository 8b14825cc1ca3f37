//! Joining threads with a deadline.

use std::time::{Duration, Instant};

use crate::base::latch::Latch;
use crate::base::sync::thread::{self, Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, PoisonError, is_finished};

/// Threads that are about to end, and the wait for that.
///
/// A thread has not ended when its last line has run: the destructors of its thread-locals come after
/// that. They are the user's code and may block, and the standard library joins without a limit; so a
/// thread of Foster's joins, for which others wait with one.
#[derive(Debug)]
pub struct Joining {
    gone: Arc<Latch>,
    joiner: Mutex<Option<JoinHandle<()>>>,
    /// Those for which there is no joiner.
    unjoined: Vec<JoinHandle<()>>,
}

/// How long nobody looks at a thread that cannot be joined.
const GLANCE: Duration = Duration::from_millis(1);

fn take(threads: &Mutex<Vec<JoinHandle<()>>>) -> Vec<JoinHandle<()>> {
    std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Joining {
    /// Begins to join `threads`, which have to end without being asked to any more.
    ///
    /// Without a thread to do it on they are looked at, again and again, and count as gone when they have
    /// run their last line.
    pub fn start(threads: Vec<JoinHandle<()>>) -> Self {
        let gone = Arc::new(Latch::default());
        let opened = Arc::clone(&gone);
        // Shared, as a thread that cannot be spawned does not give back what it was to join.
        let parcel = Arc::new(Mutex::new(threads));
        let on_thread = Arc::clone(&parcel);
        let joiner = Builder::new()
            .name("foster joiner".to_owned())
            .spawn(move || {
                for thread in take(&on_thread) {
                    // Whether it panicked is known to whoever gave it something to do.
                    let _ = thread.join();
                }
                opened.open();
            })
            .ok();
        let mut unjoined = Vec::new();
        if joiner.is_none() {
            unjoined = take(&parcel);
            gone.open();
        }
        Self {
            gone,
            joiner: Mutex::new(joiner),
            unjoined,
        }
    }

    /// Waits for the end of the threads, at most until `by`; whether they have ended.
    pub fn wait(&self, by: Instant) -> bool {
        if !self.gone.wait(by) {
            return false;
        }
        while !self.unjoined.iter().all(is_finished) {
            if Instant::now() >= by {
                return false;
            }
            thread::sleep(GLANCE);
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
