//! How a runtime does: plain values, which hold nothing of it.

use std::fmt;
use std::time::Duration;

use crate::service::state::UnitState;

/// How a runtime does at one moment: see [`Runtime::status`](crate::Runtime::status).
///
/// A plain value. With the feature `serde` it can be written and read, durations as numbers of seconds.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Status {
    /// How far its life has come.
    pub state: RuntimeState,
    /// For how long it has been that.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub state_age: Duration,
    /// For how long there has been this runtime.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub age: Duration,
    /// Whether all services of the start have been ready: what [`Runtime::ready`](crate::Runtime::ready) waits for.
    pub is_ready: bool,
    /// Its drain, as long as that goes on.
    #[cfg_attr(feature = "serde", serde(default))]
    pub drain: Option<DrainStatus>,
    /// Its stop, once that has begun.
    pub stop: Option<StopStatus>,
    /// How many failures it has had that are in the report, or will be.
    pub failures: usize,
    /// Its flavours, those that nothing was started on included.
    pub flavours: Vec<FlavourStatus>,
    /// Its services and groups: each before what is in it, beside each other in the order in which they were handed in.
    pub units: Vec<UnitNode>,
    /// Its payloads that are no runs of services, those of one name or place together, the most first.
    ///
    /// One that was handed in and had no turn yet is counted with its [flavour](FlavourStatus::queued) alone.
    pub payloads: Vec<PayloadStatus>,
}

/// How far a runtime's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RuntimeState {
    /// Not started.
    Waiting,
    /// What was handed in before the start is being started.
    Starting,
    /// It runs.
    Running,
    /// It runs, and is to get nothing new: see [`Builder::drain`](crate::Builder::drain).
    Draining,
    /// It stops: who holds a token has the grace time.
    Stopping,
    /// It stops: what is left is dropped where it awaits.
    Cancelling,
    /// It is over.
    Over,
}

impl fmt::Display for RuntimeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Cancelling => "cancelling",
            Self::Over => "over",
        })
    }
}

/// The drain of a runtime: see [`Builder::drain`](crate::Builder::drain).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct DrainStatus {
    /// For how long it has been draining.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub age: Duration,
    /// How long it goes on at most, before the stop begins. `Duration::MAX` if only somebody ends it.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub left: Duration,
}

/// The stop of a runtime.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StopStatus {
    /// Why it stops.
    pub cause: StopCause,
    /// For how long it has been stopping.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub age: Duration,
    /// How much of the grace time is left.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub grace_left: Duration,
    /// What it still waits for: services that are not over, by name, but for those that [look
    /// on](crate::Settings::looks_on); and payloads that hold a token, by name or place. At most 64.
    pub waits_for: Vec<String>,
    /// How many more it waits for.
    pub waits_for_more: usize,
}

impl StopStatus {
    /// Whether it waits for nothing any more.
    pub fn is_empty(&self) -> bool {
        self.waits_for.is_empty() && self.waits_for_more == 0
    }
}

/// Why a runtime stops.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StopCause {
    /// [`shutdown`](crate::Runtime::shutdown) was called, or an attempt to start it failed.
    Call,
    /// A signal, by its name: `SIGTERM`.
    Signal(String),
    /// A failure, as its line in the report.
    Failure(String),
    /// A service ended it: [`Exit::Shutdown`](crate::Exit::Shutdown).
    Service,
    /// It was idle, and ends then: [`until_idle`](crate::Builder::until_idle).
    Idle,
    /// Its last handle was dropped.
    Dropped,
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call => f.write_str("a call of shutdown"),
            Self::Signal(name) => f.write_str(name),
            Self::Failure(line) => f.write_str(line),
            Self::Service => f.write_str("a service that ends the runtime"),
            Self::Idle => f.write_str("it was idle"),
            Self::Dropped => f.write_str("its last handle was dropped"),
        }
    }
}

/// How a flavour of a runtime does.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FlavourStatus {
    /// The identifier of its key.
    pub name: String,
    /// On how many threads it runs payloads: for blocking code, how many payloads have a thread.
    pub threads: usize,
    /// How many payloads it has, runs of services included.
    pub alive: usize,
    /// How many of them are to be polled, or to get their thread, as soon as it is their turn.
    pub queued: usize,
    /// What holds its threads up, if something has for a while.
    pub stall: Option<StallStatus>,
}

/// What holds threads of a flavour up.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct StallStatus {
    /// Whether nothing runs on the flavour any more: it answers no probe. Else some of its threads are held up, and the
    /// others go on.
    pub is_whole: bool,
    /// The payloads whose present turn lasts so long, by name or place. None, if it is something else that the executor runs.
    pub payloads: Vec<String>,
    /// For how long it has been seen.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub age: Duration,
    /// What the threads do, as far as the system tells.
    pub threads: Vec<String>,
}

/// What a [`UnitNode`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum UnitKind {
    /// A service.
    Service,
    /// A group, by [`Runtime::group`](crate::Runtime::group).
    Group,
    /// The group that an adopted payload has made: [`Group::current`](crate::Group::current). That of a service is not
    /// listed: what is in there stands below the service.
    OfPayload,
}

/// How a service or a group does.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct UnitNode {
    /// Its path.
    pub name: String,
    /// What it is.
    pub kind: UnitKind,
    /// In how many others of the list it is: 0 for what is in none.
    pub depth: usize,
    /// The identifier of its flavour, for a service.
    pub flavour: Option<String>,
    /// What it is doing.
    pub state: UnitState,
    /// For how long.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub state_age: Duration,
    /// How often it was started again.
    pub restarts: u64,
    /// How many of its starts its limit counts now, if it has one.
    pub counted: Option<RestartCount>,
    /// The time until its next start, if it waits for a delay that ends.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds::option"))]
    pub next_start: Option<Duration>,
    /// Its last failure, as its line in the report.
    pub last_failure: Option<String>,
    /// What it waits for: as it waits to start, those that must be ready before; as it waits for its turn to be asked to end,
    /// those that must have ended before; as its run is over, its children.
    pub waits_for: Vec<String>,
    /// Its failures are its own.
    pub may_fail: bool,
    /// It can be started again when it is over.
    #[cfg_attr(feature = "serde", serde(default))]
    pub startable: bool,
    /// How many payloads are alive in it, beside its services: for a service, in the group of its run.
    pub payloads: usize,
    /// The limit of a group that has one.
    pub limit: Option<Limited>,
}

/// The starts that the [limit](crate::Restart::limit) of a service counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct RestartCount {
    /// How many there were in the last [`window`](Self::window).
    pub starts: usize,
    /// How many there may be.
    pub limit: u32,
    /// In which time.
    #[cfg_attr(feature = "serde", serde(with = "super::seconds"))]
    pub window: Duration,
}

/// The [limit](crate::GroupBuilder::limit) of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Limited {
    /// How many places there are.
    pub limit: usize,
    /// How many of them are taken.
    pub taken: usize,
    /// How many wait for one.
    pub waiting: usize,
}

/// Payloads of one name or place, on one flavour, in one group.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PayloadStatus {
    /// Their name; of those without one, the place in the code where they were handed in.
    pub name: String,
    /// The group that they are in.
    pub group: Option<String>,
    /// The identifier of their flavour.
    pub flavour: String,
    /// How many there are.
    pub count: usize,
    /// How long ago the oldest of them had its first turn, to about a second. Unknown of those that have not waited for
    /// anything yet; and on executors where stalls are [not looked for](crate::Builder::stall_after).
    #[cfg_attr(feature = "serde", serde(with = "super::seconds::option"))]
    pub oldest: Option<Duration>,
}
