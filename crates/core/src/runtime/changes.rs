//! What becomes of a runtime, for whoever watches.

use super::Runtime;
use crate::base::changes::Changes;
use crate::lifetime::change::RuntimeChange;

impl Runtime {
    /// A stream of the steps of this runtime's life from now on: that it runs, is ready, reloads, stops. It holds at most
    /// `capacity` changes, and at least one: see [`Changes`]. Its end is that of the runtime.
    ///
    /// Steps of different kinds that come in the same moment may be told in either order: a runtime without services may be
    /// ready before it is told that it runs.
    ///
    /// It is for those who pass this on, such as to a service manager; [`unit_changes`](Self::unit_changes) tells of
    /// services, and [`status`](Self::status) how the runtime does at present. A change may be told a moment after it can
    /// be seen.
    ///
    /// ```
    /// use foster_core::{Runtime, RuntimeChange};
    ///
    /// let runtime = Runtime::builder().until_idle().build();
    /// let mut changes = runtime.changes(16);
    /// runtime.run()?;
    /// let told: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
    /// assert!(told.contains(&RuntimeChange::Started));
    /// assert_eq!(told.last(), Some(&RuntimeChange::Stopping));
    /// # Ok::<(), foster_core::RunError>(())
    /// ```
    pub fn changes(&self, capacity: usize) -> Changes<RuntimeChange> {
        self.core().lifetime.watch_changes(capacity)
    }
}
