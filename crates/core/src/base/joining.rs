//! Joining threads with a deadline.

use std::time::{Duration, Instant};

use crate::base::last::join_idle;
use crate::base::latch::Latch;
use crate::base::sync::thread::{self, Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, PoisonError, is_finished};

/// Waits, with a deadline, for threads that are about to end.
///
/// A thread has not ended when its last line has run: the destructors of its thread-locals come
/// afterwards. They are user code and may block, and the standard library joins without a limit. So
/// a thread of Foster's joins them, and others wait for that thread with a limit.
#[derive(Debug)]
pub struct Joining {
    gone: Arc<Latch>,
    joiner: Mutex<Option<JoinHandle<()>>>,
    /// The threads to be checked by hand, if there is no joiner.
    unjoined: Vec<JoinHandle<()>>,
}

/// The pause between two checks of a thread that cannot be joined.
const GLANCE: Duration = Duration::from_millis(1);

fn take(threads: &Mutex<Vec<JoinHandle<()>>>) -> Vec<JoinHandle<()>> {
    std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Joining {
    /// Begins to join `threads`. They must be about to end: nothing here asks them to.
    ///
    /// If the operating system gives no thread to join on, they are checked again and again, and
    /// count as ended when they have run their last line.
    pub fn start(threads: Vec<JoinHandle<()>>) -> Self {
        let gone = Arc::new(Latch::default());
        let opened = Arc::clone(&gone);
        // Shared: if the joiner cannot be spawned its closure is lost, but the threads must not be.
        let parcel = Arc::new(Mutex::new(threads));
        let on_thread = Arc::clone(&parcel);
        let joiner = Builder::new()
            .name("foster joiner".to_owned())
            .spawn(move || {
                for thread in take(&on_thread) {
                    // A panic of the thread is known to its owner.
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

    /// Waits for the end of the threads, at most until `by`. Returns whether they have ended.
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
            join_idle(joiner);
        }
        true
    }
}
