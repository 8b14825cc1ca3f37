//! Asking units to end: one by one, and all of them in their order when the runtime stops.

use std::collections::{HashMap, VecDeque};

use super::node::{Asked, Launch, Run, Stage};
use super::timers::Due;
use super::{Blame, Call, Effect, Id, Line, RunId, STEP, Stop, Why, Wish};
use crate::base::moment::Moment;
use crate::service::state::UnitState;

impl<F> Call<'_, F> {
    /// Somebody wants a unit to stop or to restart.
    pub(super) fn asked(&mut self, unit: Id, wish: Wish) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.node(unit) else { return };
        match (wish, &node.stage) {
            (Wish::Stop, _) => {
                // Once the runtime stops it is that which asks, and hears of errors.
                if !is_stopping {
                    node.wish = Some(Wish::Stop);
                }
                self.ask(unit);
            }
            // None comes once the runtime stops, or the unit is to.
            _ if is_stopping || node.wish.is_some() => {}
            (Wish::Restart, Stage::Waiting) => {}
            (Wish::Restart, Stage::Delayed) => self.start(unit, false),
            (Wish::Restart, Stage::Running(run)) => {
                let stands_by = run.launch == Launch::StandsBy;
                node.wish = Some(Wish::Restart);
                // Else it is asked as soon as it is launched.
                if !stands_by {
                    self.ask(unit);
                }
            }
        }
    }

    /// Asks a unit to end.
    pub(super) fn ask(&mut self, unit: Id) {
        let due = self.stop_due(unit);
        let now = self.now;
        let Some(run) = self
            .present(unit)
            .filter(|run| run.launch != Launch::StandsBy)
        else {
            return self.over(unit, UnitState::Ended);
        };
        let is_given_up = run.is_given_up;
        if let Some(asked) = &mut run.asked {
            // Twice, as when the runtime stops meanwhile: what waits for it may be another.
            let is_sooner = due < asked.due;
            asked.due = due.min(asked.due);
            if is_sooner {
                self.set_timer(unit, due, Due::Stop);
            }
            if is_given_up {
                self.give_up(unit);
            }
            return;
        }
        run.asked = Some(Asked { at: now, due });
        let (id, has_begun, is_ending) = (run.id(unit), run.has_begun, run.is_ending);
        self.clear_timers(unit);
        if is_ending {
            return;
        }
        self.push(Effect::Request(unit));
        self.push(Effect::State(unit, UnitState::Stopping));
        self.push(Effect::Wake(id));
        self.set_timer(unit, due, Due::Stop);
        if has_begun {
            self.stop_begun(id);
        }
        // Else it has its first poll before it is cancelled: it may take its token there.
    }

    /// A run has begun, and was asked to end.
    pub(super) fn stop_begun(&mut self, id: RunId) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.all.nodes.get(&id.unit) else {
            return;
        };
        let is_blocking = node.is_blocking;
        let is_deaf = node
            .run()
            .is_some_and(|run| !run.holds_token && !run.is_ending);
        let is_first = !node
            .after
            .iter()
            .any(|other| self.all.nodes.contains_key(other));
        if !is_deaf {
            return;
        }
        if !is_blocking {
            self.push(Effect::Cancel(id));
        } else if is_stopping && is_first {
            // Nobody's turn depends on a thread that cannot hear.
            self.release(id.unit);
        }
    }

    /// When a unit that is asked to end right now has to have ended.
    fn stop_due(&self, unit: Id) -> Moment {
        let Some(node) = self.all.nodes.get(&unit) else {
            return Moment::NEVER;
        };
        self.now.plus(match &self.all.stop {
            Some(stop) => self.share(unit, stop.grace_over_at.since(self.now)),
            None => node.policy.stop_time().unwrap_or(self.all.grace),
        })
    }

    /// A run has used up the time that it had to end.
    pub(super) fn overran(&mut self, unit: Id) {
        let (now, is_stopping) = (self.now, self.is_stopping());
        let Some(node) = self.all.nodes.get(&unit) else {
            return;
        };
        let is_blocking = node.is_blocking;
        let is_late = |run: &&Run| {
            let is_due = run.asked.is_some_and(|asked| asked.due <= now);
            is_due && !run.is_ending && !run.is_given_up
        };
        let Some(run) = node.run().filter(is_late) else {
            return;
        };
        let (id, holds_token) = (run.id(unit), run.holds_token);
        if !is_stopping {
            self.push(Effect::Tell(unit, Line::Overran));
        } else if holds_token {
            self.blame(unit, Blame::Overran);
        }
        match is_blocking {
            true => self.give_up(unit),
            false => self.push(Effect::Cut(id)),
        }
    }

    /// A run that was cut short is not dropped, as it does not come to where it awaits.
    pub(super) fn blocks(&mut self, run: RunId) {
        if self.run(run).is_none_or(|run| run.is_ending) {
            return;
        }
        if self.is_stopping() {
            self.blame(run.unit, Blame::Overran);
        }
        self.give_up(run.unit);
    }

    /// Has the present run of a unit named in the report, once.
    fn blame(&mut self, unit: Id, blame: Blame) {
        let Some(run) = self.present(unit) else {
            return;
        };
        if !std::mem::replace(&mut run.is_blamed, true) {
            self.push(Effect::Blame(unit, blame));
        }
    }

    /// A run does not end, and nothing can be done about it.
    pub(super) fn give_up(&mut self, unit: Id) {
        let Some(run) = self.present(unit) else {
            return;
        };
        run.is_given_up = true;
        if self.is_stopping() {
            // Those before it have their turn.
            return self.release(unit);
        }
        let wish = self.node(unit).and_then(|node| node.wish);
        match wish {
            Some(Wish::Stop) => self.push(Effect::Tell(unit, Line::GoesOn)),
            _ => self.fail(unit, Why::Stuck),
        }
    }

    /// The stop does not wait for a unit any more.
    pub(super) fn release(&mut self, unit: Id) {
        let Some(node) = self.node(unit) else { return };
        if !std::mem::replace(&mut node.is_released, true) {
            let after = node.after.clone();
            self.all.unreleased -= 1;
            self.release_others(&after);
        }
    }

    /// The stop does not wait any more for one that comes after `others`.
    pub(super) fn release_others(&mut self, others: &[Id]) {
        // The last that came is the first to go.
        for other in others.iter().rev() {
            let Some(node) = self.all.nodes.get_mut(other) else {
                continue;
            };
            node.dependents -= 1;
            if let Some(stop) = &mut self.all.stop {
                // Those that come before are looked at in any case.
                if node.dependents == 0 && stop.looked_at <= *other {
                    stop.turns.push_back(*other);
                }
            }
        }
    }

    pub(super) fn stops(&mut self, grace_over_at: Moment) {
        let end = self.all.nodes.last_key_value().map_or(0, |(id, _)| id + 1);
        self.all.stop.get_or_insert(Stop {
            grace_over_at,
            looked_at: end,
            turns: VecDeque::new(),
            is_over: false,
        });
    }

    /// Asks those whose turn it is, the last that came first, as many as one call may.
    pub(super) fn go_on_with_stop(&mut self) {
        for _ in 0..STEP {
            let Some(stop) = &mut self.all.stop else {
                return;
            };
            if let Some(unit) = stop.turns.pop_front() {
                self.ask(unit);
                continue;
            }
            let next = self.all.nodes.range(..stop.looked_at).next_back();
            let next = next.map(|(id, node)| (*id, node.dependents));
            stop.looked_at = next.map_or(0, |(id, _)| id);
            match next {
                Some((id, 0)) => self.ask(id),
                Some(_) => {}
                None => break,
            }
        }
        self.end_stop_if_over();
    }

    fn end_stop_if_over(&mut self) {
        let is_over = self.all.unreleased == 0 && !self.all.is_stop_under_way();
        let stop = self.all.stop.as_mut();
        if let Some(stop) = stop.filter(|stop| is_over && !stop.is_over) {
            stop.is_over = true;
            self.push(Effect::StopOver);
        }
    }

    /// The grace time is over: names those that have not ended in it, and has all tokens say so.
    pub(super) fn grace_over(&mut self, by_signal: bool) {
        self.stops(self.now);
        self.due();
        let is_alive = |run: &&Run| run.launch != Launch::StandsBy && !run.is_ending;
        let alive = self.all.nodes.iter().filter_map(|(id, node)| {
            let run = node.run().filter(is_alive)?;
            Some((*id, run.asked, run.holds_token))
        });
        let alive: Vec<_> = alive.collect();
        let asked = alive.iter().filter(|(_, asked, _)| asked.is_some());
        let held_up = self.held_up_by(asked.map(|(unit, ..)| *unit));
        for (unit, asked, holds_token) in alive {
            // Whoever holds none is dropped, or left behind.
            if holds_token {
                let by = held_up.get(&unit).cloned().unwrap_or_default();
                self.blame(unit, self.blame_at_end(asked, by_signal, by));
            }
            let (at, due) = (self.now, self.now);
            if let Some(run) = self.present(unit).filter(|run| run.asked.is_none()) {
                run.asked = Some(Asked { at, due });
                let id = run.id(unit);
                self.push(Effect::Request(unit));
                self.push(Effect::Wake(id));
            }
        }
    }

    /// For each unit that stops after some of `asked`, which of them.
    fn held_up_by(&self, asked: impl Iterator<Item = Id>) -> HashMap<Id, Vec<Id>> {
        let mut held_up: HashMap<Id, Vec<Id>> = HashMap::new();
        for by in asked {
            let mut open = vec![by];
            while let Some(unit) = open.pop() {
                let after = self.all.nodes.get(&unit).map(|node| &node.after[..]);
                for other in after.unwrap_or_default() {
                    let known = held_up.entry(*other).or_default();
                    if known.last() != Some(&by) {
                        known.push(by);
                        open.push(*other);
                    }
                }
            }
        }
        held_up
    }

    fn blame_at_end(&self, asked: Option<Asked>, by_signal: bool, by: Vec<Id>) -> Blame {
        match asked {
            None => Blame::NotAsked { by },
            Some(Asked { at, due }) if by_signal && self.now < due => Blame::CutShort {
                after: self.now.since(at),
                of: due.since(at),
            },
            Some(_) => Blame::Overran,
        }
    }
}
