//! The observer of a payload's life: the service that the payload is a run of.

use std::any::Any;

use crate::base::event::EventListener;
use crate::base::sync::Weak;
use crate::errors::failure::{Cause, Origin};
use crate::task::raw::Task;

/// Is told what happens to a payload, and answers for its token.
pub(crate) trait Observer: Send + Sync + 'static {
    /// The payload was made.
    fn attach(&self, task: Weak<Task>);

    /// The payload's name, place and flavour, as text for reports.
    fn origin(&self) -> Origin;

    /// Which run of the service it is, counted from 1.
    fn run(&self) -> u64;

    /// The payload had its first poll, and goes on, or has its thread. Not told if it ended in its first poll.
    fn begin(&self);

    /// The payload took a token.
    fn take_token(&self);

    /// Whether the payload is asked to end.
    fn is_requested(&self) -> bool;

    /// Listens for the request to end, and for the payload's end.
    fn listen(&self) -> EventListener;

    /// The payload has failed. The observer decides what that means.
    fn fail(&self, cause: Cause);

    /// The payload is over.
    fn end(&self);

    /// For the services, which know the type behind the trait.
    fn as_any(&self) -> &dyn Any;
}

/// An observer of a payload, or `()` for none.
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
