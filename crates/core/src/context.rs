//! Which payload's code the calling thread runs right now.

use std::cell::Cell;
use std::sync::Arc;

use crate::record::Record;

thread_local! {
    static CURRENT: Cell<Option<Arc<Record>>> = const { Cell::new(None) };
}

/// Runs `code` as the payload of `record`. `code` must not unwind.
pub(crate) fn enter<R>(record: &Arc<Record>, code: impl FnOnce() -> R) -> R {
    // While a thread's locals are torn down there is no current payload, and code still runs.
    let outer = CURRENT.try_with(|current| current.replace(Some(Arc::clone(record))));
    let result = code();
    if let Ok(outer) = outer {
        let _ = CURRENT.try_with(|current| current.set(outer));
    }
    result
}

/// The record of the payload whose code runs on this thread.
pub(crate) fn current() -> Option<Arc<Record>> {
    CURRENT
        .try_with(|current| {
            let record = current.take();
            current.set(record.clone());
            record
        })
        .ok()
        .flatten()
}
