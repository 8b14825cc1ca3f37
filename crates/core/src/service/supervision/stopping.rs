//! Asking units to end: one by one, and all of them in their order when the runtime stops.

use super::*;

/// How many units one call looks at, at most, when the stop begins.
pub(super) const STEP: usize = 256;

/// How far the runtime's stop has come.
#[derive(Debug, Default)]
pub(super) struct Stop {
    pub(super) grace_over_at: Moment,
    /// How many units have not been looked at, in the order in which they came: the last that came is the first to go.
    unseen: usize,
    /// Units among these whose turn to be asked has come.
    turns: VecDeque<Id>,
    is_over: bool,
}

impl Stop {
    /// Whether some units have not been looked at since it began.
    pub(super) fn is_under_way(&self) -> bool {
        self.unseen > 0 || !self.turns.is_empty()
    }
}

impl<F> Supervision<F> {
    /// Somebody wants a unit to stop or to restart.
    pub(super) fn asked(&mut self, unit: Id, wish: Wish) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.nodes.get_mut(unit) else {
            return;
        };
        match (wish, &node.doing) {
            (Wish::Stop, _) => {
                // Once the runtime stops it is that which asks, and hears of errors.
                if !is_stopping {
                    node.wish = Some(Wish::Stop);
                }
                self.ask(unit);
            }
            // Nothing more once the runtime stops, or while a stop or a restart of the unit is under way.
            _ if is_stopping || node.wish.is_some() => {}
            (Wish::Restart, Doing::Waiting) => {}
            (Wish::Restart, Doing::Delayed) => self.start(unit, false),
            (Wish::Restart, Doing::InRun(run)) => {
                let stands_by = run.handover == Handover::StandsBy;
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
        let (at, due) = (self.now, self.stop_due(unit));
        let node = self.node(unit);
        let id = node.run_id();
        let is_launched = |run: &&mut PresentRun| run.handover != Handover::StandsBy;
        let Some(run) = node.run_mut().filter(is_launched) else {
            return self.over(unit, UnitState::Ended);
        };
        if let Some(asked) = &mut run.asked {
            let (is_sooner, is_given_up) = (due < asked.due, run.is_given_up);
            asked.due = due.min(asked.due);
            if is_sooner {
                self.set_timer(unit, due);
            }
            // The runtime stops meanwhile, and others wait for it.
            if is_given_up && self.is_stopping() {
                self.give_up(unit);
            }
            return;
        }
        run.asked = Some(Asked { at, due });
        let (has_begun, is_ending) = (run.has_begun, run.is_ending);
        self.clear_timer(unit);
        if is_ending {
            return;
        }
        self.request(id);
        self.set_timer(unit, due);
        // One that has not begun has its first poll before it is cancelled, in which it may take its token; unless its
        // time is over by then.
        if has_begun {
            self.stop_begun(unit);
        }
    }

    /// Has a run hear that it is to end.
    fn request(&mut self, run: RunId) {
        self.push(Effect::State(run.unit, UnitState::Stopping));
        self.push(Effect::Wake(run));
    }

    /// The present run of a unit has begun, and was asked to end.
    pub(super) fn stop_begun(&mut self, unit: Id) {
        let node = &self.nodes[unit];
        let is_deaf = |run: &PresentRun| !run.holds_token && !run.is_ending;
        if !node.run().is_some_and(is_deaf) {
            return;
        }
        let is_there = |other: &Id| self.nodes.get(*other).is_some();
        let is_first = !node.after.iter().any(is_there);
        if !node.is_blocking {
            self.push(Effect::Cancel(node.run_id()));
        } else if is_first && self.is_stopping() {
            // Nobody's turn depends on a thread that cannot hear.
            self.release(unit);
        }
    }

    /// The present run of a unit has used up the time that it had to end.
    pub(super) fn overran(&mut self, unit: Id) {
        let node = &self.nodes[unit];
        let (is_blocking, id) = (node.is_blocking, node.run_id());
        let is_late = |run: &&PresentRun| !run.is_ending && !run.is_given_up;
        let Some(run) = node.run().filter(is_late) else {
            return;
        };
        if self.stop.is_none() {
            self.effects.push(Effect::Tell(unit, Remark::Overran));
        } else if run.holds_token {
            self.blame(unit, Blame::Overran);
        }
        match is_blocking {
            true => self.give_up(unit),
            false => self.push(Effect::Cut(id)),
        }
    }

    /// A run that was cut short is not dropped, as it does not come to where it awaits.
    pub(super) fn blocks(&mut self, id: RunId) {
        if self.nodes.run(id).is_none_or(|run| run.is_ending) {
            return;
        }
        if self.is_stopping() {
            self.blame(id.unit, Blame::Overran);
        }
        self.give_up(id.unit);
    }

    /// Has the present run of a unit named in the report, once.
    fn blame(&mut self, unit: Id, blame: Blame) {
        let run = self.node(unit).run_mut().expect("blamed is who runs");
        if !std::mem::replace(&mut run.is_blamed, true) {
            self.push(Effect::Blame(unit, blame));
        }
    }

    /// The present run of a unit does not end, and nothing can be done about it.
    fn give_up(&mut self, unit: Id) {
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        let is_unwanted = node.wish == Some(Wish::Stop);
        node.run_mut().expect("given up is who runs").is_given_up = true;
        if is_stopping {
            // Those before it have their turn.
            self.release(unit);
        } else if is_unwanted {
            self.push(Effect::Tell(unit, Remark::GoesOn));
        } else {
            self.fail(unit, Fault::Stuck);
        }
    }

    /// The stop does not wait for a unit any more: who has waited for it alone has its turn.
    pub(super) fn release(&mut self, unit: Id) {
        let node = self.node(unit);
        if std::mem::replace(&mut node.is_released, true) {
            return;
        }
        let others = node.after.clone();
        self.unreleased -= 1;
        // The last that came is the first to go.
        for other in others.into_iter().rev() {
            let Some(node) = self.nodes.get_mut(other) else {
                continue;
            };
            node.dependents -= 1;
            let is_next = node.dependents == 0;
            let Some(stop) = self.stop.as_mut().filter(|_| is_next) else {
                continue;
            };
            // Those that have not been looked at will be.
            let unseen = &self.nodes.order[..stop.unseen];
            if unseen.last().is_none_or(|next| *next < other) {
                stop.turns.push_back(other);
            }
        }
    }

    pub(super) fn stops(&mut self, grace_over_at: Moment) {
        self.stop.get_or_insert_with(|| Stop {
            grace_over_at,
            unseen: self.nodes.order.len(),
            ..Stop::default()
        });
    }

    /// Asks those whose turn it is, the last that came first, as many as one call may.
    pub(super) fn go_on_with_stop(&mut self) {
        for _ in 0..STEP {
            let Some(stop) = &mut self.stop else {
                return;
            };
            if let Some(unit) = stop.turns.pop_front() {
                if self.nodes.get(unit).is_some() {
                    self.ask(unit);
                }
            } else if stop.unseen > 0 {
                stop.unseen -= 1;
                let unit = self.nodes.order[stop.unseen];
                let node = self.nodes.get(unit);
                if node.is_some_and(|node| node.dependents == 0) {
                    self.ask(unit);
                }
            } else {
                break;
            }
        }
        let all_released = self.unreleased == 0;
        let is_over = |stop: &&mut Stop| all_released && !stop.is_under_way() && !stop.is_over;
        if let Some(stop) = self.stop.as_mut().filter(is_over) {
            stop.is_over = true;
            self.push(Effect::StopOver);
        }
    }

    /// The grace time is over: names those that have not ended in it, and has all tokens say so. A thread that holds one
    /// by now and is not named here would be listed as left behind, though it was asked.
    pub(super) fn grace_over(&mut self, by_signal: bool) {
        self.stops(self.now);
        self.due();
        let (now, units) = (self.now, self.nodes.in_order());
        let mut held_up = self.held_up(&units);
        for unit in units {
            let node = self.node(unit);
            let id = node.run_id();
            let is_alive =
                |run: &&mut PresentRun| run.handover != Handover::StandsBy && !run.is_ending;
            let Some(run) = node.run_mut().filter(is_alive) else {
                continue;
            };
            let asked = run.asked;
            run.asked.get_or_insert(Asked { at: now, due: now });
            // Whoever holds none is dropped, or left behind.
            if run.holds_token {
                let blame = match asked {
                    None => Blame::NotAsked {
                        by: held_up.remove(&unit).unwrap_or_default(),
                    },
                    Some(Asked { at, due }) if by_signal && now < due => Blame::CutShort {
                        after: now.since(at),
                        of: due.since(at),
                    },
                    Some(_) => Blame::Overran,
                };
                self.blame(unit, blame);
            }
            if asked.is_none() {
                self.clear_timer(unit);
                self.request(id);
            }
        }
    }

    /// For each unit that stops after some that were asked to end and go on, which of them.
    fn held_up(&self, units: &[Id]) -> HashMap<Id, Vec<Id>> {
        let goes_on = |run: &PresentRun| run.asked.is_some() && !run.is_ending;
        let mut held_up: HashMap<Id, Vec<Id>> = HashMap::new();
        for by in units {
            let mut open = Vec::new();
            if self.nodes[*by].run().is_some_and(goes_on) {
                open.push(*by);
            }
            while let Some(unit) = open.pop() {
                let after = self.nodes.get(unit).map(|node| &node.after[..]);
                for other in after.unwrap_or_default() {
                    let known = held_up.entry(*other).or_default();
                    if known.last() != Some(by) {
                        known.push(*by);
                        open.push(*other);
                    }
                }
            }
        }
        held_up
    }
}
