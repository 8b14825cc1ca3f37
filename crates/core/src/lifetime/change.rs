//! What becomes of a lifetime as a whole.

/// A step in the life of a runtime: see [`Runtime::changes`](crate::Runtime::changes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuntimeChange {
    /// What was handed in before the start has been started.
    Started,
    /// All services of the start have been ready: what [`Runtime::ready`](crate::Runtime::ready) waits for.
    Ready,
    /// The runtime [drains](crate::Builder::drain): it is unready, and goes on for now.
    Draining,
    /// The stop has begun, for whatever cause.
    Stopping,
    /// The grace time has run out, or was ended. What ends in time ends without this.
    GraceOver,
    /// A [reload](crate::Runtime::reload) begins.
    Reloading,
    /// The reload is over, whether all have reloaded or not.
    Reloaded,
}
