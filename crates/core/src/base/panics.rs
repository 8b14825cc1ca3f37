//! Catches panics of user code where none may unwind further.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs user code that must not stop Foster's, such as a waker's. Its panic ends here; the panic
/// hook has printed the message.
pub(crate) fn contain(code: impl FnOnce()) {
    attempt(code);
}

/// The result of user code, or `None` if it panics. The panic's value ends here as well: dropping
/// it may panic.
pub(crate) fn attempt<R>(code: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => Some(result),
        Err(panic) => {
            panic_message(panic);
            None
        }
    }
}

/// The message of a caught panic's value.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => (*text).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "a panic whose value is no text".to_owned(),
        },
    }
}

/// The message of a caught panic. The panic's value is dropped here, caught as well.
pub(crate) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = message_of(&*payload);
    if let Err(again) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        // Its destructor panicked, and so may that of the new panic: leaked, as there is no end to
        // it.
        std::mem::forget(again);
    }
    message
}
