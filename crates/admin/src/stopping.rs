//! When it ends.

use std::time::Duration;

use foster_core::status::Status;

/// How often it looks whether a stop still waits for others.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// How much of the grace time it leaves, so that it is none that overran it.
const LEFT: Duration = Duration::from_millis(100);

/// Whether it is over for a service that was asked to end: at once if it is asked alone; while the runtime stops, when
/// that waits for nobody else, or has no more time.
pub(crate) fn is_over(status: &Status) -> bool {
    let Some(stop) = &status.stop else {
        return true;
    };
    stop.is_empty() || stop.grace_left <= LEFT
}
