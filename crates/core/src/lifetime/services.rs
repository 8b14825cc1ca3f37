//! The services of a runtime, as all that is below them sees them.

use std::any::Any;
use std::time::Instant;

use crate::base::sync::Arc;
use crate::errors::report::Straggler;
use crate::lifetime::Lifetime;

/// The services of one runtime that are not over. It keeps none that is: a service keeps its lifetime.
pub(crate) trait Services: Send + Sync {
    /// How many are over. Read before [`served`](Self::served), it is as large only if all were.
    fn over(&self) -> usize;

    /// How many were taken in.
    fn served(&self) -> usize;

    /// The stop has begun. Takes no lock, and leaves all else to a thread of the services'.
    fn poke(&self);

    /// The stop has begun. When this returns it can be seen in the services' states.
    fn look(&self, lifetime: &Arc<Lifetime>);

    /// When something of them falls due, for whoever moves a manual clock.
    fn next_due(&self, lifetime: &Lifetime) -> Option<Instant>;

    /// A manual clock was moved: waits until all that fell due is done.
    fn settle(&self, lifetime: &Arc<Lifetime>);

    /// The grace time is over.
    fn end_grace(&self, lifetime: &Arc<Lifetime>, by_signal: bool);

    /// The runtime is over: ends what is left of them, and waits for their threads until `by`.
    fn close(&self, lifetime: &Arc<Lifetime>, by: Instant) -> Left;

    /// For the floor of the services, which knows what is behind this.
    fn as_any(&self) -> &dyn Any;
}

/// What the services have to say for the report.
pub(crate) struct Left {
    pub(crate) stragglers: Vec<Straggler>,
    /// Who waited in vain when the stop began.
    pub(crate) in_vain: Vec<String>,
}
