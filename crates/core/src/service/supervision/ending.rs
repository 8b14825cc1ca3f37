//! What becomes of a unit whose run is over.

use super::node::{Fate, Launch, Run, Stage};
use super::timers::Due;
use super::{Call, Cause, Effect, Id, Line, RunId, Why, Wish};
use crate::service::state::UnitState;

impl<F> Call<'_, F> {
    pub(super) fn ended(&mut self, run: RunId, can_run: bool) {
        let Some(present) = self.run(run) else { return };
        if present.launch == Launch::UnderWay {
            // What has become of the launch is told right after this, and may be the reason.
            present.ended = Some(can_run);
        } else {
            self.decide(run, can_run);
        }
    }

    /// Decides what becomes of a unit whose present run is over.
    pub(super) fn decide(&mut self, id: RunId, can_run: bool) {
        let unit = id.unit;
        let is_well = |run: &&mut Run| {
            let has_returned = run.answer.is_some_and(|answer| !answer.is_error);
            has_returned && run.failure.is_none()
        };
        if self.run(id).filter(is_well).is_some() {
            // One that came to its end in its first poll was ready for a moment.
            self.ready(id);
        }
        let Some(run) = self.run(id) else { return };
        let (failure, answer) = (run.failure, run.answer);
        if !std::mem::replace(&mut run.has_begun, true) {
            self.all.unbegun -= 1;
        }
        let is_stopping = self.is_stopping();
        let Some(node) = self.node(unit) else { return };
        let wish = node.wish;
        let comes_back = answer.is_some_and(|answer| !answer.is_error && answer.exit.is_none())
            && node.policy.restart().is_on_return();
        let end = match failure {
            Some(_) => UnitState::Failed,
            None => UnitState::Ended,
        };
        let is_absorbed = failure == Some(Fate::Absorbed);
        if is_stopping || wish == Some(Wish::Stop) || failure == Some(Fate::Recorded) {
            if is_absorbed && is_stopping && wish != Some(Wish::Stop) {
                // The stop came between the failure and this: no restart follows any more.
                self.record(unit, Cause::Kept, None);
            }
            self.over(unit, end);
        } else if !can_run {
            if is_absorbed {
                self.record(unit, Cause::Kept, None);
            }
            self.over(unit, end);
        } else if wish == Some(Wish::Restart) {
            self.start(unit, false);
        } else if is_absorbed || failure.is_none() && comes_back {
            self.start_again(unit, is_absorbed);
        } else {
            self.over(unit, end);
        }
    }

    /// Lets a unit wait for its next start, or gives it up.
    fn start_again(&mut self, unit: Id, has_failed: bool) {
        let now = self.now;
        self.clear_timers(unit);
        let Some(node) = self.all.nodes.get_mut(&unit) else {
            return;
        };
        let restart = node.policy.restart();
        let lasted = node.run().map(|run| now.since(run.started));
        let is_good = lasted.is_some_and(|time| time >= restart.forgets_after());
        let row = if is_good { 0 } else { node.row };
        let delay = restart.delay_before(row, self.all.chance.f64());
        let next = now.plus(delay);
        let limit = restart.starts_limit();
        if let Some((limit, window)) = limit {
            node.starts.retain(|start| next.since(*start) < window);
            let starts = node.starts.len();
            if starts >= limit {
                let cause = match has_failed {
                    true => Cause::Kept,
                    false => Cause::Made(Why::ReturnedTooOften),
                };
                self.record(unit, cause, Some((starts, window)));
                self.over(unit, UnitState::Failed);
                return;
            }
        }
        node.row = row.saturating_add(1);
        node.stage = Stage::Delayed;
        self.push(Effect::Delayed(unit, next));
        self.push(Effect::State(unit, UnitState::Delayed));
        self.push(Effect::Tell(unit, Line::Restarts(delay)));
        self.set_timer(unit, next, Due::Restart);
    }

    /// A unit is over for good.
    pub(super) fn over(&mut self, unit: Id, end: UnitState) {
        self.clear_timers(unit);
        let is_stopping = self.is_stopping();
        let Some(node) = self.all.nodes.get(&unit) else {
            return;
        };
        if node.run().is_some_and(|run| !run.has_begun) {
            self.all.unbegun -= 1;
        }
        if node.is_waiting() && is_stopping && !node.has_failed {
            self.waited_in_vain(unit);
        }
        let Some(node) = self.all.nodes.remove(&unit) else {
            return;
        };
        let was_stopped = node.wish == Some(Wish::Stop);
        let mut in_vain = Vec::new();
        if !node.was_ready {
            for waiter in &node.waiters {
                if self.node(*waiter).is_none_or(|waiter| !waiter.is_waiting()) {
                    continue;
                }
                if is_stopping {
                    in_vain.push(*waiter);
                } else {
                    let other = unit;
                    self.fail(*waiter, Why::WaitsForEver { other, was_stopped });
                }
            }
        }
        self.push(Effect::Dispose(unit));
        let end = if node.has_failed {
            UnitState::Failed
        } else {
            end
        };
        self.push(Effect::State(unit, end));
        // Said here, as they will not find it any more.
        for waiter in in_vain {
            self.push(Effect::InVain(waiter, unit));
        }
        self.push(Effect::Over(unit));
        if !node.is_released {
            self.all.unreleased -= 1;
            self.release_others(&node.after);
        }
    }
}
