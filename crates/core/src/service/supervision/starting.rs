//! Taking units in, and starting them in their order.

use std::collections::VecDeque;

use super::node::{Launch, Node, Run, Stage};
use super::timers::Due;
use super::{Call, Cause, Effect, Id, Line, Newcomer, RunId, Why, Wish};
use crate::service::state::UnitState;

impl<F> Call<'_, F> {
    pub(super) fn hand_in(&mut self, newcomers: Vec<Newcomer>) {
        let ids: Vec<_> = newcomers.iter().map(|newcomer| newcomer.id).collect();
        let mut doomed = Vec::new();
        let mut links = Vec::new();
        // All of them before any link: a name may stand for one that was handed in later.
        for newcomer in newcomers {
            let id = newcomer.id;
            let after = self.enter(newcomer);
            links.extend(after.into_iter().map(|other| (id, other)));
        }
        for (id, (other, was_ready)) in links {
            match self.node(other) {
                Some(node) => {
                    node.dependents += 1;
                    if !node.was_ready {
                        node.waiters.push(id);
                        self.add_pending(id);
                    }
                    if let Some(node) = self.node(id) {
                        node.after.push(other);
                    }
                }
                None if was_ready => {}
                None => {
                    self.add_pending(id);
                    doomed.push((id, other));
                }
            }
        }
        for id in &ids {
            self.share_out(*id);
        }
        for (id, other) in doomed {
            let was_stopped = false;
            self.fail(id, Why::WaitsForEver { other, was_stopped });
        }
        for id in ids {
            self.start_if_it_may(id);
        }
    }

    /// Enters a unit; returns what it comes after.
    fn enter(&mut self, newcomer: Newcomer) -> Vec<(Id, bool)> {
        let Newcomer {
            id,
            policy,
            after,
            is_blocking,
            flavour,
            is_flavour_up,
            wish,
        } = newcomer;
        let known = self.all.flavours.entry(flavour).or_default();
        // One that is being started is there when that is told, so that nobody overtakes those who wait.
        known.is_up |= is_flavour_up && !known.is_starting;
        self.all.nodes.insert(
            id,
            Node {
                policy,
                is_blocking,
                flavour,
                after: Vec::new(),
                waiters: Vec::new(),
                pending: 0,
                dependents: 0,
                below: None,
                was_ready: false,
                is_released: false,
                // It waits for its first start, so there is nothing to start again.
                wish: wish.filter(|wish| *wish == Wish::Stop),
                stage: Stage::Waiting,
                runs: 0,
                row: 0,
                starts: VecDeque::new(),
                has_failed: false,
                timers: Vec::new(),
            },
        );
        self.all.unreleased += 1;
        after
    }

    fn add_pending(&mut self, unit: Id) {
        if let Some(node) = self.node(unit) {
            node.pending += 1;
        }
    }

    fn start_if_it_may(&mut self, unit: Id) {
        let now = self.now;
        let is_stopping = self.is_stopping();
        let Some(node) = self.node(unit).filter(|node| node.is_waiting()) else {
            return;
        };
        if is_stopping || node.wish == Some(Wish::Stop) {
            self.over(unit, UnitState::Ended);
        } else if node.pending == 0 {
            self.start(unit, true);
        } else if let Some(time) = node.policy.start_timeout() {
            self.set_timer(unit, now.plus(time), Due::Wait);
        }
    }

    /// Starts a unit. `counts` says whether its limit does.
    pub(super) fn start(&mut self, unit: Id, counts: bool) {
        let now = self.now;
        self.clear_timers(unit);
        let Some(node) = self.node(unit) else { return };
        node.wish = None;
        if !counts {
            node.starts.clear();
            node.row = 0;
        }
        if node.policy.restart().starts_limit().is_some() {
            node.starts.push_back(now);
        }
        node.runs += 1;
        let (flavour, start_timeout) = (node.flavour, node.policy.start_timeout());
        let run = Run::new(node.runs, now, Launch::StandsBy);
        let id = run.id(unit);
        node.stage = Stage::Running(run);
        self.all.unbegun += 1;
        self.push(Effect::Starting(id));
        self.push(Effect::State(unit, UnitState::Starting));
        if let Some(time) = start_timeout {
            self.set_timer(unit, now.plus(time), Due::Start);
        }
        let flavour = self.all.flavours.entry(flavour).or_default();
        if flavour.is_up {
            return self.launch(id);
        }
        flavour.waiters.push_back(id);
        if !std::mem::replace(&mut flavour.is_starting, true) {
            self.push(Effect::StartFlavour(unit));
        }
    }

    fn launch(&mut self, id: RunId) {
        let stands_by = |run: &&mut Run| run.launch == Launch::StandsBy;
        if let Some(run) = self.run(id).filter(stands_by) {
            run.launch = Launch::UnderWay;
            self.push(Effect::Launch(id));
            let wish = self.node(id.unit).and_then(|node| node.wish);
            if wish == Some(Wish::Restart) {
                self.ask(id.unit);
            }
        }
    }

    pub(super) fn flavour_up(&mut self, flavour: usize) {
        let known = self.all.flavours.entry(flavour).or_default();
        (known.is_up, known.is_starting) = (true, false);
        for run in std::mem::take(&mut known.waiters) {
            self.launch(run);
        }
    }

    /// The first that waits has failed for it; the next one has it tried again.
    pub(super) fn flavour_down(&mut self, flavour: usize, failure: F) {
        match self.next_waiter(flavour) {
            Some(first) => self.refused(first, failure),
            None => self.push(Effect::Drop(failure)),
        }
        match self.next_waiter(flavour) {
            Some(next) => {
                let known = self.all.flavours.entry(flavour).or_default();
                known.waiters.push_front(next);
                self.push(Effect::StartFlavour(next.unit));
            }
            None => self.all.flavours.entry(flavour).or_default().is_starting = false,
        }
    }

    /// Takes out the first run that still waits for a flavour.
    fn next_waiter(&mut self, flavour: usize) -> Option<RunId> {
        loop {
            let waiters = &mut self.all.flavours.get_mut(&flavour)?.waiters;
            let next = waiters.pop_front()?;
            if self.run(next).is_some() {
                return Some(next);
            }
        }
    }

    pub(super) fn launched(&mut self, run: RunId, result: Result<(), Option<F>>) {
        let Some(present) = self.run(run) else {
            if let Err(Some(failure)) = result {
                self.push(Effect::Drop(failure));
            }
            return;
        };
        present.launch = Launch::Done;
        let ended = present.ended;
        match result {
            // It ended while this was under way.
            Ok(()) | Err(None) if ended.is_some() => {
                self.decide(run, ended.unwrap_or_default());
            }
            Ok(()) => {}
            Err(None) => self.decide(run, true),
            Err(Some(failure)) => self.refused(run, failure),
        }
    }

    /// A run could not begin.
    fn refused(&mut self, run: RunId, failure: F) {
        if let Some(present) = self.run(run) {
            present.launch = Launch::Done;
        }
        self.failed(run, failure, true);
        self.decide(run, true);
    }

    pub(super) fn begun(&mut self, run: RunId) {
        let Some(present) = self.run(run).filter(|run| !run.has_begun) else {
            return;
        };
        present.has_begun = true;
        let is_asked = present.asked.is_some();
        self.all.unbegun -= 1;
        let notifies = self
            .node(run.unit)
            .is_some_and(|node| node.policy.notifies_ready);
        if is_asked {
            self.stop_begun(run);
        } else if !notifies {
            self.ready(run);
        }
    }

    pub(super) fn notified(&mut self, run: RunId) {
        let notifies = self
            .node(run.unit)
            .is_some_and(|node| node.policy.notifies_ready);
        if notifies {
            self.ready(run);
        }
    }

    /// A run is ready, unless it was asked to end.
    pub(super) fn ready(&mut self, run: RunId) {
        let unit = run.unit;
        let is_ready = |run: &&mut Run| !run.is_ready && run.asked.is_none();
        let Some(present) = self.run(run).filter(is_ready) else {
            return;
        };
        present.is_ready = true;
        self.clear_timers(unit);
        let Some(node) = self.node(unit) else { return };
        node.was_ready = true;
        let waiters = std::mem::take(&mut node.waiters);
        self.push(Effect::State(unit, UnitState::Running));
        for waiter in waiters {
            let is_stopping = self.is_stopping();
            let Some(node) = self.node(waiter) else {
                continue;
            };
            node.pending -= 1;
            if node.pending == 0 && node.is_waiting() && !is_stopping {
                self.start(waiter, true);
            }
        }
    }

    fn waited_for(&self, unit: Id) -> Vec<Id> {
        let Some(node) = self.all.nodes.get(&unit) else {
            return Vec::new();
        };
        let is_awaited = |other: &&Id| {
            let other = self.all.nodes.get(other);
            other.is_some_and(|other| !other.was_ready)
        };
        node.after.iter().filter(is_awaited).copied().collect()
    }

    pub(super) fn waited_too_long(&mut self, unit: Id) {
        let others = self.waited_for(unit);
        let Some(node) = self.node(unit).filter(|node| node.is_waiting()) else {
            return;
        };
        let within = node.policy.start_timeout().unwrap_or_default();
        if !self.is_stopping() {
            self.fail(unit, Why::WaitedTooLong { within, others });
        }
    }

    pub(super) fn started_too_slowly(&mut self, unit: Id) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.node(unit) else { return };
        let policy = &node.policy;
        let (within, notifies) = (
            policy.start_timeout().unwrap_or_default(),
            policy.notifies_ready,
        );
        let waiters = node.waiters.clone();
        let Some(run) = node
            .run()
            .filter(|run| !run.is_ready && run.asked.is_none())
        else {
            return;
        };
        let (id, launch) = (run.id(unit), run.launch);
        if is_stopping {
            return;
        }
        let why = Why::Late {
            within,
            notifies,
            waiters,
        };
        self.fail_run(id, why);
        match launch {
            // Its flavour is still being started, on a thread that cannot be stopped.
            Launch::StandsBy => self.decide(id, true),
            Launch::UnderWay | Launch::Done => self.ask(unit),
        }
    }

    /// Tells the runtime of a failure of a unit that is none of a run.
    pub(super) fn fail(&mut self, unit: Id, why: Why) {
        if let Some(node) = self.node(unit) {
            node.has_failed = true;
        }
        self.record(unit, Cause::Made(why), None);
    }

    /// Says which units a unit waits for in vain, as the stop has begun.
    pub(super) fn waited_in_vain(&mut self, unit: Id) {
        for other in self.waited_for(unit) {
            self.push(Effect::InVain(unit, other));
        }
    }

    /// Finds out what stops after a unit, and says if that may take too long.
    fn share_out(&mut self, unit: Id) {
        let path = self.path_below(unit);
        let grace = self.all.grace;
        let Some(node) = self.node(unit) else { return };
        let own = node.stop_share().unwrap_or_default();
        let times = path.own.saturating_add(own);
        // Said once on each path, by the first that it is too long for.
        if path.own <= grace && times > grace {
            self.push(Effect::Tell(unit, Line::TooLong { times, grace }));
        }
    }
}
