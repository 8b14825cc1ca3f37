//! Taking units in, and starting them in their order.

use super::*;

/// What is known of a flavour.
#[derive(Debug, Default)]
pub(super) struct KnownFlavour {
    is_up: bool,
    /// Runs that wait for it, in their order. It is being started while there are any.
    waiters: VecDeque<RunId>,
}

impl<F> Supervision<F> {
    pub(super) fn hand_in(&mut self, mut newcomers: Vec<Newcomer>) {
        // All of them before any link: a name may stand for one that was handed in later.
        for newcomer in &mut newcomers {
            self.enter(newcomer);
        }
        let mut doomed = Vec::new();
        for newcomer in &newcomers {
            let (id, is_group) = (&newcomer.id, newcomer.is_group);
            for link in &newcomer.after {
                let is_there = self.link(*id, *link);
                if !is_there && !link.was_ready && link.is_needed && !is_group {
                    doomed.push((*id, link.other));
                }
            }
        }
        for newcomer in &newcomers {
            self.share_out(newcomer.id);
            for id in &newcomer.part_of {
                if let Some(whole) = self.nodes.get_mut(*id) {
                    whole.parts.push(newcomer.id);
                    self.node(newcomer.id).part_of.push(*id);
                }
            }
        }
        for (id, other) in doomed {
            let was_stopped = false;
            self.fail(id, Fault::WaitsForEver { other, was_stopped });
        }
        for newcomer in newcomers {
            // Some have been started by now, as one that they came after is over, or are over with what they are in.
            if self.nodes.get(newcomer.id).is_some_and(Node::is_waiting) {
                self.start_if_it_may(newcomer.id);
            }
        }
    }

    pub(super) fn enter(&mut self, newcomer: &mut Newcomer) {
        if !newcomer.is_group {
            let flavour = self.flavours.entry(newcomer.flavour).or_default();
            // One that is being started is there when that is told, so that nobody overtakes those who wait.
            flavour.is_up |= newcomer.is_flavour_up && flavour.waiters.is_empty();
        }
        self.nodes.insert(Node::new(newcomer));
        self.unreleased += 1;
        let parent = newcomer
            .parent
            .and_then(|parent| self.nodes.get_mut(parent));
        if let Some(parent) = parent {
            parent.add_child(newcomer.id);
        }
    }

    /// Has a unit come after another one, unless that is over.
    pub(super) fn link(&mut self, unit: Id, link: Link) -> bool {
        let (other, needs_it) = (link.other, link.is_needed);
        // A group comes after others at its end alone.
        let waits = !self.nodes[unit].is_group;
        let Some(first) = self.nodes.get_mut(other) else {
            return false;
        };
        first.dependents += 1;
        first.behind.push(unit);
        let is_awaited = waits && !first.was_ready;
        if is_awaited {
            first.waiters.push(Waiter { unit, needs_it });
        }
        let node = self.node(unit);
        node.pending += u32::from(is_awaited);
        node.after.push(other);
        node.needs.extend(needs_it.then_some(other));
        node.below = None;
        true
    }

    fn start_if_it_may(&mut self, unit: Id) {
        let is_stopping = self.is_stopping();
        let is_unwanted = self.nodes[unit].wish == Some(Wish::Stop) || self.is_orphan(unit);
        let node = self.node(unit);
        if node.has_failed && !is_stopping {
            // It is over soon: see `go_on_with_doomed`.
        } else if node.is_group && is_stopping && !is_unwanted {
            // What waits in it was taken in, and has its first poll; then it ends in its turn.
            let is_next = node.parent.is_none() && node.dependents == 0;
            self.open(unit);
            self.turns.extend(is_next.then_some((unit, None)));
        } else if is_stopping || is_unwanted {
            // The children first, which never begin either: what is over has none.
            for child in self.children_of(unit) {
                self.start_if_it_may(child);
            }
            self.over(unit, UnitState::Ended);
        } else if self.node(unit).is_group {
            self.open(unit);
        } else if self.node(unit).pending == 0 {
            self.start(unit, true);
        } else {
            self.limit_start(unit);
        }
    }

