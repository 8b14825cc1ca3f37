//! What becomes of services: a value that is told what happens and says what is to be done. All policy is in
//! here, and no lock, clock, thread or code of the user's.
//!
//! ```text
//!                    `start`               Begun             asked: `ask`
//!   Waiting ───────────────► a run, unbegun ─────► begun ────────────────► asked to end
//!      │                         ▲     │ Gone        │ Gone                   │ Gone
//!      │                         │     ▼             ▼                        ▼
//!      │          the delay is   │   `decide`: start again, wait for that, or over
//!      │          over, `start`  │     │
//!      │                      Delayed ◄┘
//!      ▼                         │
//!    over: the unit is forgotten here (`over`)
//! ```
//!
//! `node` is what is known of one unit, `nodes` all of them. `starting`, `running`, `ending` and `stopping` are what
//! happens to a unit in this order, and `shares` how the grace time is shared out.

mod ending;
mod node;
mod nodes;
mod running;
mod shares;
mod starting;
mod stopping;
#[cfg(any(test, fuzzing))]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use rustc_hash::FxHashMap;

#[cfg(fuzzing)]
pub(crate) use self::tests::play_bytes;

use self::node::{Asked, Fate, Handover, Node, Run, Stage};
use self::nodes::Nodes;
use self::shares::Path;
use self::stopping::Stop;
use super::settings::Policy;
use super::{Exit, UnitState};
use crate::base::moment::Moment;

/// Which unit it is. Whoever comes later has a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Id {
    /// No other unit has it, ever.
    pub(crate) serial: u64,
    /// Its place in tables: a small number, which is another unit's when this one is over.
    pub(crate) place: u32,
}

impl Id {
    /// Its place as an index.
    pub(crate) fn index(self) -> usize {
        self.place as usize
    }
}

/// One run of a unit, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunId {
    pub(crate) unit: Id,
    pub(crate) number: u64,
}

/// What happens. `F` is a failure, which is passed on and never looked at.
#[derive(Debug)]
pub(crate) enum Event<F> {
    /// Services were handed in that may start, as far as it is up to the runtime.
    HandedIn(Vec<Newcomer>),
    /// The flavour for which [`Effect::StartFlavour`] asked is there.
    FlavourUp(usize),
    /// It could not be started.
    FlavourDown(usize, F),
    /// What [`Effect::Launch`] asked for is done: why the payload was refused, if it was. `None` inside says
    /// that it met the stop.
    Launched(RunId, Result<(), Option<F>>),
    /// A run had its first poll, or has its thread.
    Begun(RunId),
    /// A run says that it is ready.
    Notified(RunId),
    /// A run took a shutdown token.
    TookToken(RunId),
    /// A run panicked or was lost.
    Failed {
        run: RunId,
        failure: F,
        can_run: bool,
    },
    /// A run came to its end by itself.
    Answered {
        run: RunId,
        exit: Option<Exit>,
        error: Option<F>,
    },
    /// Nothing of a run is left. `can_run` says whether there is a value for another one.
    Gone { run: RunId, can_run: bool },
    /// A run that was cut short would not end: it blocks its thread.
    Blocks(RunId),
    /// Somebody wants a unit to stop or to restart.
    Asked(Id, Wish),
    /// The clock has moved.
    Due,
    /// The runtime stops, if that is not known. Its grace time is over at this moment.
    Stops(Moment),
    /// The grace time is over; whether a signal has cut it short.
    GraceOver { by_signal: bool },
}

/// What a user wants of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Restart,
    Stop,
}

