//! What falls due by the clock.

use super::*;

impl Supervisor {
    /// When there is something to do next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse(timer)| timer.at);
        let late = self.hub().next_late();
        let late = late.map(|age| self.lifetime.moment(age));
        timer.into_iter().chain(late).chain(self.stop_due).min()
    }

    pub(super) fn take_due(&mut self) {
        let now = self.clock.now();
        self.attend_late(now);
        self.attend_overdue(now);
        while self
            .timers
            .peek()
            .is_some_and(|Reverse(timer)| timer.at <= now)
        {
            let Some(Reverse(timer)) = self.timers.pop() else {
                return;
            };
            self.fall_due(&timer);
        }
    }

    pub(super) fn fall_due(&mut self, timer: &Timer) {
        let id = timer.unit;
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if entry.runs != timer.run {
            return;
        }
        match (timer.due, &entry.stage) {
            (Due::Wait, Stage::Waiting) if entry.pending > 0 => self.waited_too_long(id),
            (Due::Start, Stage::Alive(alive)) if !alive.ready && !alive.stop_due => {
                self.started_too_slowly(id);
            }
            (Due::Restart, Stage::Delayed) if !self.stopping => self.start(id, true),
            (Due::Stop, Stage::Alive(_)) => self.overran(id),
            _ => {}
        }
    }

    pub(super) fn waited_too_long(&self, id: Id) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if self.lifetime.phase() >= Phase::Stopping {
            return;
        }
        let others: Vec<_> = entry
            .after
            .iter()
            .filter_map(|other| self.entries.get(other))
            .filter(|other| !other.unit.was_ready())
            .map(|other| format!("`{}`, which is {}", other.unit.name(), other.unit.state()))
            .collect();
        let time = entry.unit.policy().start_timeout().unwrap_or_default();
        let text = format!("it waited for {time:?}, for {}", others.join(" and for "));
        self.fail(&entry.unit, FailureKind::NotReady, text);
    }

    pub(super) fn started_too_slowly(&mut self, id: Id) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        let Stage::Alive(alive) = &entry.stage else {
            return;
        };
        let attempt = alive.attempt.clone();
        if self.lifetime.phase() >= Phase::Stopping {
            return;
        }
        let time = entry.unit.policy().start_timeout().unwrap_or_default();
        let mut waiters: Vec<_> = entry
            .waiters
            .iter()
            .filter_map(|id| Some(format!("`{}`", self.entries.get(id)?.unit.name())))
            .collect();
        waiters.sort();
        let what = match attempt.unit().policy().notifies_ready {
            true => "did not say that it is ready",
            false => "was not started",
        };
        let text = match waiters.len() {
            0 => format!("it {what} within {time:?}"),
            1 => format!("it {what} within {time:?}; {} waits for it", waiters[0]),
            _ => format!(
                "it {what} within {time:?}; {} wait for it",
                waiters.join(", ")
            ),
        };
        attempt.fail(Cause::text(FailureKind::NotReady, text));
        match alive.launched {
            true => self.ask(id),
            // Its flavour is still being started, on a thread that cannot be stopped.
            false => self.ended(id),
        }
    }

    /// Whoever waits by a manual clock looks at it again.
    pub(super) fn wake_waiters(&self) {
        for entry in self.entries.values() {
            entry.unit.notify();
        }
    }

    /// Lets go on whoever moved the clock, once all that fell due has been acted on.
    pub(super) fn acknowledge(&mut self) {
        if self.acks.is_empty() || self.unbegun > 0 {
            return;
        }
        let next = self.next_due();
        let is_due = next.is_some_and(|next| next <= self.clock.now());
        if !is_due && self.hub().is_empty() {
            self.hub().set_next_due(next);
            self.acks.clear();
        }
    }
}
