//! The way back from the traits that the floors below know to the services of one runtime.

use super::registry::Registry;
use super::supervisor::Supervisor;
use crate::lifetime::Lifetime;
use crate::runtime::Core;

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
