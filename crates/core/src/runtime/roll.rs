//! The runtime's view of its services.

use std::any::Any;

use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::lifetime::Lifetime;

/// All services of a runtime: waiting for its start, running, and over.
pub(crate) trait Roll: Send + Sync {
    /// Checks the services that wait for the start, before anything starts.
    fn seal(&self) -> Result<(), RunError>;

    /// Starts the services that wait for the start, and those that come from here on.
    ///
    /// # Errors
    ///
    /// If there is no thread for the supervisor.
    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()>;

    /// Drops the services that wait for the start, which never comes.
    fn drop_unrun(&self, lifetime: &Lifetime);

    /// For the services, which know the type behind the trait.
    fn as_any(&self) -> &dyn Any;
}
