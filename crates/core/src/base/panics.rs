//! Code of the user's that may panic where no panic may go on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the user's that must not stop Foster's, such as a waker's: its panic ends here, with
/// the message that the panic hook has printed.
pub(crate) fn contain(code: impl FnOnce()) {
    attempt(code);
}

/// What `code` of the user's returns, or none if it panics. The panic's value ends here as well: it may
/// panic when it is dropped.
pub(crate) fn attempt<R>(code: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => Some(result),
        Err(panic) => {
            panic_message(panic);
            None
        }
    }
}

/// The message of a caught panic. The panic's value is dropped here, caught as well.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = match payload.downcast_ref::<&'static str>() {
        Some(text) => (*text).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "a panic whose value is no text".to_owned(),
        },
    };
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        // Its destructor panicked, and the new panic's might: leaked, as there is no end to it.
        std::mem::forget(again);
    }
    message
}
