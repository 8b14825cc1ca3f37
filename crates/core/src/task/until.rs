//! The future of [`Shutdown::until_requested`](crate::Shutdown::until_requested): a value, or the end.

use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::task::token::Requested;

pin_project! {
    /// The future of [`Shutdown::until_requested`](crate::Shutdown::until_requested).
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct UntilRequested<F> {
        #[pin]
        future: F,
        requested: Requested,
        was_polled: bool,
    }
}

impl<F> UntilRequested<F> {
    pub(super) fn new(future: F, requested: Requested) -> Self {
        Self {
            future,
            requested,
            was_polled: false,
        }
    }
}

impl<F: Future> Future for UntilRequested<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
        let this = self.project();
        // Or a loop over a source that always has something would never end.
        if !replace(this.was_polled, true) && this.requested.is_requested() {
            return Poll::Ready(None);
        }
        // Before the end is looked at, as a value that is there would otherwise be lost.
        if let Poll::Ready(value) = this.future.poll(context) {
            return Poll::Ready(Some(value));
        }
        ready!(Pin::new(this.requested).poll(context));
        Poll::Ready(None)
    }
}

impl<F> fmt::Debug for UntilRequested<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UntilRequested")
            .field(&self.requested)
            .finish()
    }
}
