//! A flavour of one runtime, independent of its payloads' type.

use std::any::Any;
use std::time::Instant;

use crate::base::sync::{Arc, OnceLock};
use crate::contract::flavour::Flavour;
use crate::contract::probe::Probe;
use crate::contract::reporter::Reporter;
use crate::errors::refusal::BoxError;

/// The runner's view of a flavour, independent of its payloads' type.
pub(crate) trait Backend: Send + Sync {
    fn cancel(&self);
    fn join(&self, by: Instant) -> bool;
    /// Has its executor answer, if it was started.
    fn probe(&self, probe: Probe);
    /// Whether it was started.
    fn is_up(&self) -> bool;
    /// The [`Typed`] in it.
    fn typed(&self) -> &dyn Any;
    /// The [`Keyed`] that it is.
    fn as_any(&self) -> &dyn Any;
}

type Starter<P> = dyn Fn(Reporter) -> Result<Arc<dyn Flavour<Payload = P>>, BoxError> + Send + Sync;

/// A flavour for payloads of type `P`, and the way to start it.
pub(crate) struct Typed<P> {
    starter: Box<Starter<P>>,
    flavour: OnceLock<Arc<dyn Flavour<Payload = P>>>,
}

impl<P> Typed<P> {
    pub(crate) fn new(starter: Box<Starter<P>>) -> Self {
        Self {
            starter,
            flavour: OnceLock::new(),
        }
    }

    /// Starts the flavour. [`keep`](Self::keep) stores it.
    pub(crate) fn start(
        &self,
        reporter: Reporter,
    ) -> Result<Arc<dyn Flavour<Payload = P>>, BoxError> {
        (self.starter)(reporter)
    }

    pub(crate) fn keep(
        &self,
        flavour: Arc<dyn Flavour<Payload = P>>,
    ) -> &Arc<dyn Flavour<Payload = P>> {
        self.flavour.get_or_init(|| flavour)
    }

    /// The flavour, if it was started.
    #[inline]
    pub(crate) fn flavour(&self) -> Option<&Arc<dyn Flavour<Payload = P>>> {
        self.flavour.get()
    }
}
