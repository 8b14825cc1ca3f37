//! Taking units in, and starting them in their order.

use super::*;

impl<F> Supervision<F> {
    pub(super) fn hand_in(&mut self, mut newcomers: Vec<Newcomer>) {
        // All of them before any link: a name may stand for one that was handed in later.
        for newcomer in &mut newcomers {
            self.enter(newcomer);
        }
        let mut doomed = Vec::new();
        for Newcomer { id, after, .. } in &newcomers {
            for (other, was_ready) in after {
                if !self.link(*id, *other) && !was_ready {
                    self.node(*id).pending += 1;
                    doomed.push((*id, *other));
                }
            }
        }
        for newcomer in &newcomers {
            self.share_out(newcomer.id);
        }
        for (id, other) in doomed {
            let was_stopped = false;
            self.fail(id, Why::WaitsForEver { other, was_stopped });
        }
        for newcomer in newcomers {
            self.start_if_it_may(newcomer.id);
        }
    }

    fn enter(&mut self, newcomer: &mut Newcomer) {
        let flavour = self.flavours.entry(newcomer.flavour).or_default();
        // One that is being started is there when that is told, so that nobody overtakes those who wait.
        flavour.is_up |= newcomer.is_flavour_up && !flavour.is_starting;
        self.nodes.insert(Node::new(newcomer));
        self.unreleased += 1;
    }

    /// Has a unit come after another one, unless that is over.
    fn link(&mut self, unit: Id, other: Id) -> bool {
        let Some(first) = self.nodes.get_mut(other) else {
            return false;
        };
        let is_awaited = !first.was_ready;
        first.dependents += 1;
        if is_awaited {
            first.rare_mut().waiters.push(unit);
        }
        let node = self.node(unit);
        node.pending += u32::from(is_awaited);
        node.rare_mut().after.push(other);
        true
    }

    fn start_if_it_may(&mut self, unit: Id) {
        let (now, is_stopping) = (self.now, self.is_stopping());
        // A failure of another newcomer may have ended it already.
        let waits = |node: &&mut Node| node.is_waiting();
        let Some(node) = self.nodes.get_mut(unit).filter(waits) else {
            return;
        };
        if is_stopping || node.wish == Some(Wish::Stop) {
            self.over(unit, UnitState::Ended);
        } else if node.pending == 0 {
            self.start(unit, true);
        } else if let Some(time) = node.policy().start_timeout {
            self.set_timer(unit, now.plus(time));
        }
    }

    /// Starts a unit. `counts` says whether its limit does.
    pub(super) fn start(&mut self, unit: Id, counts: bool) {
        let now = self.now;
        self.clear_timer(unit);
        let node = self.node(unit);
        node.wish = None;
        if !counts {
            node.forget_starts();
            node.row = 0;
        }
        if node.policy().restart().starts_limit().is_some() {
            node.rare_mut().starts.push(now);
        }
        node.runs += 1;
        node.stage = Stage::Running(Run {
            started: now,
            ..Run::default()
        });
        let (flavour, start_timeout) = (node.flavour, node.policy().start_timeout);
        let run = node.run_id();
        self.unbegun += 1;
        self.push(Effect::NewRun(run));
        self.push(Effect::State(unit, UnitState::Starting));
        if let Some(time) = start_timeout {
            self.set_timer(unit, now.plus(time));
        }
        let flavour = self.flavours.entry(flavour).or_default();
        if flavour.is_up {
            return self.launch(run);
        }
        flavour.waiters.push_back(run);
        if !std::mem::replace(&mut flavour.is_starting, true) {
            self.push(Effect::StartFlavour(unit));
        }
    }

    /// Hands a run that stood by to its flavour.
    fn launch(&mut self, id: RunId) {
        let stands_by = |run: &&mut Run| run.handover == Handover::StandsBy;
        if let Some(run) = self.nodes.run(id).filter(stands_by) {
            run.handover = Handover::UnderWay;
            self.push(Effect::Launch(id));
            if self.node(id.unit).wish == Some(Wish::Restart) {
                self.ask(id.unit);
            }
        }
    }

    pub(super) fn flavour_up(&mut self, flavour: usize) {
        let flavour = self.flavours.entry(flavour).or_default();
        (flavour.is_up, flavour.is_starting) = (true, false);
        for run in std::mem::take(&mut flavour.waiters) {
            self.launch(run);
        }
    }

    /// The first that waits has failed for it; the next one has it tried again.
    pub(super) fn flavour_down(&mut self, flavour: usize, failure: F) {
        match self.next_waiter(flavour) {
            Some(first) => self.refused(first, failure),
            None => self.push(Effect::Drop(failure)),
        }
        let next = self.next_waiter(flavour);
        let known = self.flavours.entry(flavour).or_default();
        known.is_starting = next.is_some();
        if let Some(next) = next {
            known.waiters.push_front(next);
            self.push(Effect::StartFlavour(next.unit));
        }
    }

