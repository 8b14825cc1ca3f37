//! The identity of the calling thread.

use std::cell::Cell;

use crate::base::sync::atomic::Ordering::Relaxed;
use crate::base::sync::thread::{self, ThreadId};
use crate::base::sync::thread_local;

thread_local! {
    static ID: Cell<Option<ThreadId>> = const { Cell::new(None) };
    static NUMBER: Cell<u32> = const { Cell::new(NO_THREAD) };
}

/// The number of no thread.
pub(crate) const NO_THREAD: u32 = 0;

/// The calling thread's id, cached, as it is needed often.
pub(crate) fn current_thread() -> ThreadId {
    // The cell has no destructor, so it can be read even while the thread's locals are destroyed.
    ID.with(|id| {
        id.get().unwrap_or_else(|| {
            let current = thread::current().id();
            id.set(Some(current));
            current
        })
    })
}

/// The calling thread's number: half the size of its id, and never given out twice. After four
/// thousand million threads there are no numbers left.
#[inline]
pub(crate) fn current_number() -> u32 {
    static LAST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(NO_THREAD);
    NUMBER.with(|number| {
        if number.get() == NO_THREAD {
            let last = LAST.fetch_update(Relaxed, Relaxed, |last| last.checked_add(1));
            number.set(last.map_or(NO_THREAD, |last| last + 1));
        }
        number.get()
    })
}
