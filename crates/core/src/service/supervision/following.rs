//! What becomes of a unit whose run is over.

use super::*;

impl<F> Supervision<F> {
    /// Nothing is left of a run.
    pub(super) fn gone(&mut self, id: RunId, can_run: bool) {
        match self.nodes.run(id) {
            // What has become of the launch is told right after this, and may be the reason.
            Some(run) if run.handover == Handover::UnderWay => {
                run.handover = Handover::Over { can_run };
            }
            Some(_) => self.decide(id.unit, can_run),
            None => {}
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
        let may_follow = can_run && !self.is_stopping();
        let node = self.node(unit);
        let is_followed = may_follow && node.is_followed(false);
        let wish = node.wish;
        let failure = node.run().and_then(|run| run.failure);
        if is_followed && wish == Some(Wish::Restart) {
            self.start(unit, false);
        } else if is_followed {
            self.start_again(unit, failure.is_none());
        } else {
            // What was kept for a restart is the runtime's, as none follows; unless the unit was asked to stop.
            if failure == Some(Fate::Absorbed) && wish != Some(Wish::Stop) {
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
        let is_good = |run: &PresentRun| now.since(run.started) >= restart.backoff.reset_after;
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
    }

    /// A unit is over for good.
    pub(super) fn over(&mut self, unit: Id, state: UnitState) {
        self.clear_timer(unit);
        self.count_as_begun(unit);
        let is_stopping = self.is_stopping();
        let node = &self.nodes[unit];
        if node.is_waiting() && is_stopping && !node.has_failed {
            for other in self.waited_for(unit) {
                self.push(Effect::InVain(unit, other));
            }
        }
        self.release(unit);
        let mut node = self.nodes.remove(unit);
        node.waiters.retain(|waiter| {
            let waiter = self.nodes.get(*waiter);
            waiter.is_some_and(Node::is_waiting)
        });
        if !is_stopping {
            // Later on the stop has its place in there.
            self.nodes.tidy();
            let (other, was_stopped) = (unit, node.wish == Some(Wish::Stop));
            for waiter in node.waiters.drain(..) {
                self.fail(waiter, Fault::WaitsForEver { other, was_stopped });
            }
        }
        self.push(Effect::Dispose(unit));
        let state = if node.has_failed { end(true) } else { state };
        self.push(Effect::State(unit, state));
        // Said here, as they will not find it any more.
        for waiter in node.waiters {
            self.push(Effect::InVain(waiter, unit));
        }
        self.push(Effect::Over(unit));
    }
}

fn end(has_failed: bool) -> UnitState {
    match has_failed {
        true => UnitState::Failed,
        false => UnitState::Ended,
    }
}
