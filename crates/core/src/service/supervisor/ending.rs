//! What becomes of a unit whose run is over.

use super::*;

impl Supervisor {
    /// The present run of a unit is over.
    pub(super) fn ended(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let Stage::Alive(alive) = &mut entry.stage else {
            return;
        };
        if !std::mem::replace(&mut alive.begun, true) {
            self.unbegun -= 1;
        }
        alive.launched = true;
        let attempt = alive.attempt.clone();
        // One that came to its end in its first poll was ready for a moment.
        let was_ready = attempt.has_returned() && !alive.stop_due && !alive.ready;
        if was_ready {
            self.ready(id);
        }
        self.decide(id, &attempt);
    }

    /// Decides what becomes of a unit whose run is over.
    fn decide(&mut self, id: Id, attempt: &Attempt) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let unit = Arc::clone(&entry.unit);
        let restart = unit.policy().restart();
        let absorbed = unit.take_absorbed();
        let failed = attempt.has_told() || absorbed.is_some();
        let end = if failed {
            UnitState::Failed
        } else {
            UnitState::Ended
        };
        if self.lifetime.phase() >= Phase::Stopping || unit.intent() == Intent::Stop {
            if let Some(failure) = absorbed {
                // The stop came between the failure and this: no restart follows any more.
                self.lifetime.fail(failure);
            }
            self.over(id, end);
        } else if attempt.has_told() {
            self.over(id, UnitState::Failed);
        } else if unit.intent() == Intent::Restart {
            self.start(id, false);
        } else if let Some(failure) = absorbed {
            self.start_again(id, Some(failure));
        } else if attempt.has_returned() && !attempt.has_exited() && restart.is_on_return() {
            self.start_again(id, None);
        } else {
            self.over(id, UnitState::Ended);
        }
    }

    /// Lets a unit wait for its next start, or gives it up.
    pub(super) fn start_again(&mut self, id: Id, failure: Option<Failure>) {
        let now = self.clock.now();
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let unit = Arc::clone(&entry.unit);
        let restart = unit.policy().restart();
        if let Stage::Alive(alive) = &entry.stage {
            if now.saturating_duration_since(alive.started) >= restart.forgets_after() {
                entry.row = 0;
            }
        }
        let delay = restart.delay_before(entry.row);
        let next = self.clock.after(delay);
        if let Some((limit, window)) = restart.starts_limit() {
            let counts = |start: &Instant| next.saturating_duration_since(*start) < window;
            entry.starts.retain(counts);
            let starts = entry.starts.len();
            if starts >= limit {
                let failure = failure.unwrap_or_else(|| {
                    let text = "its run came to an end by itself, again and again".to_owned();
                    Failure::new(unit.origin(), Cause::text(FailureKind::Returned, text))
                });
                let failure = failure.give_up(starts, window);
                unit.set_failure(failure.clone());
                self.lifetime.fail(failure);
                self.over(id, UnitState::Failed);
                return;
            }
        }
        entry.row = entry.row.saturating_add(1);
        entry.stage = Stage::Delayed;
        let run = entry.runs;
        unit.set_delayed(next);
        self.set_timer_at(id, run, next, Due::Restart);
    }

    /// A unit is over for good.
    pub(super) fn over(&mut self, id: Id, state: UnitState) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        if let Stage::Alive(alive) = &entry.stage {
            // Its flavour had not started yet.
            if !alive.launched {
                self.unbegun -= 1;
            }
        }
        let unit = entry.unit;
        let source = unit.next_source();
        if source.is_some_and(|source| !source.dispose(&unit)) {
            self.left.push(Arc::clone(&unit));
        }
        unit.set_state(state);
        if !unit.was_ready() && !entry.waiters.is_empty() {
            self.never_ready(&unit, &entry.waiters);
        }
        if !entry.released {
            self.unreleased -= 1;
            self.release_others(&entry.after);
        }
        self.hub().count_over(true);
        if self.lifetime.settings.until_idle {
            self.lifetime.look();
        }
        self.end_stop_if_over();
    }

    /// `waiters` wait for a unit that can never be ready any more.
    pub(super) fn never_ready(&self, unit: &UnitCore, waiters: &[Id]) {
        if self.lifetime.phase() >= Phase::Stopping {
            return;
        }
        let waiting = waiters.iter().filter_map(|id| self.entries.get(id));
        for entry in waiting.filter(|entry| matches!(entry.stage, Stage::Waiting)) {
            let how = match unit.intent() {
                Intent::Stop => "was stopped before it was ready",
                _ => "is over without having been ready",
            };
            let text = format!("it waits for `{}`, which {how}", unit.name());
            self.fail(&entry.unit, FailureKind::NotReady, text);
        }
    }

    /// Tells the runtime of a failure of the unit that is none of a run.
    pub(super) fn fail(&self, unit: &UnitCore, kind: FailureKind, text: String) {
        let failure = Failure::new(unit.origin(), Cause::text(kind, text));
        unit.set_fatal(failure.clone());
        self.lifetime.fail(failure);
    }
}
