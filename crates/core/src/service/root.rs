//! All services of one runtime, behind the trait that the floors below know.

use std::any::Any;
use std::time::{Duration, Instant};

use super::registry::Registry;
use super::supervisor::Supervisor;
use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::lifetime::Lifetime;
use crate::lifetime::services::{Left, Services};

/// All services of one runtime.
pub(crate) struct Root {
    pub(super) registry: Registry,
    pub(super) supervisor: Supervisor,
}

impl Root {
    /// For a runtime with this grace time.
    pub(crate) fn new(grace: Duration) -> Self {
        Self {
            registry: Registry::default(),
            supervisor: Supervisor::new(grace),
        }
    }
}

/// The services of a runtime.
pub(super) fn root(lifetime: &Lifetime) -> &Root {
    let root = lifetime.services.as_any().downcast_ref();
    root.expect("a runtime is made with a root for its services")
}

/// The supervisor of a runtime.
pub(super) fn supervisor(lifetime: &Lifetime) -> &Supervisor {
    &root(lifetime).supervisor
}

impl Services for Root {
    fn seal(&self) -> Result<(), RunError> {
        self.registry.seal()
    }

    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()> {
        self.registry.launch(lifetime)
    }

    fn drop_unrun(&self, lifetime: &Lifetime) {
        self.registry.drop_unrun(lifetime);
    }

    fn over(&self) -> usize {
        self.supervisor.over()
    }

    fn served(&self) -> usize {
        self.supervisor.served()
    }

    fn poke(&self) {
        self.supervisor.poke();
    }

    fn look(&self, lifetime: &Arc<Lifetime>) {
        self.supervisor.look(lifetime);
    }

    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant> {
        self.supervisor.next_due(lifetime)
    }

    fn settle(&self, lifetime: &Arc<Lifetime>) {
        self.supervisor.settle(lifetime);
    }

    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool) {
        self.supervisor.end_grace(lifetime, by_signal);
    }

    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> Left {
        self.supervisor.close(lifetime, by)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
