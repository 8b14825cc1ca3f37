//! The phases of one lifetime.
//!
//! ```text
//!                 launch            all spawned
//!   Idle ──────────────► Starting ──────────────► Running
//!     │                      │                       │
//!     │ shutdown             │ failure, shutdown     │ failure, shutdown, signal, idle
//!     ▼                      ▼                       ▼
//!   Stopping ◄───────────────┴───────────────────────┘    `stop`
//!     │ no holder is left, or grace is over                `end_grace`
//!     ▼
//!   Cancelling
//!     │ all flavours joined, or cancel time is over        `end`
//!     ▼
//!   Over
//! ```
//!
//! Phases only move down. The cause of a stop moves to Stopping itself, inside its own call; the
//! runner makes all later moves. A runtime that could not be started has no runner: it goes from
//! Stopping to Over at once (`Core::fail_to_start`).

/// How far a lifetime has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Idle,
    Starting,
    Running,
    Stopping,
    Cancelling,
    Over,
}

impl Phase {
    /// The phase with this number, which `as u8` gave.
    #[inline]
    pub(super) fn of_number(number: u8) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Starting,
            2 => Self::Running,
            3 => Self::Stopping,
            4 => Self::Cancelling,
            _ => Self::Over,
        }
    }
}
