//! What becomes of a unit whose run is over.

use super::*;

impl<F> Supervision<F> {
    /// Nothing is left of a run.
    pub(super) fn gone(&mut self, id: RunId, can_run: bool) {
        match self.nodes.run(id) {
            // What has become of the launch is told right after this, and may be the reason.
            Some(run) if run.handover == Handover::UnderWay => run.ended = Some(can_run),
            Some(_) => self.decide(id.unit, can_run),
            None => {}
        }
    }

    /// Decides what becomes of a unit whose present run is over.
    pub(super) fn decide(&mut self, unit: Id, can_run: bool) {
        let run = self.node(unit).run();
        if run.is_some_and(|run| run.has_returned && run.failure.is_none()) {
            // One that came to its end in its first poll was ready for a moment.
            self.ready(unit);
        }
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        let is_followed = can_run && !is_stopping && node.is_followed(false);
        let wish = node.wish;
        let run = node.run_mut().expect("a run is over");
        let failure = run.failure;
        if !std::mem::replace(&mut run.has_begun, true) {
            self.unbegun -= 1;
        }
        match wish {
            Some(Wish::Restart) if is_followed => self.start(unit, false),
            _ if is_followed => self.start_again(unit, failure.is_some()),
            _ => {
                // No restart follows after all, unless its own end was what was asked for.
                if failure == Some(Fate::Absorbed) && wish != Some(Wish::Stop) {
                    self.record(unit, Fault::Kept, None);
                }
                self.over(unit, end(failure.is_some()));
            }
        }
    }

    /// Lets a unit wait for its next start, or gives it up.
    fn start_again(&mut self, unit: Id, has_failed: bool) {
        let now = self.now;
        let mut chance = fastrand::Rng::with_seed(self.seed);
        self.seed = chance.u64(..);
        self.clear_timer(unit);
        let node = self.node(unit);
        let restart = node.policy().restart();
        let lasted = node.run().map(|run| now.since(run.started));
        let row = match lasted {
            Some(time) if time >= restart.reset_after => 0,
            _ => node.row,
        };
        let delay = restart.delay_before(row, chance.f64());
        let next = now.plus(delay);
        if let Some((limit, window)) = restart.starts_limit() {
            let starts = &mut node.rare_mut().starts;
            starts.retain(|start| next.since(*start) < window);
            let starts = starts.len();
            if starts >= limit as usize {
                let fault = match has_failed {
                    true => Fault::Kept,
                    false => Fault::Made(Box::new(Why::ReturnedTooOften)),
                };
                self.record(unit, fault, Some((starts, window)));
                return self.over(unit, UnitState::Failed);
            }
        }
        node.row = row.saturating_add(1);
        node.stage = Stage::Delayed;
        self.push(Effect::Delayed(unit, next));
        self.push(Effect::State(unit, UnitState::Delayed));
        self.push(Effect::Tell(unit, Remark::Restarts(delay)));
        self.set_timer(unit, next);
    }

    /// A unit is over for good.
    pub(super) fn over(&mut self, unit: Id, state: UnitState) {
        self.clear_timer(unit);
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        if node.is_waiting() && is_stopping && !node.has_failed {
            for other in self.waited_for(unit) {
                self.push(Effect::InVain(unit, other));
            }
        }
        let mut node = self.nodes.remove(unit).expect("it was there above");
        if node.run().is_some_and(|run| !run.has_begun) {
            self.unbegun -= 1;
        }
        let waits = |waiter: &Id| self.nodes.get(*waiter).is_some_and(|one| one.is_waiting());
        let mut in_vain: Vec<_> = node.take_waiters().into_iter().filter(waits).collect();
        if !is_stopping {
            let was_stopped = node.wish == Some(Wish::Stop);
            for waiter in in_vain.drain(..) {
                let other = unit;
                self.fail(waiter, Why::WaitsForEver { other, was_stopped });
            }
        }
        self.push(Effect::Dispose(unit));
        let state = if node.has_failed { end(true) } else { state };
        self.push(Effect::State(unit, state));
        // Said here, as they will not find it any more.
        for waiter in in_vain {
            self.push(Effect::InVain(waiter, unit));
        }
        self.push(Effect::Over(unit));
        if !node.is_released {
            self.released(node.after());
        }
    }
}

fn end(has_failed: bool) -> UnitState {
    match has_failed {
        true => UnitState::Failed,
        false => UnitState::Ended,
    }
}