    /// Limits the time that a unit waits for others, or takes to get ready.
    fn limit_start(&mut self, unit: Id) {
        let limit = self.node(unit).policy().start_timeout;
        self.set_timer(unit, self.now.plus(limit.unwrap_or(Duration::MAX)));
    }

    /// Somebody wants units to be started that are over, or about to be.
    pub(super) fn wanted(&mut self, units: Vec<Id>) {
        if self.is_stopping() {
            return;
        }
        let is_alone = units.len() == 1;
        for unit in self.in_starting_order(units) {
            if self.nodes.get(unit).is_none() || self.is_orphan(unit) {
                continue;
            }
            let node = self.node(unit);
            match node.doing {
                Doing::Resting => self.resume(unit, !is_alone),
                Doing::InRun(_) if node.wish == Some(Wish::Stop) && node.policy().startable => {
                    // As soon as it has ended.
                    node.wish = Some(Wish::Restart);
                    node.is_in_order |= !is_alone;
                }
                _ => {}
            }
        }
    }

    /// Starts a unit that is over and startable, as soon as those are ready that it comes after and that are on their way:
    /// those that never were, or, `in_order`, all that are not now.
    pub(super) fn resume(&mut self, unit: Id, in_order: bool) {
        let pending = self.await_others(unit, |other| match in_order {
            true => other.is_on_its_way(),
            false => !other.was_ready && !other.is_resting(),
        });
        let node = self.node(unit);
        (node.has_failed, node.pending) = (false, pending);
        (node.doing, node.row) = (Doing::Waiting, 0);
        node.starts.clear();
        self.push(Effect::Resume(unit));
        if pending == 0 {
            return self.start(unit, false);
        }
        self.push(Effect::State(unit, UnitState::Waiting));
        self.limit_start(unit);
    }

    /// Has a unit wait for those that it comes after, as far as they are to be waited for; returns how many.
    fn await_others(&mut self, unit: Id, is_awaited: impl Fn(&Node) -> bool) -> u32 {
        let node = &self.nodes[unit];
        let (others, needs) = (node.after.clone(), node.needs.clone());
        let mut pending = 0;
        for other in others {
            let needs_it = needs.contains(&other);
            let Some(other) = self.nodes.get_mut(other) else {
                continue;
            };
            other.waiters.retain(|waiter| waiter.unit != unit);
            if is_awaited(other) {
                other.waiters.push(Waiter { unit, needs_it });
                pending += 1;
            }
        }
        pending
    }

    /// Starts a unit again as somebody wants it to restart: at once, or in its order.
    pub(super) fn restart(&mut self, unit: Id) {
        let in_order = std::mem::take(&mut self.node(unit).is_in_order);
        let pending = match in_order {
            true => self.await_others(unit, Node::is_on_its_way),
            false => 0,
        };
        if pending == 0 {
            return self.start(unit, false);
        }
        let node = self.node(unit);
        (node.wish, node.pending) = (None, pending);
        (node.doing, node.row) = (Doing::Waiting, 0);
        node.starts.clear();
        self.push(Effect::State(unit, UnitState::Waiting));
        self.limit_start(unit);
        self.free(unit);
    }

    /// Starts a unit. Unless it `counts` on from the starts before, they are forgotten: the limit and the delays begin anew.
    pub(super) fn start(&mut self, unit: Id, counts: bool) {
        self.free(unit);
        let now = self.now;
        let node = self.node(unit);
        node.wish = None;
        if !counts {
            node.starts.clear();
            node.row = 0;
        }
        if node.policy().restart().starts_limit().is_some() {
            node.starts.push(now);
        }
        node.runs += 1;
        node.doing = Doing::InRun(PresentRun {
            started: now,
            ..PresentRun::default()
        });
        let (run, flavour) = (node.run_id(), node.flavour);
        self.unbegun += 1;
        self.push(Effect::State(unit, UnitState::Starting));
        self.limit_start(unit);
        let flavour = self.flavours.entry(flavour).or_default();
        if flavour.is_up {
            return self.launch(run);
        }
        if flavour.waiters.is_empty() {
            self.effects.push(Effect::StartFlavour(unit));
        }
        flavour.waiters.push_back(run);
    }

