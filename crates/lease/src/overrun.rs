//! What happens where the work of a lease does not end with it.

/// What happens where the work of a lease has not ended shortly before the lease does, although it was asked in time and cancelled:
/// a thread that goes on, or an executor that a payload blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Overrun {
    /// The process ends, a tenth of a second before the lease, with a line on standard error and status 70. Destructors and handlers of
    /// the exit do not run.
    #[default]
    Exit,
    /// A line on standard error tells. The work goes on beside that of the next holder, and only the [fence](crate::Fence) tells them
    /// apart: for work whose every effect is checked by it.
    Tell,
}
