//! The very end of a thread.

use std::cell::RefCell;

use crate::base::latch::Latch;
use crate::base::sync::thread::JoinHandle;
use crate::base::sync::{Arc, thread_local};

thread_local! {
    /// Opens the latch of a thread that has nothing left to do. It is a thread-local, because those of payloads and of
    /// subscribers are dropped after the thread's last line and may block, and a join has no limit, so it has to wait for
    /// them. The standard library destroys the first thread-local last where the system or the library itself keeps a list
    /// of them, as on Linux, macOS and Windows. Built with GNU's tools for Windows it has no such list: see
    /// [`keep_last`].
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Arc<Latch>);

/// To be called before payloads can use thread-locals. Built with GNU's tools for Windows, the standard library destroys them in
/// the reverse order of their first use by any thread, so this is the first use of ours. What a program has used before its
/// first runtime is destroyed later still.
pub(crate) fn keep_last() {
    #[cfg(all(windows, target_env = "gnu"))]
    LAST.with(|_| ());
}

/// Opens `gone` when nothing of the user's is left on the calling thread, which may then be joined without a limit. To be
/// called on the first line of a thread.
pub(crate) fn open_at_last(gone: Arc<Latch>) {
    LAST.with(|last| *last.borrow_mut() = Some(Last(gone)));
}

/// Joins a thread of Foster's that has nothing left to do, and no locals of the user's.
///
/// Windows drops the locals of all threads under one lock of the process. One that blocks keeps every other thread from its
/// end, and a join here has no limit. So there the thread is left to end by itself.
pub(crate) fn join_idle(thread: JoinHandle<()>) {
    if cfg!(not(windows)) {
        // It catches all panics. If it did panic, nothing is lost.
        let _ = thread.join();
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.open();
    }
}
