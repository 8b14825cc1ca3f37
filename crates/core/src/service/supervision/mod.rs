//! What becomes of services: a value that is told what happens and says what is to be done. All policy is in
//! here, and no lock, clock, thread or code of the user's.
//!
//! ```text
//!                    `start`               Begun             asked: `ask`
//!   Waiting ───────────────► a run, unbegun ─────► begun ────────────────► asked to end, begun or not
//!      │                       ▲ ▲     │ │           │                        ▲ │
//!      │        at once, `start` │     │ └───────────┼──────── `ask` ─────────┘ │
//!      │                       │ │     ▼ Gone        ▼ Gone                     ▼ Gone
//!      │                       └─┼── `decide`: start again, wait for that, or over
//!      │  the delay is over,     │     │                                        │
//!      │  `start`             Delayed ◄┘                                        │
//!      ▼                         ▼                                              ▼
//!    over: the unit is forgotten here (`over`), or rests if it is startable (`wanted`, `resume`)
//! ```
//!
//! A run whose payload never came to be (its flavour did not start in time, or refused it) goes to `decide` without `Gone`, and
//! to `over` if it is asked while its flavour is being started.
//!
//! A group is a unit as well: its run is what is alive in it, and begins as it is handed in. Nothing of that is told before
//! no payload is left (`Drained`). What is in a group, and the group that a run has made, are children of it; a run is over
//! when its children are (`families`).
//!
//! `happening` is what it is told, `effect` what it answers, `node` what is known of units. `starting`, `running`,
//! `following` and `stopping` are what happens to a unit, in this order, and `overrunning` if it does not end; `shares` is how
//! the grace time is shared out.
//! Each of them decides by what is known, changes that, and appends effects; `Supervision::take` says what an event
//! leads to.
//!
//! A call does work for the units that its event is about, and for those that come right before and after them. Of what
//! is due, and of those that a stop is to ask, it looks at `STEP` units, and the next call goes on. Four events do more,
//! as they are one moment of many units: `HandedIn` looks at all that it brings, `FlavourUp` at all that waited for it,
//! `Cancelled` at all that is in a unit, and `GraceOver`, of which there is one, at all that are left. (The list of the order is tidied when half of it is
//! over, as a table is moved when it grows.)

mod effect;
mod families;
mod following;
mod happening;
mod node;
mod overrunning;
mod running;
mod shares;
mod starting;
mod stopping;
#[cfg(any(test, fuzzing))]
mod tests;
mod together;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use rustc_hash::FxHashMap;

#[cfg(fuzzing)]
pub(crate) use self::tests::play_bytes;

pub(crate) use self::effect::{Blame, Effect, Fault, Remark};
pub(crate) use self::happening::{Happening, Id, Link, Newcomer, RunId, Wish};
use self::node::{Asked, Doing, Fate, Handover, Node, Nodes, PRESENT, PresentRun, Waiter};
use self::overrunning::CUT_TIME;
use self::shares::Path;
use self::starting::KnownFlavour;
use self::stopping::{STEP, Stop};
use super::policy::Policy;
use super::state::UnitState;
use crate::base::moment::Moment;
use crate::errors::answer::Exit;

/// All services of a runtime that are not over for good.
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
    flavours: FxHashMap<usize, KnownFlavour>,
    grace: Duration,
    /// Decides what is up to chance.
    chance: fastrand::Rng,
    /// Runs of which it is not known that they have begun.
    unbegun: usize,
    /// Units that the stop waits for.
    unreleased: usize,
    stop: Option<Stop>,
    /// Units that have failed as they waited, and that may fail.
    doomed: VecDeque<Id>,
    /// Units of which a child is over, so that they may be over themselves.
    childless: Vec<Id>,
    /// Units whose turn to be asked to end has come, and what is wanted of them if a user wants that.
    turns: VecDeque<(Id, Option<Wish>)>,
}

