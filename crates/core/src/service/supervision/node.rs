//! What is known of one unit.

use std::collections::VecDeque;
use std::time::Duration;

use super::shares::Path;
use super::timers::Key;
use super::{Exit, Id, RunId, Wish};
use crate::base::moment::Moment;
use crate::service::settings::Policy;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) policy: Policy,
    pub(super) is_blocking: bool,
    pub(super) flavour: usize,
    /// Those that it comes after and that were not over when it was handed in.
    pub(super) after: Vec<Id>,
    /// Those that wait for this unit to be ready.
    pub(super) waiters: Vec<Id>,
    /// How many this unit waits for.
    pub(super) pending: usize,
    /// How many that come after it the stop waits for.
    pub(super) dependents: usize,
    /// The costliest path of those that stop after it, once that is known.
    pub(super) below: Option<Path>,
    pub(super) was_ready: bool,
    /// The stop does not wait for it any more.
    pub(super) is_released: bool,
    pub(super) wish: Option<Wish>,
    pub(super) stage: Stage,
    /// How many runs there were.
    pub(super) runs: u64,
    /// Restarts in a row, for the delay.
    pub(super) row: u32,
    /// When it started, within the window of its limit.
    pub(super) starts: VecDeque<Moment>,
    /// The runtime was told of a failure of it that is none of a run.
    pub(super) has_failed: bool,
    pub(super) timers: Vec<Key>,
}

#[derive(Debug)]
pub(super) enum Stage {
    Waiting,
    Running(Run),
    Delayed,
}

/// The present run of a unit.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) number: u64,
    pub(super) started: Moment,
    pub(super) launch: Launch,
    pub(super) has_begun: bool,
    /// It counts as ready, and whoever waited for that has been started.
    pub(super) is_ready: bool,
    pub(super) holds_token: bool,
    pub(super) asked: Option<Asked>,
    /// Its code has come to an end; what is left of it is being dropped.
    pub(super) is_ending: bool,
    pub(super) answer: Option<Answer>,
    pub(super) failure: Option<Fate>,
    /// It has ended while its launch was under way: whether there is a value for another run.
    pub(super) ended: Option<bool>,
    /// It will not end soon, and nothing can be done about it.
    pub(super) is_given_up: bool,
    /// It is named in the report.
    pub(super) is_blamed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Launch {
    /// Its flavour is being started.
    StandsBy,
    /// Its payload is being handed to the flavour.
    UnderWay,
    Done,
}

/// When a run was asked to end, and when it has to have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Moment,
    pub(super) due: Moment,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) exit: Option<Exit>,
    pub(super) is_error: bool,
}

/// What becomes of a run's first failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept for a restart; else it is told.
    Absorbed,
    /// The runtime was told.
    Recorded,
    /// It is the unit's alone, as that was asked to end before.
    Own,
}

impl Node {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// The time of its own that it has to end in while the runtime stops: one for ever is none.
    pub(super) fn stop_share(&self) -> Option<Duration> {
        let own = self.policy.stop_time();
        own.filter(|own| *own != Duration::MAX)
    }

    pub(super) fn run(&self) -> Option<&Run> {
        match &self.stage {
            Stage::Running(run) => Some(run),
            _ => None,
        }
    }

    /// Whether a failure of the present run is kept for a restart, if the runtime does not stop.
    pub(super) fn absorbs(&self) -> bool {
        self.policy.restart().is_on_failure() && self.wish != Some(Wish::Stop)
    }

    /// Whether another run may follow `run`, which is at its end, while the runtime does not stop.
    pub(super) fn may_be_followed(&self, run: &Run) -> bool {
        match self.wish {
            Some(Wish::Stop) => return false,
            Some(Wish::Restart) => return run.failure != Some(Fate::Recorded),
            None => {}
        }
        match (run.failure, run.answer) {
            (Some(fate), _) => fate == Fate::Absorbed,
            (None, Some(answer)) => answer.exit.is_none() && self.policy.restart().is_on_return(),
            // It panics, or is dropped where it awaits.
            (None, None) => self.policy.restart().is_on_failure(),
        }
    }
}

impl Run {
    pub(super) fn new(number: u64, started: Moment, launch: Launch) -> Self {
        Self {
            number,
            started,
            launch,
            has_begun: false,
            is_ready: false,
            holds_token: false,
            asked: None,
            is_ending: false,
            answer: None,
            failure: None,
            ended: None,
            is_given_up: false,
            is_blamed: false,
        }
    }

    pub(super) fn id(&self, unit: Id) -> RunId {
        RunId {
            unit,
            number: self.number,
        }
    }
}
