//! Units that the supervisor does not see to: how it comes to, and how it stops those that are left.

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

/// Unattended units that are asked to end, many at once.
#[derive(Default)]
pub(super) struct Asked {
    /// Their slots, and whether a run queue polls all of a slot's payloads: it ends those that were asked in
    /// one go.
    slots: Vec<(Arc<Slot>, bool)>,
}

impl Asked {
    /// Asks a unit to end, as the runtime stops.
    pub(super) fn ask(&mut self, unit: Arc<UnitCore>) {
        unit.set_stopping();
        let attempt = Attempt::First(unit);
        if !attempt.await_begin() {
            // It is told when the run begins.
            return;
        }
        match self.is_driven(attempt.unit().slot()) {
            true => attempt.request_unheard(),
            false => drop(stop_attempt(&attempt)),
        }
    }

    fn is_driven(&mut self, slot: &Arc<Slot>) -> bool {
        let known = self
            .slots
            .iter()
            .find(|(known, _)| Arc::ptr_eq(known, slot));
        if let Some((_, is_driven)) = known {
            return *is_driven;
        }
        let is_driven = slot.is_driven();
        self.slots.push((Arc::clone(slot), is_driven));
        is_driven
    }

    /// Has the run queues hear of it.
    pub(super) fn sweep(self) {
        for (slot, is_driven) in self.slots {
            if is_driven {
                slot.sweep();
            }
        }
    }
}

impl Supervisor {
    /// Sees to a unit from here on, if it is alive and nobody does.
    pub(super) fn attend(&mut self, unit: &Arc<UnitCore>) {
        if unit.attendance.attend() {
            self.enter_launched(Arc::clone(unit), self.clock.now());
            // Entered before that: the stop waits for those that are entered, and for these.
            self.hub().count_attended();
        }
    }

    /// A run has begun that is none of those the supervisor sees to: it is to end at once.
    pub(super) fn begun_unattended(&self, attempt: &Attempt) {
        if self.stopping && attempt.unit().attendance.is_none() {
            stop_attempt(attempt);
        }
    }

    /// The runtime is over, and these are not.
    pub(super) fn leave_unattended(&mut self) {
        for unit in self.registry.unattended() {
            // Its end comes too late from here on.
            if unit.attendance.attend() {
                let attempt = Attempt::First(Arc::clone(&unit));
                unit.set_state(state_left(&attempt));
                self.left.push(unit);
            }
        }
    }
}
