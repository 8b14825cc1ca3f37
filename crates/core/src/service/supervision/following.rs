//! What becomes of a unit whose run is over.

use thin_vec::ThinVec;

use super::*;

impl<F> Supervision<F> {
    /// Nothing is left of a run.
    pub(super) fn gone(&mut self, id: RunId, can_run: bool) {
        match self.nodes.run(id) {
            // It was left behind, and its children are not over.
            Some(run) if run.is_left => run.is_left = false,
            // What has become of the launch is told right after this, and may be the reason.
            Some(run) if run.handover == Handover::UnderWay => {
                run.handover = Handover::Over { can_run };
            }
            Some(run) if run.gone.is_none() => self.end_run(id.unit, can_run),
            _ => {}
        }
    }

    /// Nothing is left of a unit's present run but, maybe, its children.
    pub(super) fn end_run(&mut self, unit: Id, can_run: bool) {
        self.count_as_begun(unit);
        let now = self.now;
        let node = self.node(unit);
        let run = node.run_mut().expect("a run ends once");
        (run.gone, run.ended) = (Some(can_run), now);
        let goes_on = run.asked.is_none() && run.failure.is_none();
        for child in self.children_of(unit) {
            self.closed(child);
        }
        if self.ends_with_children(unit) {
            return;
        }
        self.clear_timer(unit);
        if goes_on {
            self.ready(unit);
            self.push(Effect::State(unit, UnitState::Finishing));
        }
    }

    /// Decides what becomes of a unit whose present run is over.
    pub(super) fn decide(&mut self, unit: Id, can_run: bool) {
        self.count_as_begun(unit);
        let has_returned = |run: &PresentRun| run.is_ending && run.failure.is_none();
        if self.node(unit).run().is_some_and(has_returned) {
            // One that came to its end in its first poll was ready for a moment.
            self.ready(unit);
        }
        let may_follow = can_run && !self.is_stopping() && !self.is_orphan(unit);
        let node = self.node(unit);
        node.is_spent = !can_run;
        let is_followed = may_follow && node.is_followed(false);
        let wish = node.wish;
        let failure = node.run().and_then(|run| run.failure);
        if node.run().is_some_and(|run| run.is_left) {
            return self.over(unit, UnitState::LeftBehind);
        }
        if is_followed && wish == Some(Wish::Restart) {
            self.restart(unit);
        } else if is_followed {
            self.start_again(unit, failure.is_none());
        } else {
            // What was kept for a restart is the runtime's, as none follows; unless the unit was asked to stop.
            let is_kept = failure == Some(Fate::Absorbed) && wish != Some(Wish::Stop);
            // If it may fail, that was told already, and is all that comes of it.
            if is_kept && !self.node(unit).policy().may_fail {
                self.record(unit, Fault::Kept);
            }
            self.over(unit, end(failure.is_some()));
        }
    }

    /// Lets a unit, whose run has returned or failed, wait for its next start, or gives it up.
    fn start_again(&mut self, unit: Id, returned: bool) {
        let (now, chance) = (self.now, self.chance.f64());
        let node = self.node(unit);
        let restart = node.policy().restart();
        let is_good =
            |run: &PresentRun| run.ended.since(run.started) >= restart.backoff.reset_after;
        let row = match node.run().is_some_and(is_good) {
            true => 0,
            false => node.row,
        };
        let delay = restart.backoff.delay_before(row, chance);
        let next = now.plus(delay);
        if let Some((limit, window)) = restart.starts_limit() {
            node.starts.retain(|start| next.since(*start) < window);
            let starts = node.starts.len();
            if starts >= limit as usize {
                let fault = Fault::GivenUp {
                    starts,
                    window,
                    returned,
                };
                self.record(unit, fault);
                return self.over(unit, UnitState::Failed);
            }
        }
        node.row = row.saturating_add(1);
        node.doing = Doing::Delayed;
        self.push(Effect::Delayed(unit, next));
        self.push(Effect::State(unit, UnitState::Delayed));
        self.push(Effect::Tell(unit, Remark::Restarts(delay)));
        self.set_timer(unit, next);
        self.free(unit);
        self.ask_parts(unit, Wish::Restart);
    }

