//! Which payload's code the calling thread runs right now.

use std::cell::Cell;
use std::sync::Arc;

use crate::record::Record;

thread_local! {
    static CURRENT: Cell<Option<Arc<Record>>> = const { Cell::new(None) };
}

/// Runs `code` as the payload of `record`, and gives the record back. `code` must not unwind.
///
/// The record is moved in and out, as counting references at every poll would cost.
pub(crate) fn enter<R>(record: Arc<Record>, code: impl FnOnce() -> R) -> (Arc<Record>, R) {
    let mut record = Some(record);
    let outer = CURRENT.try_with(|current| current.replace(record.take()));
    let result = code();
    if let Ok(outer) = outer {
        record = CURRENT
            .try_with(|current| current.replace(outer))
            .ok()
            .flatten();
    }
    // While a thread's locals are torn down there is no current payload, and code still runs.
    match record {
        Some(record) => (record, result),
        None => unreachable!("what is entered is left in the same order"),
    }
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
