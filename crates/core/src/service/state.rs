//! The states of a unit, from when its service was handed in until it is over.
//!
//! | from | to | when |
//! |---|---|---|
//! | Waiting | Starting | its turn to start has come |
//! | Starting | Running | it is ready |
//! | Running, Standby, Held | Running, Standby, Held | its run says so (`standing`) |
//! | Starting, Running | Stopping | it was asked to end |
//! | Starting, Running, Stopping | Delayed | its run has ended, and another follows (`decide`) |
//! | Delayed | Starting | the delay is over, or a restart was asked for |
//! | Starting, Running, Stopping | Starting | its run has ended, and a restart or a start was asked for |
//! | Ended, Failed | Starting, Waiting | it is startable, and a start or a restart was asked for: Waiting if others are on their way that it comes after |
//! | Waiting, Starting, Running, Stopping, Delayed | Ended, Failed | nothing follows: Failed after a failure of the last run, of the unit as a whole, or at its limit; Ended where it is stopped in a delay |
//! | Starting, Running, Stopping | LeftBehind | its run had not ended when the runtime had |
//! | Stopping | LeftBehind | it is a thread without a token in something that ends, and its time is over |
//!
//! Standby and Held are Running in all other rows. All moves are decided by the supervision, which is drawn in its own words
//! there, but for what a run says of itself, and the last ones: what is left
//! when the runtime is over, or was never started, is shown as over by the supervisor (`closing`, `entering`), and a value
//! that panics as it is dropped makes an ended unit a failed one.

use std::fmt;
use std::time::Instant;

use crate::base::sync::Arc;
use crate::errors::failure::Failure;

/// What a service is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum UnitState {
    /// Not started yet, or not started again: the runtime has not started, or a service that this one comes after is not
    /// ready.
    Waiting,
    /// Started, and not ready yet.
    Starting,
    /// Ready.
    Running,
    /// Ready, and stands by for others that do its work: see [`Standing`](crate::Standing).
    Standby,
    /// Ready, and does the work that others stand by for.
    Held,
    /// Asked to end.
    Stopping,
    /// Its run has returned, and is over when its children are: what was started in its own
    /// [group](crate::Group::current).
    Finishing,
    /// Ended; it starts again when its delay is over.
    Delayed,
    /// Over, without a failure at its end.
    Ended,
    /// Over, by a failure.
    Failed,
    /// Still running when the runtime ended: a thread that did not end in time, or was never asked to. Also a thread in a
    /// group or run that ended, if it holds no token and its time was over.
    LeftBehind,
}

impl UnitState {
    /// Whether the service has come to its end. It never starts again, unless it is
    /// [startable](crate::Settings::startable).
    pub fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed | Self::LeftBehind)
    }

    /// Whether the service is ready; if its run has returned and its children go on, it is that since then.
    pub fn is_ready(self) -> bool {
        matches!(
            self,
            Self::Running | Self::Standby | Self::Held | Self::Finishing
        )
    }
}

impl fmt::Display for UnitState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Standby => "standby",
            Self::Held => "held",
            Self::Stopping => "stopping",
            Self::Finishing => "finishing",
            Self::Delayed => "delayed",
            Self::Ended => "ended",
            Self::Failed => "failed",
            Self::LeftBehind => "left behind",
        })
    }
}

/// A snapshot of one service: an entry of [`Runtime::units`](crate::Runtime::units).
#[derive(Debug, Clone)]
pub struct UnitStatus {
    pub(super) name: Arc<str>,
    pub(super) flavour: crate::Identifier,
    pub(super) state: UnitState,
    pub(super) since: Instant,
    pub(super) restarts: u64,
    pub(super) last_failure: Option<Box<Failure>>,
    /// When its present delay is over, or the last one was; `None` if it never is.
    pub(super) next_start: Option<Instant>,
}

impl UnitStatus {
    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The identifier of its flavour.
    pub fn flavour(&self) -> &str {
        self.flavour.as_str()
    }

    /// What it is doing.
    pub fn state(&self) -> UnitState {
        self.state
    }

    /// When it entered this state, on the runtime's clock.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Its last failure, if it has failed.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.last_failure.as_deref()
    }

    /// The time of the next start on the runtime's clock, if the service waits for its delay.
    pub fn next_restart(&self) -> Option<Instant> {
        let is_delayed = self.state() == UnitState::Delayed;
        self.next_start.filter(|_| is_delayed)
    }
}
