//! What is known of one unit.

use super::*;

/// Small, as there may be many: what most units have none of is boxed.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) id: Id,
    /// `None` if nothing was said.
    policy: Option<Box<Policy>>,
    pub(super) is_blocking: bool,
    pub(super) flavour: usize,
    rare: Option<Box<Rare>>,
    /// How many this unit waits for.
    pub(super) pending: u32,
    /// How many that come after it the stop waits for.
    pub(super) dependents: u32,
    pub(super) was_ready: bool,
    /// The stop does not wait for it any more.
    pub(super) is_released: bool,
    /// The runtime was told of a failure of it that is none of a run.
    pub(super) has_failed: bool,
    pub(super) wish: Option<Wish>,
    pub(super) stage: Stage,
    /// How many runs there were, the present one included.
    pub(super) runs: u64,
    /// Restarts in a row, for the delay.
    pub(super) row: u32,
    /// When it falls due, for what it is doing now.
    pub(super) timer: Option<Timer>,
}

/// What units have that are in an order, or whose starts are limited.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// Those that it comes after and that were not over when it was handed in.
    pub(super) after: Vec<Id>,
    /// Those that wait for this unit to be ready.
    pub(super) waiters: Vec<Id>,
    /// The costliest path of those that stop after it, once that is known.
    pub(super) below: Option<Path>,
    /// When it started, within the window of its limit.
    pub(super) starts: Vec<Moment>,
}

#[derive(Debug, Default)]
pub(super) enum Stage {
    #[default]
    Waiting,
    Running(Run),
    Delayed,
}

/// The present run of a unit.
#[derive(Debug, Default)]
pub(super) struct Run {
    pub(super) started: Moment,
    pub(super) handover: Handover,
    pub(super) has_begun: bool,
    /// It counts as ready, and whoever waited for that has been started.
    pub(super) is_ready: bool,
    pub(super) holds_token: bool,
    pub(super) asked: Option<Asked>,
    /// Its code has come to an end; what is left of it is being dropped.
    pub(super) is_ending: bool,
    /// Its code has returned, with this.
    pub(super) has_returned: bool,
    pub(super) exit: Option<Exit>,
    pub(super) failure: Option<Fate>,
    /// It has ended while it was being handed over: whether there is a value for another run.
    pub(super) ended: Option<bool>,
    /// It will not end soon, and nothing can be done about it.
    pub(super) is_given_up: bool,
    /// It is named in the report.
    pub(super) is_blamed: bool,
}

/// How far the payload of a run is on its way to its flavour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Handover {
    /// The flavour is being started.
    #[default]
    StandsBy,
    UnderWay,
    Done,
}

/// When a run was asked to end, and when it has to have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) at: Moment,
    pub(super) due: Moment,
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
    pub(super) fn new(newcomer: &mut Newcomer) -> Self {
        Self {
            id: newcomer.id,
            policy: newcomer.policy.take(),
            is_blocking: newcomer.is_blocking,
            flavour: newcomer.flavour,
            wish: newcomer.is_unwanted.then_some(Wish::Stop),
            ..Self::default()
        }
    }

    pub(super) fn policy(&self) -> &Policy {
        const UNSAID: &Policy = &Policy::unsaid();
        self.policy.as_deref().unwrap_or(UNSAID)
    }

    /// Those that it comes after.
    pub(super) fn after(&self) -> &[Id] {
        self.rare.as_deref().map_or(&[], |rare| &rare.after)
    }

    /// Those that wait for it.
    pub(super) fn waiters(&self) -> &[Id] {
        self.rare.as_deref().map_or(&[], |rare| &rare.waiters)
    }

    /// The costliest path of those that stop after it, if that is known.
    pub(super) fn below(&self) -> Option<Path> {
        match &self.rare {
            Some(rare) if !rare.after.is_empty() => rare.below,
            _ => Some(Path::default()),
        }
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Forgets when it started.
    pub(super) fn forget_starts(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.starts.clear();
        }
    }

    /// Takes out those that wait for it.
    pub(super) fn take_waiters(&mut self) -> Vec<Id> {
        match &mut self.rare {
            Some(rare) => std::mem::take(&mut rare.waiters),
            None => Vec::new(),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting)
    }

    /// The time of its own that it has to end in while the runtime stops: one for ever is none.
    pub(super) fn stop_share(&self) -> Option<Duration> {
        self.policy().stop_time.filter(|own| *own != Duration::MAX)
    }

    /// Which the present run is.
    pub(super) fn run_id(&self) -> RunId {
        RunId {
            unit: self.id,
            number: self.runs,
        }
    }

    /// The present run.
    pub(super) fn run(&self) -> Option<&Run> {
        match &self.stage {
            Stage::Running(run) => Some(run),
            _ => None,
        }
    }

    pub(super) fn run_mut(&mut self) -> Option<&mut Run> {
        match &mut self.stage {
            Stage::Running(run) => Some(run),
            _ => None,
        }
    }

    /// The code of the present run has come to its end by itself.
    pub(super) fn returned(&mut self, exit: Option<Exit>) {
        if let Some(run) = self.run_mut() {
            (run.is_ending, run.has_returned, run.exit) = (true, true, exit);
        }
    }

    /// Why the present run must not come to its end by itself, without an error, if so.
    pub(super) fn wrong_end(&self, exit: Option<Exit>) -> Option<Why> {
        let run = self.run()?;
        if run.asked.is_some() {
            // It was asked to end, and has.
            None
        } else if self.policy().notifies_ready && !run.is_ready {
            Some(Why::UnreadyAtItsEnd)
        } else {
            (self.policy().return_is_failure && exit.is_none()).then_some(Why::Returned)
        }
    }

    /// Whether a failure of the present run is kept for a restart, if the runtime does not stop.
    pub(super) fn absorbs(&self) -> bool {
        self.policy().restart().is_on_failure() && self.wish != Some(Wish::Stop)
    }

    /// Whether another run follows the present one, which is at its end, if the runtime does not stop.
    /// `may_fail` says that its end may still turn out to be a failure.
    pub(super) fn is_followed(&self, may_fail: bool) -> bool {
        let (Some(run), restart) = (self.run(), self.policy().restart()) else {
            return false;
        };
        match (self.wish, run.failure) {
            (Some(Wish::Stop), _) => false,
            (Some(Wish::Restart), failure) => failure != Some(Fate::Recorded),
            (None, Some(fate)) => fate == Fate::Absorbed,
            (None, None) if run.has_returned => run.exit.is_none() && restart.is_on_return(),
            // It panics, or is dropped where it awaits.
            (None, None) => may_fail && restart.is_on_failure(),
        }
    }
}

impl Run {
    /// Whether it may still get ready.
    pub(super) fn is_starting(&self) -> bool {
        !self.is_ready && self.asked.is_none()
    }
}
