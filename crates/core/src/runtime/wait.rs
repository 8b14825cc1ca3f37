//! The wait for the end of a runtime, as a future.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::core::Core;
use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::errors::report::RunError;

/// The future of [`Runtime::wait_async`](crate::Runtime::wait_async).
#[must_use = "a future does nothing unless it is awaited"]
pub struct Wait {
    core: Arc<Core>,
    listener: Option<EventListener>,
}

impl Wait {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            listener: None,
        }
    }
}

impl Future for Wait {
    type Output = Result<(), RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.core.check_waiter()?;
        let (listen, look) = (|| this.core.over.listen(), || this.core.result());
        event::poll(context, &mut this.listener, listen, look)
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wait")
    }
}