    /// Takes out the first run that still waits for a flavour.
    fn next_waiter(&mut self, flavour: usize) -> Option<RunId> {
        let waiters = &mut self.flavours.get_mut(&flavour)?.waiters;
        std::iter::from_fn(|| waiters.pop_front()).find(|run| self.nodes.run(*run).is_some())
    }

    pub(super) fn launched(&mut self, id: RunId, result: Result<(), Option<F>>) {
        let Some(run) = self.nodes.run(id) else {
            if let Err(Some(failure)) = result {
                self.push(Effect::Drop(failure));
            }
            return;
        };
        run.handover = Handover::Done;
        match (result, run.ended) {
            (Err(Some(failure)), _) => self.refused(id, failure),
            // It ended while this was under way.
            (_, Some(can_run)) => self.decide(id.unit, can_run),
            (Err(None), None) => self.decide(id.unit, true),
            (Ok(()), None) => {}
        }
    }

    /// A run could not begin.
    fn refused(&mut self, id: RunId, failure: F) {
        if let Some(run) = self.nodes.run(id) {
            run.handover = Handover::Done;
        }
        self.failed(id, failure, true);
        self.decide(id.unit, true);
    }

    pub(super) fn begun(&mut self, id: RunId) {
        let Some(run) = self.nodes.run(id).filter(|run| !run.has_begun) else {
            return;
        };
        run.has_begun = true;
        let is_asked = run.asked.is_some();
        self.unbegun -= 1;
        if is_asked {
            self.stop_begun(id.unit);
        } else if !self.node(id.unit).policy().notifies_ready {
            self.ready(id.unit);
        }
    }

    pub(super) fn notified(&mut self, id: RunId) {
        if self.nodes.run(id).is_some() && self.node(id.unit).policy().notifies_ready {
            self.ready(id.unit);
        }
    }

    /// The present run of a unit is ready, unless it was asked to end.
    pub(super) fn ready(&mut self, unit: Id) {
        let node = self.node(unit);
        let Some(run) = node.run_mut().filter(|run| run.is_starting()) else {
            return;
        };
        run.is_ready = true;
        node.was_ready = true;
        let waiters = node.take_waiters();
        self.clear_timer(unit);
        self.push(Effect::State(unit, UnitState::Running));
        let is_stopping = self.is_stopping();
        for waiter in waiters {
            let Some(node) = self.nodes.get_mut(waiter) else {
                continue;
            };
            node.pending -= 1;
            if node.pending == 0 && node.is_waiting() && !is_stopping {
                self.start(waiter, true);
            }
        }
    }

    /// Which of those that a unit comes after have not been ready.
    pub(super) fn waited_for(&self, unit: Id) -> Vec<Id> {
        let is_awaited = |other: &&Id| {
            let other = self.nodes.get(**other);
            other.is_some_and(|other| !other.was_ready)
        };
        let after = self.nodes[unit].after().iter();
        after.filter(is_awaited).copied().collect()
    }

    /// A unit that waits does so for longer than it may.
    pub(super) fn waited_too_long(&mut self, unit: Id) {
        if !self.is_stopping() {
            let others = self.waited_for(unit);
            let within = self.node(unit).policy().start_timeout.unwrap_or_default();
            self.fail(unit, Why::WaitedTooLong { within, others });
        }
    }

    /// The present run of a unit is not ready in time.
    pub(super) fn started_too_slowly(&mut self, unit: Id) {
        if self.is_stopping() {
            return;
        }
        let node = self.node(unit);
        let Some(run) = node.run().filter(|run| run.is_starting()) else {
            return;
        };
        let stands_by = run.handover == Handover::StandsBy;
        let why = Why::Late {
            within: node.policy().start_timeout.unwrap_or_default(),
            notifies: node.policy().notifies_ready,
            waiters: node.waiters().to_vec(),
        };
        self.judge(unit, Fault::Made(Box::new(why)), false, true);
        match stands_by {
            // Its flavour is still being started, on a thread that cannot be stopped.
            true => self.decide(unit, true),
            false => self.ask(unit),
        }
    }

    /// Tells the runtime of a failure of a unit that is none of a run.
    pub(super) fn fail(&mut self, unit: Id, why: Why) {
        self.node(unit).has_failed = true;
        self.record(unit, Fault::Made(Box::new(why)), None);
    }

    /// Finds out what stops after a unit, and says if that may take too long.
    fn share_out(&mut self, unit: Id) {
        let below = self.path_below(unit).own;
        let own = self.node(unit).stop_share().unwrap_or_default();
        let (times, grace) = (below.saturating_add(own), self.grace);
        // Said once on each path, by the first that it is too long for.
        if below <= grace && times > grace {
            self.push(Effect::Tell(unit, Remark::TooLong { times, grace }));
        }
    }
}