    /// Nothing runs of a unit any more, and nothing follows: it rests if it may be started again, else it is forgotten.
    pub(super) fn over(&mut self, unit: Id, state: UnitState) {
        self.clear_timer(unit);
        self.count_as_begun(unit);
        if self.nodes[unit].is_resting() {
            self.free_place(unit);
            self.push(Effect::Dispose(unit));
            return self.forget(unit);
        }
        let is_stopping = self.is_stopping();
        if self.nodes[unit].is_waiting() && is_stopping && !self.nodes[unit].has_failed {
            for other in self.waited_for(unit) {
                self.push(Effect::InVain(unit, other));
            }
        }
        let is_left = self.is_left(unit);
        let node = self.node(unit);
        let state = match state {
            UnitState::LeftBehind => state,
            _ if node.has_failed => UnitState::Failed,
            _ => state,
        };
        let rests = node.policy().startable && !node.is_spent && !is_stopping && !is_left;
        let was_stopped = node.wish.take() == Some(Wish::Stop) && !node.has_failed;
        node.doing = Doing::Resting;
        // Those that wait for one that was only stopped wait for its next start.
        let is_awaited = rests && state == UnitState::Ended;
        let waiters = (!is_awaited).then(|| std::mem::take(&mut node.waiters));
        let is_waiting =
            |waiter: &Waiter| self.nodes.get(waiter.unit).is_some_and(Node::is_waiting);
        let waiters = waiters.into_iter().flatten().filter(is_waiting);
        let (needing, others): (Vec<_>, Vec<_>) = waiters.partition(|waiter| waiter.needs_it);
        if !is_stopping {
            let other = unit;
            for waiter in &needing {
                self.fail(waiter.unit, Fault::WaitsForEver { other, was_stopped });
            }
        }
        // A thread that is left behind has its place until it ends.
        if !rests && state != UnitState::LeftBehind {
            self.free_place(unit);
        }
        if !rests {
            self.push(Effect::Dispose(unit));
        }
        self.push(Effect::State(unit, state));
        if is_stopping {
            // Said here, as they will not find it any more.
            for waiter in needing.iter().chain(&others) {
                self.push(Effect::InVain(waiter.unit, unit));
            }
        }
        self.push(Effect::Over(unit));
        self.free(unit);
        if !is_stopping {
            self.ask_parts(unit, Wish::Stop);
        }
        let parts = self.nodes[unit].parts.clone();
        if !rests {
            self.forget(unit);
        }
        for waiter in others {
            // What came of all this may be its end.
            let node = self.nodes.get_mut(waiter.unit);
            let starts = |node: &&mut Node| node.is_waiting() && !parts.contains(&waiter.unit);
            if let Some(node) = node.filter(starts) {
                node.pending -= 1;
                self.start_if_next(waiter.unit);
            }
        }
    }

    fn free_place(&mut self, unit: Id) {
        if self.nodes[unit].parent.is_some() {
            self.push(Effect::FreePlace(unit));
        }
    }

    /// A unit that is over never comes back.
    fn forget(&mut self, unit: Id) {
        self.release(unit);
        let node = self.nodes.remove(unit);
        for other in &node.after {
            if let Some(other) = self.nodes.get_mut(*other) {
                strike(&mut other.behind, unit);
            }
        }
        for whole in &node.part_of {
            if let Some(whole) = self.nodes.get_mut(*whole) {
                strike(&mut whole.parts, unit);
            }
        }
        if !self.is_stopping() {
            // Later on the stop has its place in there.
            self.nodes.tidy();
        }
        self.push(Effect::Forget(unit));
        if let Some(parent) = node.parent {
            self.lose_child(parent, unit);
        }
    }
}

/// Takes a unit out of a list, of which the last that came is most often the first to go.
fn strike(list: &mut ThinVec<Id>, unit: Id) {
    if let Some(place) = list.iter().rposition(|one| *one == unit) {
        list.remove(place);
    }
}

fn end(has_failed: bool) -> UnitState {
    match has_failed {
        true => UnitState::Failed,
        false => UnitState::Ended,
    }
}