/// When a unit falls due, and the number of the timer: those of one moment fall due as they were set.
///
/// Each unit has one at most: what it is for says what the unit is doing.
type Timer = (Moment, u64);

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
            chance: fastrand::Rng::with_seed(seed),
            unbegun: 0,
            unreleased: 0,
            stop: None,
            doomed: VecDeque::new(),
            childless: Vec::new(),
            turns: VecDeque::new(),
        }
    }

    /// Takes what has happened at `now`, and appends what is to be done for it.
    ///
    /// Events may come too late, for what is over; all that is called for them is about units that are not.
    pub(crate) fn handle(
        &mut self,
        now: Moment,
        event: Happening<F>,
        effects: &mut Vec<Effect<F>>,
    ) {
        self.now = now;
        std::mem::swap(&mut self.effects, effects);
        self.take(event);
        self.end_childless();
        self.go_on_with_doomed();
        self.end_childless();
        self.go_on_with_turns();
        self.end_stop();
        std::mem::swap(&mut self.effects, effects);
    }

    /// The runtime stops, as [`Happening::Stops`] says, and something is to be handled right after this: it may bring those
    /// that the stop has to wait for.
    pub(crate) fn begin_stop(&mut self, grace_over_at: Moment) {
        self.stops(grace_over_at);
    }

    /// Takes what has happened if nothing is to be done for it; else returns it, and it is to be [handled](Self::handle).
    pub(crate) fn take_quietly(&mut self, event: Happening<F>) -> Option<Happening<F>> {
        let is_noted = match &event {
            Happening::TookToken(_) => true,
            Happening::Launched(run, Ok(())) => {
                let is_over = |run: &mut PresentRun| matches!(run.handover, Handover::Over { .. });
                !self.nodes.run(*run).is_some_and(is_over)
            }
            Happening::Answered {
                run, exit, error, ..
            } => {
                let node = self.nodes.of_run(*run);
                let is_wrong = node.is_some_and(|node| node.wrong_end::<F>(*exit).is_some());
                error.is_none() && *exit != Some(Exit::Shutdown) && !is_wrong
            }
            _ => false,
        };
        if !is_noted {
            return Some(event);
        }
        self.take(event);
        None
    }

    /// When something falls due, if anything ever does.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        match &self.stop {
            Some(stop) if stop.unseen > 0 => Some(Moment::default()),
            _ if !self.doomed.is_empty() || !self.turns.is_empty() => Some(Moment::default()),
            _ => self.timers.first_key_value().map(|(at, _)| *at),
        }
    }

    /// Whether the value of a run that ends right now is kept for another one.
    pub(crate) fn keeps_value(&self, run: RunId) -> bool {
        let is_present = |node: &&Node| node.runs == run.number;
        let node = self.nodes.get(run.unit).filter(is_present);
        let keeps = |node: &Node| {
            // A failure of a child may still have it restarted.
            let may_suffer = node.children().next().is_some();
            let may_suffer = may_suffer && node.policy().restart().is_on_failure();
            node.policy().startable || may_suffer || node.is_followed(true)
        };
        self.stop.is_none() && node.is_some_and(keeps)
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

    fn take(&mut self, event: Happening<F>) {
        match event {
            Happening::HandedIn(newcomers) => self.hand_in(newcomers),
            Happening::FlavourUp(flavour) => self.flavour_up(flavour),
            Happening::FlavourDown(flavour, failure) => self.flavour_down(flavour, failure),
            Happening::Launched(run, result) => self.launched(run, result),
            Happening::Begun(run) => self.begun(run),
            Happening::Notified(run) => self.notified(run),
            Happening::TookToken(run) => self.took_token(run),
            Happening::Failed {
                run,
                failure,
                can_run,
                may_fail,
            } => self.failed(run, failure, can_run, may_fail),
            Happening::Answered {
                run,
                exit,
                error,
                may_fail,
            } => self.answered(run, exit, error, may_fail),
            Happening::Gone { run, can_run } => self.gone(run, can_run),
            Happening::Blocks(run) => self.blocks(run),
            Happening::Asked(unit, wish) => self.asked_together(vec![unit], wish),
            Happening::AskedTogether(units, wish) => self.asked_together(units, wish),
            Happening::Wanted(units) => self.wanted(units),
            Happening::Cancelled(unit) => self.cancelled(unit),
            Happening::MemberFailed {
                group,
                failure,
                is_error,
            } => self.member_failed(group, failure, is_error),
            Happening::Closed(group) => self.closed(group),
            Happening::Reopened(group) => self.reopened(group),
            Happening::Drained(group) => self.drained(group),
            Happening::Due => self.due(),
            Happening::Stops(grace_over_at) => self.stops(grace_over_at),
            Happening::GraceOver { by_signal } => self.grace_over(by_signal),
        }
    }

    fn push(&mut self, effect: Effect<F>) {
        self.effects.push(effect);
    }

    fn node(&mut self, unit: Id) -> &mut Node {
        self.nodes.get_mut(unit).expect(PRESENT)
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
    fn first_due(&self) -> Option<Id> {
        let (at, units) = self.timers.first_key_value()?;
        let (_, unit) = units.first_key_value()?;
        (*at <= self.now).then_some(*unit)
    }

    /// Sees to what is due, as far as one call may.
    fn due(&mut self) {
        for _ in 0..STEP {
            let Some(unit) = self.first_due() else { return };
            self.clear_timer(unit);
            match &self.nodes[unit].doing {
                Doing::InRun(run) if run.asked.is_some() => self.overran(unit),
                _ if self.is_stopping() => {}
                Doing::InRun(_) => self.started_too_slowly(unit),
                Doing::Waiting => self.waited_too_long(unit),
                // It has its turn to be asked to end.
                Doing::Delayed if self.is_orphan(unit) || self.nodes[unit].wish.is_some() => {}
                Doing::Delayed => self.start(unit, true),
                Doing::Resting => {}
            }
        }
    }
}