/// A service that was handed in.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) id: Id,
    /// `None` if nothing was said.
    pub(crate) policy: Option<Box<Policy>>,
    /// Those that it comes after, all of them known, and whether each has been ready.
    pub(crate) after: Vec<(Id, bool)>,
    /// Whether its runs are blocking code, which cannot be cancelled.
    pub(crate) is_blocking: bool,
    /// The number of its flavour, and whether that is there.
    pub(crate) flavour: usize,
    pub(crate) is_flavour_up: bool,
    /// Whether it was asked to stop before the start.
    pub(crate) is_unwanted: bool,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect<F> {
    /// A unit's state is another. Whoever asks sees it at once, as all up to `Over`.
    State(Id, UnitState),
    /// A run is the unit's present one.
    NewRun(RunId),
    /// The unit starts again at this moment.
    Delayed(Id, Moment),
    /// A failure is the unit's alone: kept, and told.
    Keep(Id, Fault<F>),
    /// A failure that comes after one that is kept is told.
    Mention(Id, Fault<F>),
    /// A failure is the runtime's, which stops for it. With the number of starts, if the unit is given up for it.
    Record(Id, Fault<F>, Option<(usize, Duration)>),
    /// The token of the present run says that the end is requested.
    Request(Id),
    /// The present run is to be named in the report.
    Blame(Id, Blame),
    /// A unit waited for another one that was not ready when the stop began.
    InVain(Id, Id),
    /// The runtime is to stop.
    StopRuntime,
    /// The runtime's stop waits for no service any more.
    StopOver,
    /// The unit is over for good.
    Over(Id),

    /// The flavour of a unit is to be started. From here on in order, one after the other, and not at once.
    StartFlavour(Id),
    Launch(RunId),
    /// Wakes the payload of a run, whose token says something new.
    Wake(RunId),
    /// Drops a run where it awaits.
    Cancel(RunId),
    /// The same, of a run that is out of time: whether it blocks is to be told.
    Cut(RunId),
    /// Drops a value that no run will need.
    Dispose(Id),

    /// Something is to be told.
    Tell(Id, Remark),
    /// A failure that is of no use any more is to be dropped, which runs code of the user's.
    Drop(F),
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault<F> {
    Given(F),
    /// What was kept of the unit last.
    Kept,
    Made(Box<Why>),
}

/// Why a unit failed whose own code did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// It ended without having said that it is ready.
    UnreadyAtItsEnd,
    /// It returned, although it must never end.
    Returned,
    /// It returned more often than its limit lets it.
    ReturnedTooOften,
    /// It was not ready in time, and these wait for it.
    Late {
        within: Duration,
        notifies: bool,
        waiters: Vec<Id>,
    },
    /// It waited too long for these.
    WaitedTooLong { within: Duration, others: Vec<Id> },
    /// It waits for one that never gets ready.
    WaitsForEver { other: Id, was_stopped: bool },
    /// It would not end, so it cannot be started again.
    Stuck,
}

/// Why a run is named in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blame {
    /// It had its turn, and overran it.
    Overran,
    /// It was not asked in time, as these used the time up.
    NotAsked { by: Vec<Id> },
    /// It had had a part of its time when a signal ended the grace time.
    CutShort { after: Duration, of: Duration },
}

/// What is told of a unit beside its failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remark {
    /// It is started again after this time.
    Restarts(Duration),
    Overran,
    /// It was asked to stop and goes on.
    GoesOn,
    /// Its stop time and those of the units that it comes after exceed the grace time.
    TooLong {
        times: Duration,
        grace: Duration,
    },
}

/// All services of a runtime that are not over.
#[derive(Debug)]
pub(crate) struct Supervision<F> {
    /// When the event that is handled happened.
    now: Moment,
    /// What is to be done for it, so far.
    effects: Vec<Effect<F>>,
    nodes: Nodes,
    /// What falls due, in order.
    timers: BTreeMap<Moment, BTreeMap<u64, Id>>,
    /// How many timers there were.
    timers_set: u64,
    flavours: FxHashMap<usize, Hangar>,
    grace: Duration,
    /// Decides what is up to chance.
    seed: u64,
    /// Runs of which it is not known that they have begun.
    unbegun: usize,
    /// Units that the stop waits for.
    unreleased: usize,
    stop: Option<Stop>,
}

/// When a unit falls due, and the number of the timer: those of one moment fall due as they were set.
///
/// Each unit has one at most: what it is for says what the unit is doing.
type Timer = (Moment, u64);

/// What is known of a flavour.
#[derive(Debug, Default)]
struct Hangar {
    is_up: bool,
    is_starting: bool,
    /// Runs that wait for it, in their order.
    waiters: VecDeque<RunId>,
}

impl<F> Default for Supervision<F> {
    fn default() -> Self {
        Self::new(Duration::ZERO, 0)
    }
}

impl<F> Supervision<F> {
    /// No services yet, in a runtime with this grace time. `seed` decides what is up to chance.
    pub(crate) fn new(grace: Duration, seed: u64) -> Self {
        Self {
            now: Moment::default(),
            effects: Vec::new(),
            nodes: Nodes::default(),
            timers: BTreeMap::new(),
            timers_set: 0,
            flavours: FxHashMap::default(),
            grace,
            seed,
            unbegun: 0,
            unreleased: 0,
            stop: None,
        }
    }

    /// Takes what has happened at `now`, and appends what is to be done for it.
    ///
    /// Events may come too late, for what is over; all that is called for them is about units that are not.
    pub(crate) fn handle(&mut self, now: Moment, event: Event<F>, effects: &mut Vec<Effect<F>>) {
        self.now = now;
        std::mem::swap(&mut self.effects, effects);
        if !self.notes(&event) {
            self.take(event);
        }
        self.go_on_with_stop();
        std::mem::swap(&mut self.effects, effects);
    }

