//! Services from before the start that ask nothing of the supervisor: it launches them when their flavour is
//! there, and does not see to them before that, nor afterwards.

use super::*;

/// Units whose flavour is being started.
pub(super) struct Held {
    slot: Arc<Slot>,
    /// The unit whose starter does it.
    starter: Id,
    units: VecDeque<Arc<UnitCore>>,
}

impl Supervisor {
    /// The runtime has started: launches `units` as soon as it can.
    pub(super) fn serve_free(&mut self, units: Vec<Arc<UnitCore>>) {
        for unit in units {
            if self.lifetime.phase() >= Phase::Stopping || unit.intent() == Intent::Stop {
                self.end_held(&unit);
                continue;
            }
            unit.set_launched();
            let mut groups = self.held.iter_mut();
            if let Some(held) = groups.find(|held| Arc::ptr_eq(&held.slot, unit.slot())) {
                held.units.push_back(unit);
            } else if unit
                .source()
                .is_some_and(|source| source.is_flavour_started(unit.slot()))
            {
                launch(unit);
            } else {
                self.held.push(Held {
                    slot: Arc::clone(unit.slot()),
                    starter: unit.id,
                    units: VecDeque::from([Arc::clone(&unit)]),
                });
                self.spawn_starter(unit);
            }
        }
    }

    /// The flavour of units that are held was started for the one with this number, or was not; hands the result
    /// back if there are none.
    pub(super) fn held_flavour_started(
        &mut self,
        starter: Id,
        result: Result<(), Reason>,
    ) -> Option<Result<(), Reason>> {
        let group = self.held.iter().position(|held| held.starter == starter);
        let Some(group) = group else {
            return Some(result);
        };
        match result {
            Ok(()) => self
                .held
                .swap_remove(group)
                .units
                .into_iter()
                .for_each(launch),
            Err(reason) => {
                let first = self.held[group].units.pop_front();
                // The next one tries again.
                match self.held[group].units.front().cloned() {
                    Some(next) => {
                        self.held[group].starter = next.id;
                        self.spawn_starter(next);
                    }
                    None => drop(self.held.swap_remove(group)),
                }
                if let Some(id) = first.and_then(|unit| self.take_up(&unit)) {
                    let entry = self.entries.get(&id)?;
                    let attempt = Attempt::First(Arc::clone(&entry.unit));
                    self.set_alive(id, attempt.clone(), self.clock.now(), false);
                    attempt.fail_to_start(reason);
                    self.ended(id);
                }
            }
        }
        None
    }

    /// Sees to a unit from here on, if it is held.
    pub(super) fn attend_held(&mut self, unit: &Arc<UnitCore>) {
        let held = self.held.iter_mut().find_map(|held| {
            let at = held
                .units
                .iter()
                .position(|other| Arc::ptr_eq(other, unit))?;
            held.units.remove(at)
        });
        if let Some(id) = held.and_then(|unit| self.take_up(&unit)) {
            self.start(id, true);
        }
    }

    /// Enters a unit that was held.
    fn take_up(&mut self, unit: &Arc<UnitCore>) -> Option<Id> {
        unit.attendance.take_up().then(|| {
            let id = self.enter(Arc::clone(unit), &[]);
            self.hub().count_attended();
            id
        })
    }

    /// The runtime stops: those that are held never start.
    pub(super) fn end_all_held(&mut self) {
        for held in std::mem::take(&mut self.held) {
            for unit in held.units {
                self.end_held(&unit);
            }
        }
    }

    fn end_held(&mut self, unit: &Arc<UnitCore>) {
        if let Some(id) = self.take_up(unit) {
            self.over(id, UnitState::Ended);
        }
    }
}

fn launch(unit: Arc<UnitCore>) {
    if unit.attendance.release() {
        Attempt::First(unit).launch();
    }
}
