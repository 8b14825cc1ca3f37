//! Why a lifetime stops, and how its stop and its drain began: data alone.

use std::time::Instant;

use crate::base::sync::OnceLock;
use crate::base::sync::atomic::AtomicBool;
use crate::lifetime::settings::Signal;

/// How the stop of a runtime began.
#[derive(Debug, Clone, Copy)]
pub(super) struct StopBegun {
    pub(super) why: StopReason,
    /// When, on the clock.
    pub(super) began: Instant,
    /// When, in real time, if a failure began it.
    pub(super) failing_since: Option<Instant>,
}

/// Why a runtime stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// Somebody has called for it, or it could not be started.
    Call,
    Signal(Signal),
    /// See [`Lifetime::cause`].
    Failure,
    /// A service has ended it.
    Service,
    Idle,
    /// Nobody has a handle any more.
    Dropped,
}

impl StopReason {
    /// Its name in events.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Signal(Signal::Interrupt) => "SIGINT",
            Self::Signal(Signal::Terminate) => "SIGTERM",
            Self::Signal(Signal::Hangup) => "SIGHUP",
            Self::Failure => "failure",
            Self::Service => "service",
            Self::Idle => "idle",
            Self::Dropped => "dropped",
        }
    }
}

/// The drain of a lifetime, if there is one.
#[derive(Default)]
pub(super) struct Drain {
    pub(super) begun: OnceLock<DrainBegun>,
    /// Whether the stop began as its time was over.
    pub(super) has_run_out: AtomicBool,
}

/// How a drain began.
pub(super) struct DrainBegun {
    pub(super) why: StopReason,
    /// When, on the clock.
    pub(super) at: Instant,
}
