//! The future of a call.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::core::Core;
use super::launch::{PayloadName, Place, Submitted};
use crate::errors::refusal::{ExecuteError, Reason};
use crate::payload::IntoPayload;
use crate::runtime::choice::Choice;

/// The future of [`Runtime::call`](crate::Runtime::call), which yields the payload's value.
///
/// It owns everything it needs and is `Send`, so it can be awaited in any flavour, or outside of
/// all. The first poll hands the payload in.
///
/// # Errors
///
/// As for [`execute`](crate::Runtime::execute), except for the deadlock.
///
/// # Panics
///
/// With the payload's own panic, when polled.
///
/// # Cancel safety
///
/// Dropping it cancels a coroutine, and a subroutine that has not started. A running subroutine
/// goes on, and its value is dropped. After the drop there is no caller, so a panic of the payload
/// is a failure.
#[must_use = "a call does nothing unless it is awaited"]
pub struct Call<T: Send + 'static> {
    state: CallState<T>,
}

enum CallState<T: Send + 'static> {
    New(Box<dyn FnOnce() -> Result<Submitted<T>, ExecuteError> + Send>),
    Submitted(Submitted<T>),
    Over,
}

impl<T: Send + 'static> Call<T> {
    pub(super) fn new<C, P>(
        core: &Arc<Core>,
        key: C,
        payload: P,
        name: PayloadName,
        place: Place,
    ) -> Self
    where
        C: Choice,
        P: IntoPayload<C::Payload, Output = T> + Send + 'static,
    {
        let core = Arc::clone(core);
        Self {
            state: CallState::New(Box::new(move || core.submit(key, payload, name, place))),
        }
    }
}

impl<T: Send + 'static> Future for Call<T> {
    type Output = Result<T, ExecuteError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let CallState::New(_) = self.state {
            if let CallState::New(submit) = std::mem::replace(&mut self.state, CallState::Over) {
                self.state = CallState::Submitted(submit()?);
            }
        }
        let CallState::Submitted(submitted) = &self.state else {
            panic!("a call was polled after it was ready");
        };
        ready!(submitted.join.poll_open(context));
        let CallState::Submitted(submitted) = std::mem::replace(&mut self.state, CallState::Over)
        else {
            unreachable!("it was submitted a moment ago");
        };
        // Over before the panic of the payload, if there is one, continues here.
        Poll::Ready(
            submitted
                .join
                .take()
                .ok_or_else(|| ExecuteError::new(submitted.origin.clone(), Reason::Cancelled)),
        )
    }
}

impl<T: Send + 'static> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            CallState::New(_) => "Call (not polled yet)",
            CallState::Submitted(_) => "Call (under way)",
            CallState::Over => "Call (over)",
        })
    }
}
