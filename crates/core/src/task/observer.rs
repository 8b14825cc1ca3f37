//! Who observes a payload's life: the service whose run it is.

use std::any::Any;

use crate::base::event::EventListener;
use crate::base::sync::Weak;
use crate::errors::failure::{Cause, Origin};
use crate::task::raw::Task;

/// Told what happens to a payload, and asked what its token says.
pub(crate) trait Observer: Send + Sync + 'static {
    /// The payload was made.
    fn attach(&self, task: Weak<Task>);

    /// Who the payload is, in words.
    fn origin(&self) -> Origin;

    /// The payload had its first poll, or has its thread.
    fn begin(&self);

    /// The payload took a token.
    fn take_token(&self);

    /// Whether the payload is asked to end.
    fn is_requested(&self) -> bool;

    /// Listens to what happens when the payload is asked to end, and when it is over.
    fn listen(&self) -> EventListener;

    /// The payload has failed. What that means is decided by whoever observes it.
    fn fail(&self, cause: Cause);

    /// The payload is over.
    fn end(&self);

    /// For the floor of the services, which knows what is behind this.
    fn as_any(&self) -> &dyn Any;
}

/// Somebody who observes a payload, or `()`: nobody.
pub(crate) trait Observed: Send + Sync + 'static {
    const IS_OBSERVED: bool;

    fn observer(&self) -> Option<&dyn Observer>;
}

impl Observed for () {
    const IS_OBSERVED: bool = false;

    fn observer(&self) -> Option<&dyn Observer> {
        None
    }
}

impl<O: Observer> Observed for O {
    const IS_OBSERVED: bool = true;

    fn observer(&self) -> Option<&dyn Observer> {
        Some(self)
    }
}
