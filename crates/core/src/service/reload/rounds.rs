//! What is decided about reloads: a value that is told `News` and answers with `Act`s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::takers::{Part, Takers};
use crate::base::moment::Moment;
use crate::service::state::UnitState;
use crate::service::supervision::Id;

/// What reloads are told. `F` is a failure, which is passed on and never looked at.
#[derive(Debug, Clone)]
pub(crate) enum News<F> {
    /// A service came. Those that it comes after are not gone.
    Entered {
        unit: Id,
        after: Vec<Id>,
        restarts: bool,
    },
    /// The present run of a service, which is in this state, can be asked.
    Took(Id, UnitState),
    /// A service is in another state; or in `Starting` again, with a new run.
    State(Id, UnitState),
    /// A service never comes back.
    Forgotten(Id),
    /// Somebody wants a reload.
    Wanted,
    /// A service answers what it was asked in a round.
    Answered {
        unit: Id,
        round: u64,
        reply: Reply<F>,
    },
    /// The clock has moved.
    Due,
    /// The runtime stops.
    Stops,
}

/// What a service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply<F> {
    Done,
    Failed(F),
    /// The request was dropped.
    Dropped,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act<F> {
    /// A round begins: it is the one for all who wanted it until now.
    Begin,
    /// The present run of a service is asked.
    Ask { unit: Id, round: u64 },
    /// A service is to be restarted.
    Restart(Id),
    /// What became of a service in this round.
    Settled(Id, Settled<F>),
    /// A service has answered too late.
    Late(Id, Reply<F>),
    /// The round is over, or was ended by the runtime's stop.
    Over { is_cut: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settled<F> {
    Done,
    Failed(F),
    Unanswered,
    /// It was restarted, and its new run did not become ready.
    Unready,
    Late,
}

/// All reloads of a runtime: the present one, if any, and whether another one follows.
#[derive(Debug)]
pub(crate) struct Rounds<F> {
    takers: Takers,
    /// How long each service has to answer.
    limit: Duration,
    /// When the news came that are being taken.
    now: Moment,
    acts: Vec<Act<F>>,
    /// How many rounds have begun.
    begun: u64,
    present: Option<Round>,
    /// Another round follows the present one.
    is_wanted: bool,
    /// Restarted for a reload, and not ready in time.
    late: BTreeSet<Id>,
    has_stopped: bool,
}

/// The present round: those of whom it is not known what became of them.
#[derive(Debug, Default)]
struct Round {
    turns: BTreeMap<Id, Turn>,
    /// When those fall due that were asked.
    due: BTreeSet<(Moment, Id)>,
}

#[derive(Debug, Default)]
struct Turn {
    /// How many others have to be settled first.
    waits_for: usize,
    /// Those that wait for this one.
    before: Vec<Id>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Its turn has not come.
    #[default]
    Waiting,
    /// Its turn will come, and nothing is to be done then.
    PassedOver,
    Asked(Moment),
    /// Restarted; whether its new run has begun.
    Restarted(Moment, bool),
}

impl<F> Default for Rounds<F> {
    fn default() -> Self {
        Self::new(Duration::MAX)
    }
}

impl<F> Rounds<F> {
    /// No reload yet, in a runtime whose services have this time to answer.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            takers: Takers::default(),
            limit,
            now: Moment::default(),
            acts: Vec::new(),
            begun: 0,
            present: None,
            is_wanted: false,
            late: BTreeSet::new(),
            has_stopped: false,
        }
    }

    /// Takes news that came at `now`, and appends what is to be done for them.
    pub(crate) fn take(&mut self, now: Moment, news: News<F>, acts: &mut Vec<Act<F>>) {
        self.now = now;
        std::mem::swap(&mut self.acts, acts);
        match news {
            News::Entered {
                unit,
                after,
                restarts,
            } => self.takers.enter(unit, after, restarts),
            News::Took(unit, state) => self.takers.listen(unit, state),
            News::State(unit, state) => self.state(unit, state),
            News::Forgotten(unit) => self.takers.forget(unit),
            News::Wanted => self.wanted(),
            News::Answered { unit, round, reply } => self.answered(unit, round, reply),
            News::Due => self.due(),
            News::Stops => self.stops(),
        }
        std::mem::swap(&mut self.acts, acts);
    }

    /// When the next service is out of time, if one ever is.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        let (due, _) = self.present.as_ref()?.due.first()?;
        Some(*due)
    }

    /// Of how many services something is known.
    #[cfg(all(test, not(foster_model)))]
    pub(super) fn remembered(&self) -> usize {
        self.takers.len() + self.late.len()
    }

    fn push(&mut self, act: Act<F>) {
        self.acts.push(act);
    }

    fn wanted(&mut self) {
        if self.has_stopped {
            self.push(Act::Begin);
            return self.push(Act::Over { is_cut: true });
        }
        match self.present {
            Some(_) => self.is_wanted = true,
            None => self.begin(),
        }
    }

    fn begin(&mut self) {
        self.begun += 1;
        self.push(Act::Begin);
        let units: Vec<Id> = self.takers.parts().collect();
        let mut turns: BTreeMap<Id, Turn> = BTreeMap::new();
        for unit in &units {
            let awaited = self.takers.awaited(*unit);
            turns.entry(*unit).or_default().waits_for = awaited.len();
            for other in awaited {
                turns.entry(other).or_default().before.push(*unit);
            }
        }
        let is_first = |unit: &Id| turns[unit].waits_for == 0;
        let first: Vec<Id> = units.into_iter().filter(is_first).collect();
        self.present = Some(Round {
            turns,
            due: BTreeSet::new(),
        });
        self.have_turns(first);
        self.end_if_settled();
    }

    /// The turn of these has come.
    fn have_turns(&mut self, mut units: Vec<Id>) {
        units.reverse();
        while let Some(unit) = units.pop() {
            let part = self.takers.part(unit);
            let Some(round) = &mut self.present else {
                return;
            };
            let Some(turn) = round.turns.get_mut(&unit) else {
                continue;
            };
            let due = self.now.plus(self.limit);
            let (act, stage) = match part {
                Some(Part::Asked) if turn.stage == Stage::Waiting => {
                    let round = self.begun;
                    (Act::Ask { unit, round }, Stage::Asked(due))
                }
                Some(Part::Restarted) if turn.stage == Stage::Waiting => {
                    self.late.remove(&unit);
                    (Act::Restart(unit), Stage::Restarted(due, false))
                }
                _ => {
                    units.extend(round.remove(unit));
                    continue;
                }
            };
            turn.stage = stage;
            if due != Moment::NEVER {
                round.due.insert((due, unit));
            }
            self.push(act);
        }
    }

    fn stage(&mut self, unit: Id) -> Option<&mut Stage> {
        let turn = self.present.as_mut()?.turns.get_mut(&unit)?;
        Some(&mut turn.stage)
    }

    /// A service that was asked is settled, and those that waited for it have their turn.
    fn settle(&mut self, unit: Id, settled: Settled<F>) {
        self.push(Act::Settled(unit, settled));
        if let Some(round) = &mut self.present {
            let next = round.remove(unit);
            self.have_turns(next);
        }
        self.end_if_settled();
    }

    fn end_if_settled(&mut self) {
        let is_settled = |round: &Round| round.turns.is_empty();
        if self.present.as_ref().is_some_and(is_settled) {
            self.present = None;
            self.push(Act::Over { is_cut: false });
            if std::mem::take(&mut self.is_wanted) {
                self.begin();
            }
        }
    }

    fn answered(&mut self, unit: Id, round: u64, reply: Reply<F>) {
        let begun = self.begun;
        let stage = self.stage(unit);
        let is_asked = stage.is_some_and(|stage| matches!(stage, Stage::Asked(_)));
        if round == begun && is_asked {
            let settled = match reply {
                Reply::Done => Settled::Done,
                Reply::Failed(failure) => Settled::Failed(failure),
                Reply::Dropped => Settled::Unanswered,
            };
            return self.settle(unit, settled);
        }
        let says_something = match reply {
            Reply::Failed(_) => true,
            Reply::Done => !self.has_stopped,
            Reply::Dropped => false,
        };
        if says_something {
            self.push(Act::Late(unit, reply));
        }
    }

    fn state(&mut self, unit: Id, state: UnitState) {
        self.takers.set_state(unit, state);
        let is_ready = state == UnitState::Running;
        let is_in_run = matches!(state, UnitState::Running | UnitState::Stopping);
        if is_ready && self.late.remove(&unit) {
            self.push(Act::Late(unit, Reply::Done));
        } else if state.is_over() || state == UnitState::Delayed {
            self.late.remove(&unit);
        }
        let Some(stage) = self.stage(unit) else {
            return;
        };
        match *stage {
            // It ends, or begins anew with what it finds then.
            Stage::Waiting if !is_ready => *stage = Stage::PassedOver,
            Stage::Waiting | Stage::PassedOver => {}
            Stage::Asked(_) if is_in_run => {}
            Stage::Asked(_) => self.settle(unit, Settled::Unanswered),
            Stage::Restarted(due, _) if state == UnitState::Starting => {
                *stage = Stage::Restarted(due, true);
            }
            Stage::Restarted(_, true) if is_ready => self.settle(unit, Settled::Done),
            Stage::Restarted(..) if is_in_run => {}
            Stage::Restarted(..) => self.settle(unit, Settled::Unready),
        }
    }

    fn due(&mut self) {
        while let Some(round) = &self.present {
            let Some((due, unit)) = round.due.first().copied() else {
                return;
            };
            if due > self.now {
                return;
            }
            if matches!(self.stage(unit), Some(Stage::Restarted(..))) {
                self.late.insert(unit);
            }
            self.settle(unit, Settled::Late);
        }
    }

    fn stops(&mut self) {
        self.has_stopped = true;
        self.late.clear();
        if self.present.take().is_some() {
            self.push(Act::Over { is_cut: true });
        }
        if std::mem::take(&mut self.is_wanted) {
            self.push(Act::Begin);
            self.push(Act::Over { is_cut: true });
        }
    }
}

impl Round {
    /// A service is settled; returns those whose turn comes by that.
    fn remove(&mut self, unit: Id) -> Vec<Id> {
        let Some(turn) = self.turns.remove(&unit) else {
            return Vec::new();
        };
        if let Stage::Asked(due) | Stage::Restarted(due, _) = turn.stage {
            self.due.remove(&(due, unit));
        }
        let mut next = Vec::new();
        for other in turn.before {
            if let Some(turn) = self.turns.get_mut(&other) {
                turn.waits_for -= 1;
                next.extend((turn.waits_for == 0).then_some(other));
            }
        }
        next
    }
}
