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
        for Newcomer { id, after, .. } in &newcomers {
            for (other, was_ready) in after {
                if !self.link(*id, *other) && !was_ready {
                    doomed.push((*id, *other));
                }
            }
        }
        for newcomer in &newcomers {
            self.share_out(newcomer.id);
        }
        for (id, other) in doomed {
            let was_stopped = false;
            self.fail(id, Fault::WaitsForEver { other, was_stopped });
        }
        for newcomer in newcomers {
            self.start_if_it_may(newcomer.id);
        }
    }

    fn enter(&mut self, newcomer: &mut Newcomer) {
        let flavour = self.flavours.entry(newcomer.flavour).or_default();
        // One that is being started is there when that is told, so that nobody overtakes those who wait.
        flavour.is_up |= newcomer.is_flavour_up && flavour.waiters.is_empty();
        self.nodes.insert(Node::new(newcomer));
        self.unreleased += 1;
    }

    /// Has a unit come after another one, unless that is over.
    fn link(&mut self, unit: Id, other: Id) -> bool {
        let Some(first) = self.nodes.get_mut(other) else {
            return false;
        };
        first.dependents += 1;
        let is_awaited = !first.was_ready;
        if is_awaited {
            first.waiters.push(unit);
        }
        let node = self.node(unit);
        node.pending += u32::from(is_awaited);
        node.after.push(other);
        node.below = None;
        true
    }

    fn start_if_it_may(&mut self, unit: Id) {
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        if is_stopping || node.wish == Some(Wish::Stop) {
            self.over(unit, UnitState::Ended);
        } else if node.pending == 0 {
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

    /// Starts a unit. Unless it `counts` on from the starts before, they are forgotten: the limit and the delays begin anew.
    pub(super) fn start(&mut self, unit: Id, counts: bool) {
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
            if self.node(id.unit).wish == Some(Wish::Restart) {
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
            (_, Handover::Over { can_run }) => self.decide(id.unit, can_run),
            (Err(None), _) => self.decide(id.unit, true),
            (Ok(()), _) => {}
        }
    }

    /// A run could not begin.
    fn refused(&mut self, id: RunId, failure: F) {
        self.failed(id, failure, true);
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

    /// A unit that waits does so for longer than it may.
    pub(super) fn waited_too_long(&mut self, unit: Id) {
        let others = self.waited_for(unit);
        let within = self.node(unit).policy().start_timeout.unwrap_or_default();
        self.fail(unit, Fault::WaitedTooLong { within, others });
    }
}
