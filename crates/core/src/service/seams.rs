//! The services of one runtime, behind the traits that the floors below know.

use std::any::Any;
use std::time::Instant;

use super::registry::Registry;
use super::supervisor::Supervisor;
use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::lifetime::{Lifetime, Services, ServicesReport};
use crate::runtime::{Core, Roll};

/// The supervisor of a runtime.
pub(super) fn supervisor(lifetime: &Lifetime) -> &Supervisor {
    let supervisor = lifetime.services.as_any().downcast_ref();
    supervisor.expect("a lifetime is made with a supervisor")
}

/// All services that a runtime knows.
pub(super) fn registry(core: &Core) -> &Registry {
    let registry = core.roll.as_any().downcast_ref();
    registry.expect("a runtime is made with a registry")
}

impl Roll for Registry {
    fn seal(&self) -> Result<(), RunError> {
        Registry::seal(self)
    }

    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()> {
        Registry::launch(self, lifetime)
    }

    fn drop_unrun(&self, lifetime: &Lifetime) {
        Registry::drop_unrun(self, lifetime);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Services for Supervisor {
    fn over(&self) -> usize {
        Supervisor::over(self)
    }

    fn served(&self) -> usize {
        Supervisor::served(self)
    }

    fn poke(&self) {
        Supervisor::poke(self);
    }

    fn look(&self, lifetime: &Arc<Lifetime>) {
        Supervisor::look(self, lifetime);
    }

    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant> {
        Supervisor::next_due(self, lifetime)
    }

    fn settle(&self, lifetime: &Arc<Lifetime>) {
        Supervisor::settle(self, lifetime);
    }

    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool) {
        Supervisor::end_grace(self, lifetime, by_signal);
    }

    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> ServicesReport {
        Supervisor::close(self, lifetime, by)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
