//! Flavours that have to be started first, each on a thread of its own, and the units that wait for them.
//!
//! Some of these units are attended. Those from before the start that ask nothing of the supervisor are held:
//! it launches them when their flavour is there, and does not see to them before that, nor afterwards.

use super::*;

/// A flavour that is being started.
pub(super) struct FlavourStart {
    slot: Arc<Slot>,
    /// The unit for which it is.
    starter: Id,
    waiters: VecDeque<Waiter>,
}

enum Waiter {
    Attended(Id),
    Held(Arc<UnitCore>),
}

impl Supervisor {
    /// The runtime has started: launches `units`, which are held, as soon as their flavour is there.
    pub(super) fn serve_held(&mut self, units: Vec<Arc<UnitCore>>) {
        for unit in units {
            if self.lifetime.phase() >= Phase::Stopping || unit.intent() == Intent::Stop {
                self.end_held(&unit);
                continue;
            }
            unit.set_launched();
            let source = unit.source();
            if source.is_some_and(|source| source.is_flavour_started(unit.slot())) {
                launch_held(unit);
            } else {
                self.start_flavour(Arc::clone(&unit), Waiter::Held(unit));
            }
        }
    }

    /// Launches a unit's run that stands by, once its flavour is there.
    pub(super) fn launch_on_flavour(&mut self, id: Id) {
        if let Some(entry) = self.entries.get(&id) {
            self.start_flavour(Arc::clone(&entry.unit), Waiter::Attended(id));
        }
    }

    fn start_flavour(&mut self, unit: Arc<UnitCore>, waiter: Waiter) {
        let mut starts = self.flavours.iter_mut();
        if let Some(start) = starts.find(|start| Arc::ptr_eq(&start.slot, unit.slot())) {
            start.waiters.push_back(waiter);
            return;
        }
        self.flavours.push(FlavourStart {
            slot: Arc::clone(unit.slot()),
            starter: unit.id,
            waiters: VecDeque::from([waiter]),
        });
        self.spawn_starter(unit);
    }

    fn spawn_starter(&self, unit: Arc<UnitCore>) {
        let starting = Arc::clone(&unit);
        let at_work = Arc::new(());
        let is_at_work = Arc::downgrade(&at_work);
        let thread = thread::Builder::new()
            .name("foster starter".to_owned())
            .spawn(move || {
                let _at_work = at_work;
                let source = starting.source();
                let result = source.map_or(Ok(()), |source| source.start_flavour(starting.slot()));
                let lifetime = Arc::clone(starting.lifetime());
                // Refused when the runtime is over, as the flavour is then.
                let _ = lifetime.hub.push(Told::FlavourStarted(starting, result));
            });
        match thread {
            Ok(thread) => self.hub().add_starter(thread, is_at_work),
            Err(error) => {
                let result = Err(Reason::Start(Box::new(error)));
                let _ = self.hub().push(Told::FlavourStarted(unit, result));
            }
        }
    }

    pub(super) fn flavour_started(&mut self, starter: Id, result: Result<(), Reason>) {
        let index = self
            .flavours
            .iter()
            .position(|start| start.starter == starter);
        let Some(index) = index else { return };
        let mut start = self.flavours.swap_remove(index);
        let Err(reason) = result else {
            for waiter in start.waiters {
                match waiter {
                    Waiter::Attended(id) => self.launch(id),
                    Waiter::Held(unit) => launch_held(unit),
                }
            }
            return;
        };
        if let Some(first) = start.waiters.pop_front() {
            self.fail_to_start(first, reason);
        }
        // The next one tries again.
        while let Some(next) = start.waiters.front() {
            if let Some(unit) = self.waiting(next) {
                start.starter = unit.id;
                self.flavours.push(start);
                self.spawn_starter(unit);
                return;
            }
            start.waiters.pop_front();
        }
    }

    /// The unit of `waiter`, if that still waits.
    fn waiting(&mut self, waiter: &Waiter) -> Option<Arc<UnitCore>> {
        match waiter {
            Waiter::Held(unit) => Some(Arc::clone(unit)),
            Waiter::Attended(id) => self
                .alive(*id)
                .filter(|alive| !alive.launched)
                .map(|alive| Arc::clone(alive.attempt.unit())),
        }
    }

    fn fail_to_start(&mut self, waiter: Waiter, reason: Reason) {
        let id = match waiter {
            Waiter::Attended(id) => Some(id),
            Waiter::Held(unit) => self.stand_by(&unit),
        };
        let Some(id) = id else { return };
        if let Some(alive) = self.alive(id).filter(|alive| !alive.launched) {
            let attempt = alive.attempt.clone();
            attempt.fail_to_start(reason);
            self.ended(id);
        }
    }

    /// Sees to a unit from here on, if it is held and waits for its flavour.
    pub(super) fn attend_held(&mut self, unit: &Arc<UnitCore>) {
        if !unit.attendance.is_held() {
            return;
        }
        let is_it =
            |waiter: &Waiter| matches!(waiter, Waiter::Held(held) if Arc::ptr_eq(held, unit));
        let places = self.flavours.iter().enumerate();
        let place = places
            .filter_map(|(start, FlavourStart { waiters, .. })| {
                Some((start, waiters.iter().position(is_it)?))
            })
            .next();
        // Else it was asked for something before the start, which is looked at then.
        let Some((start, at)) = place else { return };
        if let Some(id) = self.stand_by(unit) {
            self.flavours[start].waiters[at] = Waiter::Attended(id);
        }
    }

    /// Enters a unit that was held, with a run that waits for its flavour.
    fn stand_by(&mut self, unit: &Arc<UnitCore>) -> Option<Id> {
        let id = self.take_up(unit)?;
        let attempt = Attempt::First(Arc::clone(unit));
        self.set_alive(id, attempt, self.clock.now(), false);
        Some(id)
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
        let mut held = Vec::new();
        for start in &mut self.flavours {
            start.waiters.retain(|waiter| match waiter {
                Waiter::Attended(_) => true,
                Waiter::Held(unit) => {
                    held.push(Arc::clone(unit));
                    false
                }
            });
        }
        for unit in held {
            self.end_held(&unit);
        }
    }

    fn end_held(&mut self, unit: &Arc<UnitCore>) {
        if let Some(id) = self.take_up(unit) {
            self.over(id, UnitState::Ended);
        }
    }
}

fn launch_held(unit: Arc<UnitCore>) {
    if unit.attendance.release() {
        Attempt::First(unit).launch();
    }
}