    /// Takes what has happened if nothing follows from it but that it is known; else it is to be [handled](Self::handle).
    pub(crate) fn notes(&mut self, event: &Event<F>) -> bool {
        match event {
            Event::TookToken(run) => {
                let run = self.nodes.run(*run);
                run.into_iter().for_each(|run| run.holds_token = true);
                true
            }
            Event::Answered {
                run,
                exit: exit @ (None | Some(Exit::Done)),
                error: None,
            } => {
                let is_present = self.nodes.run(*run).is_some();
                let node = self.nodes.get_mut(run.unit).filter(|_| is_present);
                let is_well = node
                    .as_ref()
                    .is_none_or(|node| node.wrong_end(*exit).is_none());
                if let Some(node) = node.filter(|_| is_well) {
                    node.returned(*exit);
                }
                is_well
            }
            Event::Launched(run, Ok(())) => match self.nodes.run(*run) {
                Some(run) if run.ended.is_some() => false,
                run => {
                    run.into_iter()
                        .for_each(|run| run.handover = Handover::Done);
                    true
                }
            },
            _ => false,
        }
    }

    /// When something falls due, if anything ever does.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        if self.is_stop_under_way() {
            return Some(Moment::default());
        }
        self.timers.first_key_value().map(|(at, _)| *at)
    }

    /// Whether the value of a run that ends right now is kept for another one.
    pub(crate) fn keeps_value(&self, run: RunId) -> bool {
        let is_present = |node: &&Node| node.runs == run.number;
        let node = self.nodes.get(run.unit).filter(is_present);
        self.stop.is_none() && node.is_some_and(|node| node.is_followed(true))
    }

    /// Whether nothing is left to do at `now` that somebody who moved the clock would have to wait for.
    pub(crate) fn is_up_to_date(&self, now: Moment) -> bool {
        self.unbegun == 0 && self.next_due().is_none_or(|due| now < due)
    }

    /// Whether it was told of the stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.is_some()
    }

    /// Whether the runtime was told of a failure of a unit that is none of its present run.
    pub(crate) fn has_failed(&self, unit: Id) -> bool {
        self.nodes.get(unit).is_some_and(|node| node.has_failed)
    }

    /// Whether some units have not been looked at since the stop began.
    fn is_stop_under_way(&self) -> bool {
        self.stop.as_ref().is_some_and(Stop::is_under_way)
    }

    fn take(&mut self, event: Event<F>) {
        match event {
            Event::HandedIn(newcomers) => self.hand_in(newcomers),
            Event::FlavourUp(flavour) => self.flavour_up(flavour),
            Event::FlavourDown(flavour, failure) => self.flavour_down(flavour, failure),
            Event::Launched(run, result) => self.launched(run, result),
            Event::Begun(run) => self.begun(run),
            Event::Notified(run) => self.notified(run),
            Event::TookToken(_) => unreachable!("it is only noted"),
            Event::Failed {
                run,
                failure,
                can_run,
            } => self.failed(run, failure, can_run),
            Event::Answered { run, exit, error } => self.answered(run, exit, error),
            Event::Gone { run, can_run } => self.gone(run, can_run),
            Event::Blocks(run) => self.blocks(run),
            Event::Asked(unit, wish) => self.asked(unit, wish),
            Event::Due => self.due(),
            Event::Stops(grace_over_at) => self.stops(grace_over_at),
            Event::GraceOver { by_signal } => self.grace_over(by_signal),
        }
    }

    fn push(&mut self, effect: Effect<F>) {
        self.effects.push(effect);
    }

    /// A failure is the runtime's, which stops for it.
    fn record(&mut self, unit: Id, fault: Fault<F>, given_up: Option<(usize, Duration)>) {
        self.push(Effect::Record(unit, fault, given_up));
        self.stops(self.now.plus(self.grace));
    }

    fn node(&mut self, unit: Id) -> &mut Node {
        &mut self.nodes[unit]
    }

    /// Sets the timer of a unit, instead of the one that it has.
    fn set_timer(&mut self, unit: Id, at: Moment) {
        self.clear_timer(unit);
        if at != Moment::NEVER {
            self.timers_set += 1;
            let number = self.timers_set;
            self.node(unit).timer = Some((at, number));
            self.timers.entry(at).or_default().insert(number, unit);
        }
    }

    /// Takes back the timer of a unit: it belongs to what the unit was doing until now.
    fn clear_timer(&mut self, unit: Id) {
        if let Some((at, number)) = self.node(unit).timer.take() {
            let timers = self.timers.entry(at).or_default();
            timers.remove(&number);
            if timers.is_empty() {
                self.timers.remove(&at);
            }
        }
    }

    /// The first unit that is due.
    fn next_due_unit(&self) -> Option<Id> {
        let (at, units) = self.timers.first_key_value()?;
        let (_, unit) = units.first_key_value()?;
        (*at <= self.now).then_some(*unit)
    }

    fn due(&mut self) {
        while let Some(unit) = self.next_due_unit() {
            self.clear_timer(unit);
            let is_stopping = self.is_stopping();
            let node = self.node(unit);
            match &node.stage {
                Stage::Waiting => self.waited_too_long(unit),
                Stage::Running(run) if run.asked.is_none() => self.started_too_slowly(unit),
                Stage::Running(_) => self.overran(unit),
                Stage::Delayed if is_stopping => {}
                Stage::Delayed => self.start(unit, true),
            }
        }
    }
}
