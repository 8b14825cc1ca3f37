//! Asking units to end: one by one, and all of them in their order when the runtime stops.

use super::*;

impl Supervisor {
    /// Somebody wants a unit to stop or to restart.
    pub(super) fn asked(&mut self, unit: &Arc<UnitCore>) {
        let id = unit.id;
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        match (unit.intent(), &entry.stage) {
            (Intent::None, _) => {}
            (Intent::Stop, _) => self.ask(id),
            (Intent::Restart, Stage::Waiting) => unit.clear_restart(),
            (Intent::Restart, Stage::Delayed) => self.start(id, false),
            (Intent::Restart, Stage::Alive(alive)) => match alive.launched {
                true => self.ask(id),
                false => unit.clear_restart(),
            },
        }
    }

    /// Asks a unit to end.
    pub(super) fn ask(&mut self, id: Id) {
        let now = self.clock.now();
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let unit = Arc::clone(&entry.unit);
        let run = entry.runs;
        match &mut entry.stage {
            Stage::Alive(alive) if alive.launched => {
                if std::mem::replace(&mut alive.stop_due, true) {
                    // Twice, as when the runtime stops meanwhile: what it waits for may be another.
                    if alive.given_up {
                        self.give_up(id);
                    }
                    return;
                }
                let (begun, since) = (alive.begun, alive.asked.unwrap_or(now));
                let attempt = alive.attempt.clone();
                unit.set_state(UnitState::Stopping);
                // While the runtime stops the runner keeps the grace time.
                let grace = (!self.stopping).then_some(self.lifetime.settings.grace);
                if let Some(time) = unit.policy().stop_time().or(grace) {
                    self.set_timer(id, run, since, time, Due::Stop);
                }
                match begun {
                    true => self.stop_run(id),
                    // It may block in its first poll. One that does not has that before it is cancelled.
                    false => {
                        attempt.request();
                        self.await_begin(id);
                    }
                }
            }
            _ => self.over(id, UnitState::Ended),
        }
    }

    /// Asks a run that has begun to end; cancels it if it holds no token.
    pub(super) fn stop_run(&mut self, id: Id) {
        let Some(alive) = self.alive(id) else { return };
        let attempt = alive.attempt.clone();
        if attempt.stop() {
            // A thread that begins right now may be about to take its token.
            self.settling.push((id, Instant::now() + SETTLING));
        }
    }

    pub(super) fn take_settled(&mut self) {
        let now = Instant::now();
        let settling = std::mem::take(&mut self.settling);
        let (due, later) = settling.into_iter().partition(|(_, until)| *until <= now);
        self.settling = later;
        for (id, _) in due {
            let record = self.alive(id).and_then(|alive| alive.attempt.record());
            if record.is_some_and(|record| !record.is_holder() && !record.is_ending()) {
                self.give_up(id);
            }
        }
    }

    /// A run does not end, and nothing can be done about it.
    pub(super) fn give_up(&mut self, id: Id) {
        let Some(alive) = self.alive(id) else { return };
        alive.given_up = true;
        let unit = Arc::clone(alive.attempt.unit());
        if self.stopping {
            // Those before it have their turn.
            self.release(id);
            return;
        }
        if unit.intent() == Intent::Stop {
            tell("was asked to stop and goes on", &unit);
            return;
        }
        let text = "it was asked to end and goes on, so it cannot be started again".to_owned();
        self.fail(&unit, FailureKind::Stuck, text);
    }

    /// A run has overrun its stop time.
    pub(super) fn overran(&mut self, id: Id) {
        let stopping = self.stopping;
        let Some(alive) = self.alive(id) else { return };
        let unit = Arc::clone(alive.attempt.unit());
        let Some(record) = alive.attempt.record() else {
            return;
        };
        if record.is_settled() || record.is_ending() {
            return;
        }
        if stopping && record.is_holder() {
            let straggler = Straggler::of_payload(&record, StragglerReason::Overran);
            self.hub().add_overran(straggler);
        } else {
            tell("overran its stop time", &unit);
        }
        record.cancel();
        if record.is_blocking() || record.is_polling() {
            self.give_up(id);
        }
    }

    /// The stop does not wait for a unit any more.
    pub(super) fn release(&mut self, id: Id) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut entry.released, true) {
            let after = entry.after.clone();
            self.unreleased -= 1;
            self.release_others(&after);
            self.end_stop_if_over();
        }
    }

    /// One that comes after `others` is over.
    pub(super) fn release_others(&mut self, others: &[Id]) {
        for other in others {
            if let Some(entry) = self.entries.get_mut(other) {
                entry.dependents -= 1;
                if entry.dependents == 0 && self.stopping {
                    self.turns.push(Turn::Attended(*other));
                }
            }
        }
    }

    pub(super) fn look_at_phase(&mut self) {
        if self.stopping || self.lifetime.phase() < Phase::Stopping {
            return;
        }
        self.stopping = true;
        self.stop_due = self
            .registry
            .shortest_stop()
            .map(|time| self.clock.after(time));
        self.end_all_held();
        let free = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.dependents == 0);
        self.turns = free
            .map(|(id, _)| Turn::Attended(*id))
            .chain(self.unattended().into_iter().map(Turn::Unattended))
            .collect();
        // The last that came is the first to go.
        self.turns.sort_unstable_by_key(Turn::id);
        self.end_stop_if_over();
    }

    pub(super) fn take_turns(&mut self) {
        while let Some(turn) = self.turns.pop() {
            match turn {
                Turn::Attended(id) => self.ask(id),
                Turn::Unattended(unit) => Attempt::First(unit).stop_unattended(),
            }
        }
    }

    pub(super) fn end_stop_if_over(&mut self) {
        let is_over = self.unreleased == 0 && !self.hub().has_unattended();
        if self.stopping && is_over && !self.stop_over {
            self.stop_over = true;
            self.lifetime.release();
            self.lifetime.look();
        }
    }

    /// The grace time is over: all tokens say so, and the runner cancels what is left.
    pub(super) fn cut_off(&mut self) {
        self.look_at_phase();
        for entry in self.entries.values() {
            if let Stage::Alive(alive) = &entry.stage {
                alive.attempt.request();
            }
        }
    }

    /// The runtime is over.
    pub(super) fn close(mut self) {
        self.hub().close();
        for (_, entry) in std::mem::take(&mut self.entries) {
            match &entry.stage {
                Stage::Alive(alive) if alive.launched => {
                    entry.unit.set_state(state_left(&alive.attempt));
                }
                _ => entry.unit.set_state(UnitState::Ended),
            }
            self.left.push(entry.unit);
        }
        self.end_all_held();
        self.leave_unattended();
        self.acks.clear();
        for unit in &self.left {
            drop_value(unit);
        }
    }
}

/// What has become of a unit whose run was launched, when the runtime is over.
pub(super) fn state_left(attempt: &Attempt) -> UnitState {
    let record = attempt.record();
    match record.is_none_or(|record| record.is_settled()) {
        true => UnitState::Ended,
        false => UnitState::LeftBehind,
    }
}
