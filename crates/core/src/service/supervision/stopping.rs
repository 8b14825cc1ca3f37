//! Asking units to end: one by one, and all of them in their order when the runtime stops.

use super::*;

/// How many units one call looks at, at most, when the stop begins.
pub(super) const STEP: usize = 256;

/// How far the runtime's stop has come.
#[derive(Debug, Default)]
pub(super) struct Stop {
    pub(super) grace_over_at: Moment,
    /// How many units have not been looked at, in the order in which they came: the last that came is the first to go.
    pub(super) unseen: usize,
    is_over: bool,
}

impl<F> Supervision<F> {
    /// Somebody wants a unit to stop or to restart.
    pub(super) fn asked(&mut self, unit: Id, wish: Wish) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.nodes.get_mut(unit) else {
            return;
        };
        match (wish, &node.doing) {
            (Wish::Stop, Doing::Resting) if !is_stopping => {}
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
            (Wish::Restart, Doing::Resting) => {
                let in_order = std::mem::take(&mut node.is_in_order);
                self.resume(unit, in_order);
            }
            (Wish::Restart, Doing::Delayed) => self.restart(unit),
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

    /// Somebody wants a unit to stop at once: it is asked to stop, and has no time for that; nor has what is in it.
    pub(super) fn cancelled(&mut self, unit: Id) {
        let (mut all, mut seen) = (vec![unit], 0);
        while let Some(unit) = all.get(seen) {
            all.extend(self.children_of(*unit).into_iter().rev());
            seen += 1;
        }
        // What is in others first, and the last that came.
        for unit in all.into_iter().rev() {
            self.cancel(unit);
        }
    }

    fn cancel(&mut self, unit: Id) {
        // One that was given up has had its time. Yet it need not begin.
        let had_its_time = |run: &PresentRun| run.is_given_up && run.has_begun;
        let has_time = |run: &&mut PresentRun| !run.is_ending && !had_its_time(run);
        let run = self.nodes.get_mut(unit).and_then(Node::run_mut);
        let was_asked = run.filter(has_time).is_some_and(|run| {
            let is_news = !std::mem::replace(&mut run.is_cancelled, true);
            is_news && run.asked.is_some()
        });
        self.forget_restart(unit);
        self.asked(unit, Wish::Stop);
        // Else that has just been seen to.
        if was_asked && self.nodes.get(unit).is_some() {
            self.see_to_end(unit);
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
            let is_gone = run.gone.is_some();
            if is_sooner {
                if !is_gone {
                    self.set_timer(unit, due);
                }
                self.ask_children(unit);
            }
            // The runtime stops meanwhile, and others wait for it.
            if is_given_up && self.is_stopping() {
                self.give_up(unit);
            }
            return;
        }
        run.asked = Some(Asked { at, due });
        let (is_ending, is_gone) = (run.is_ending, run.gone.is_some());
        self.clear_timer(unit);
        self.ask_children(unit);
        if is_gone && self.nodes[unit].children().next().is_some() {
            self.push(Effect::State(unit, UnitState::Stopping));
        }
        if is_gone || is_ending {
            return;
        }
        self.request(id);
        self.set_timer(unit, due);
        self.see_to_end(unit);
    }

    /// Has a run hear that it is to end.
    fn request(&mut self, run: RunId) {
        self.push(Effect::State(run.unit, UnitState::Stopping));
        self.push(Effect::Wake(run));
    }

    /// The present run of a unit was asked to end: does what there is to do beside that, as far as it has begun.
    pub(super) fn see_to_end(&mut self, unit: Id) {
        let node = &self.nodes[unit];
        let goes_on = |run: &&PresentRun| !run.is_ending && run.gone.is_none();
        let Some(run) = node.run().filter(goes_on) else {
            return;
        };
        // One that has not begun has its first poll before it is cancelled: it may take its token there.
        let is_deaf = run.has_begun && !run.holds_token;
        let is_thread = node.is_blocking && run.has_begun;
        let is_there = |other: &Id| {
            self.nodes
                .get(*other)
                .is_some_and(|node| !node.is_resting())
        };
        let is_first = !node.after.iter().any(is_there);
        if run.is_cancelled && is_thread {
            if !run.is_given_up {
                self.give_up(unit);
            }
        } else if run.is_cancelled || is_deaf && !node.is_blocking {
            // Not cut, as it may be in a poll like any other. One that blocks is found when it falls due.
            self.push(Effect::Cancel(node.run_id()));
        } else if is_deaf && is_first && self.is_stopping() {
            // Nobody's turn depends on a thread that cannot hear.
            self.release(unit);
        }
    }

    /// The stop does not wait for a unit any more: who has waited for it alone has its turn.
    pub(super) fn release(&mut self, unit: Id) {
        let mut next = Some(unit);
        while let Some(unit) = next {
            next = self.release_alone(unit);
        }
    }

    /// Releases a unit, as soon as its children are. Returns its parent if that is to be released with it.
    fn release_alone(&mut self, unit: Id) -> Option<Id> {
        let node = self.node(unit);
        if node.unreleased_children > 0 {
            node.wants_release = true;
            return None;
        }
        if std::mem::replace(&mut node.is_released, true) {
            return None;
        }
        let (others, parent) = (node.after.clone(), node.parent);
        self.unreleased -= 1;
        // The last that came is the first to go.
        for other in others.into_iter().rev() {
            let Some(node) = self.nodes.get_mut(other) else {
                continue;
            };
            node.dependents -= 1;
            if self.is_held(other) || self.nodes[other].is_released {
                continue;
            }
            let parent = self.nodes[other]
                .parent
                .and_then(|parent| self.nodes.get(parent));
            let is_next = match parent {
                Some(parent) => parent.run().is_some_and(|run| run.asked.is_some()),
                // Those that have not been looked at will be.
                None => self.stop.as_ref().is_some_and(|stop| {
                    let unseen = self.nodes.order[..stop.unseen].last();
                    unseen.is_none_or(|next| *next < other)
                }),
            };
            if is_next {
                self.turns.push_back((other, None));
            }
        }
        let node = self.nodes.get_mut(parent?)?;
        node.unreleased_children -= 1;
        let is_last = node.wants_release && node.unreleased_children == 0;
        parent.filter(|_| is_last)
    }

    pub(super) fn stops(&mut self, grace_over_at: Moment) {
        self.stop.get_or_insert_with(|| Stop {
            grace_over_at,
            unseen: self.nodes.order.len(),
            ..Stop::default()
        });
    }

    /// Asks those whose turn it is, the last that came first, as many as one call may.
    pub(super) fn go_on_with_turns(&mut self) {
        for _ in 0..STEP {
            if let Some((unit, wish)) = self.turns.pop_front() {
                match wish {
                    // All have their turns once the runtime stops.
                    Some(_) if self.is_stopping() => {}
                    Some(wish) => self.asked(unit, wish),
                    None if self.nodes.get(unit).is_some() => self.ask(unit),
                    None => {}
                }
                self.end_childless();
                continue;
            }
            let unseen = self.stop.as_mut().filter(|stop| stop.unseen > 0);
            let Some(stop) = unseen else { return };
            stop.unseen -= 1;
            let unit = self.nodes.order[stop.unseen];
            let is_next = |node: &Node| node.dependents == 0 && node.parent.is_none();
            if self.nodes.get(unit).is_some_and(is_next) {
                self.ask(unit);
            }
        }
    }

    /// The runtime's stop waits for nobody any more, if so.
    pub(super) fn end_stop(&mut self) {
        let waits = self.unreleased > 0 || !self.turns.is_empty();
        let is_over = |stop: &&mut Stop| !waits && stop.unseen == 0 && !stop.is_over;
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
            let (id, is_blocking) = (node.run_id(), node.is_blocking);
            let is_alive = |run: &&mut PresentRun| {
                run.handover != Handover::StandsBy && !run.is_ending && run.gone.is_none()
            };
            let Some(run) = node.run_mut().filter(is_alive) else {
                continue;
            };
            let asked = run.asked;
            run.asked.get_or_insert(Asked { at: now, due: now });
            // Whoever holds none is dropped, or left behind; and a coroutine that was cancelled is being dropped.
            if run.holds_token && (is_blocking || !run.is_cancelled) {
                let blame = match asked {
                    _ if run.is_cancelled => Blame::Cancelled,
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
                self.ask_children(unit);
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