    /// Hands a run that stood by to its flavour, if it is still there.
    fn launch(&mut self, id: RunId) {
        if let Some(run) = self.nodes.run(id) {
            run.handover = Handover::UnderWay;
            self.push(Effect::Launch(id));
            // Once the runtime stops it has its turn.
            if self.node(id.unit).wish == Some(Wish::Restart) && !self.is_stopping() {
                self.ask(id.unit);
            }
        }
    }

    pub(super) fn flavour_up(&mut self, flavour: usize) {
        let flavour = self.flavours.entry(flavour).or_default();
        flavour.is_up = true;
        for run in std::mem::take(&mut flavour.waiters) {
            self.launch(run);
        }
    }

    /// The first that waits has failed for it; the next one has it tried again.
    pub(super) fn flavour_down(&mut self, flavour: usize, failure: F) {
        match self.first_waiter(flavour) {
            Some(first) => self.refused(first, failure),
            None => self.push(Effect::Unclaimed(failure)),
        }
        if let Some(next) = self.first_waiter(flavour) {
            self.push(Effect::StartFlavour(next.unit));
        }
    }

    /// The first run that still waits for a flavour. Those before it are forgotten.
    fn first_waiter(&mut self, flavour: usize) -> Option<RunId> {
        let waiters = &mut self.flavours.get_mut(&flavour)?.waiters;
        while self.nodes.run(*waiters.front()?).is_none() {
            waiters.pop_front();
        }
        waiters.front().copied()
    }

    pub(super) fn launched(&mut self, id: RunId, result: Result<(), Option<F>>) {
        let Some(run) = self.nodes.run(id) else {
            let failure = result.err().flatten();
            return self.effects.extend(failure.map(Effect::Unclaimed));
        };
        let before = std::mem::replace(&mut run.handover, Handover::Done);
        match (result, before) {
            (Err(Some(failure)), _) => self.refused(id, failure),
            (_, Handover::Over { can_run }) => self.end_run(id.unit, can_run),
            (Err(None), _) => self.decide(id.unit, true),
            (Ok(()), _) => {}
        }
    }

    /// A run could not begin.
    fn refused(&mut self, id: RunId, failure: F) {
        let may_fail = self.node(id.unit).policy().may_fail;
        self.failed(id, failure, true, may_fail);
        self.decide(id.unit, true);
    }

    /// Which of those that a unit comes after have not been ready.
    pub(super) fn waited_for(&self, unit: Id) -> Vec<Id> {
        let is_awaited = |other: &&Id| {
            let other = self.nodes.get(**other);
            other.is_some_and(|other| !other.was_ready)
        };
        let after = self.nodes[unit].after.iter();
        after.filter(is_awaited).copied().collect()
    }

    /// Starts a unit that waits, if it has nobody to wait for any more.
    pub(super) fn start_if_next(&mut self, unit: Id) {
        let node = self.node(unit);
        let may_start = node.pending == 0 && node.is_waiting() && node.wish.is_none();
        if may_start && self.stop.is_none() {
            self.start(unit, true);
        }
    }

    /// Ends units that have failed as they waited, which is their own affair: as many as one call may, as each may be
    /// awaited by another one.
    pub(super) fn go_on_with_doomed(&mut self) {
        for _ in 0..STEP {
            let Some(unit) = self.doomed.pop_front() else {
                return;
            };
            if self.nodes.get(unit).is_some_and(Node::is_waiting) {
                self.over(unit, UnitState::Failed);
            }
        }
    }

    /// A unit that waits does so for longer than it may.
    pub(super) fn waited_too_long(&mut self, unit: Id) {
        let others = self.waited_for(unit);
        let within = self.node(unit).policy().start_timeout.unwrap_or_default();
        self.fail(unit, Fault::WaitedTooLong { within, others });
    }
}
