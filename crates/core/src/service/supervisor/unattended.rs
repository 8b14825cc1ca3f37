//! Units that the supervisor does not see to: how it comes to, and which of them it stops.

use super::*;

/// A unit whose turn to be asked to end has come.
pub(super) enum Turn {
    Attended(Id),
    Unattended(Arc<UnitCore>),
}

impl Turn {
    pub(super) fn id(&self) -> Id {
        match self {
            Self::Attended(id) => *id,
            Self::Unattended(unit) => unit.id,
        }
    }
}

impl Supervisor {
    /// Sees to a unit from here on, if it is alive and nobody does.
    pub(super) fn attend(&mut self, unit: &Arc<UnitCore>) {
        if unit.attend() {
            // Until now nothing has changed since its run has begun, or was launched; or since it was ready, if it
            // says when, which is no matter to one whose starts are not limited.
            let at = unit.since();
            self.enter_launched(Arc::clone(unit), at);
            // Entered before that: the stop waits for those that are entered, and for these.
            self.hub().count_attended();
            self.catch_up(unit);
        } else {
            self.attend_held(unit);
        }
    }

    /// Finds out how far a run has come, where that matters.
    fn catch_up(&mut self, unit: &Arc<UnitCore>) {
        if unit.policy().start_timeout().is_some() {
            self.await_begin(unit.id);
        }
        // From now on it tells of it.
        if self
            .alive(unit.id)
            .is_some_and(|alive| alive.attempt.has_notified())
        {
            self.ready(unit.id);
        }
    }

    /// Sees to those that are not ready in time. Whoever is, is dropped here.
    pub(super) fn attend_late(&mut self, now: Instant) {
        let age = self.lifetime.age_at(now);
        for unit in self.hub().late(age) {
            if unit.start_due().is_some_and(|due| due <= age) {
                self.attend(&unit);
            }
        }
    }

    /// The runtime stops, and some may not have ended in a stop time of their own: sees to these.
    pub(super) fn attend_overdue(&mut self, now: Instant) {
        if self.stop_due.is_none_or(|due| now < due) {
            return;
        }
        self.stop_due = None;
        let began = self.lifetime.stop_begun().map_or(now, |stop| stop.began);
        for unit in self.registry.unattended(|_| true) {
            let time = unit.policy().stop_time();
            let Some(due) = time.and_then(|time| began.checked_add(time)) else {
                continue;
            };
            match due <= now {
                true => self.attend(&unit),
                false => self.stop_due = self.stop_due.into_iter().chain([due]).min(),
            }
        }
    }

    /// Those whose turn to end comes with the stop. Where nobody looks on, run queues find theirs by
    /// themselves.
    pub(super) fn unattended(&self) -> Vec<Arc<UnitCore>> {
        let is_watched = self
            .lifetime
            .stop_begun()
            .is_some_and(|stop| stop.is_watched);
        self.registry
            .unattended(|slot| is_watched || !slot.is_driven())
    }

    /// The runtime is over, and these are not.
    pub(super) fn leave_unattended(&mut self) {
        if !self.hub().has_unattended() {
            return;
        }
        for unit in self.registry.unattended(|_| true) {
            // Its end comes too late from here on.
            if unit.attendance.attend() {
                let attempt = Attempt::First(Arc::clone(&unit));
                unit.set_state(state_left(&attempt));
                self.left.push(unit);
            }
        }
    }
}
