//! The services that were handed in, as the runtime sees them.

use std::any::Any;

use crate::base::sync::Arc;
use crate::errors::report::RunError;
use crate::lifetime::Lifetime;

/// All services that a runtime knows: those that wait for its start, those that run, and those that are over.
pub(crate) trait Roll: Send + Sync {
    /// Checks those that wait for the start, before anything starts.
    fn seal(&self) -> Result<(), RunError>;

    /// Starts those that wait for the start, and those that come from here on.
    ///
    /// # Errors
    ///
    /// If there is no thread for their supervisor.
    fn launch(&self, lifetime: &Arc<Lifetime>) -> std::io::Result<()>;

    /// Drops those that wait for the start, which never comes.
    fn drop_unrun(&self, lifetime: &Lifetime);

    /// For the floor of the services, which knows what is behind this.
    fn as_any(&self) -> &dyn Any;
}
