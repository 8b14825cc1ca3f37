//! The very end of a thread.

use std::cell::RefCell;

use crate::base::latch::Latch;
use crate::base::sync::{Arc, thread_local};

thread_local! {
    /// Opens the latch of a thread that has nothing left to do. It is a thread-local, because those of payloads and of
    /// subscribers are dropped after the thread's last line and may block, and a join has no limit, so it has to wait for
    /// them. The standard library destroys the first thread-local last where the system or the library itself keeps a list
    /// of them, as on Linux, macOS and Windows.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Arc<Latch>);

/// Opens `gone` when nothing of the user's is left on the calling thread, which may then be joined without a limit. To be
/// called on the first line of a thread.
pub(crate) fn open_at_last(gone: Arc<Latch>) {
    LAST.with(|last| *last.borrow_mut() = Some(Last(gone)));
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.open();
    }
}
