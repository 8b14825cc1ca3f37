//! Starting units, in their order.

use super::*;

impl Supervisor {
    pub(super) fn serve(&mut self, newcomers: Vec<Newcomer>) {
        let ids: Vec<_> = newcomers.iter().map(|newcomer| newcomer.unit.id).collect();
        let mut doomed = Vec::new();
        // All of them before any link: a name may stand for one that was handed in later.
        let mut links = Vec::new();
        for Newcomer { unit, after } in newcomers {
            let id = self.enter(unit, &after);
            links.extend(after.into_iter().map(|other| (id, other)));
        }
        for (id, other) in links {
            self.attend(&other);
            match self.entries.get_mut(&other.id) {
                Some(entry) => {
                    entry.dependents += 1;
                    if !other.was_ready() {
                        entry.waiters.push(id);
                        self.add_pending(id);
                        self.await_begin(other.id);
                    }
                }
                None if other.was_ready() => {}
                None => {
                    self.add_pending(id);
                    doomed.push((other, id));
                }
            }
        }
        for (other, id) in doomed {
            self.never_ready(&other, &[id]);
        }
        for id in ids {
            self.start_if_it_may(id);
        }
    }

    pub(super) fn enter(&mut self, unit: Arc<UnitCore>, after: &[Arc<UnitCore>]) -> Id {
        let id = unit.id;
        let entry = Entry {
            after: after.iter().map(|other| other.id).collect(),
            waiters: Vec::new(),
            pending: 0,
            dependents: 0,
            released: false,
            stage: Stage::Waiting,
            runs: 0,
            row: 0,
            starts: VecDeque::new(),
            unit,
        };
        self.entries.insert(id, Box::new(entry));
        self.unreleased += 1;
        id
    }

    pub(super) fn start_if_it_may(&mut self, id: Id) {
        let Some(entry) = self.entries.get(&id) else {
            return;
        };
        if !matches!(entry.stage, Stage::Waiting) {
            // What it waited for has turned out to be ready.
            return;
        }
        if self.stopping || entry.unit.intent() == Intent::Stop {
            self.over(id, UnitState::Ended);
        } else if entry.pending == 0 {
            self.start(id, true);
        } else if let Some(time) = entry.unit.policy().start_timeout() {
            self.set_timer(id, 0, self.clock.now(), time, Due::Wait);
        }
    }

    pub(super) fn add_pending(&mut self, id: Id) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.pending += 1;
        }
    }

    /// Starts a unit. `counts` says whether its limit does.
    pub(super) fn start(&mut self, id: Id, counts: bool) {
        let now = self.clock.now();
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let unit = Arc::clone(&entry.unit);
        unit.clear_restart();
        let source = unit.next_source().filter(|_| unit.intent() != Intent::Stop);
        let Some(source) = source else {
            // Asked to stop meanwhile; or the value is gone, as the restart was asked for when it had
            // come to its end by itself.
            self.over(id, UnitState::Ended);
            return;
        };
        if !counts {
            entry.starts.clear();
            entry.row = 0;
        }
        let run = entry.runs;
        let is_awaited = !entry.waiters.is_empty()
            || unit.policy().start_timeout().is_some()
            || !self.acks.is_empty();
        let attempt = match run {
            0 => Attempt::First(Arc::clone(&unit)),
            _ => Attempt::later(Arc::clone(&unit)),
        };
        if is_awaited {
            attempt.await_begin();
        }
        unit.set_starting(run);
        self.set_alive(id, attempt, now, false);
        if source.is_flavour_started(unit.slot()) {
            self.launch(id);
        } else {
            self.launch_on_flavour(id);
        }
    }

    /// Enters a unit whose first run somebody else launches.
    pub(super) fn enter_launched(&mut self, unit: Arc<UnitCore>, at: Instant) {
        let id = self.enter(Arc::clone(&unit), &[]);
        self.set_alive(id, Attempt::First(unit), at, true);
        if !self.acks.is_empty() {
            self.await_begin(id);
        }
        if self.stopping {
            let stop = self.lifetime.stop_begun();
            if let Some(alive) = self.alive(id) {
                alive.asked = stop.map(|stop| stop.began);
            }
            self.turns.push(Turn::Attended(id));
        }
    }

    pub(super) fn set_alive(&mut self, id: Id, attempt: Attempt, now: Instant, launched: bool) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let policy = entry.unit.policy();
        if policy.restart().starts_limit().is_some() {
            entry.starts.push_back(now);
        }
        entry.runs += 1;
        let (run, start_timeout) = (entry.runs, policy.start_timeout());
        entry.stage = Stage::Alive(Alive {
            attempt,
            started: now,
            launched,
            begun: false,
            ready: false,
            stop_due: false,
            asked: None,
            given_up: false,
        });
        self.unbegun += 1;
        if let Some(time) = start_timeout {
            self.set_timer(id, run, now, time, Due::Start);
        }
    }

    pub(super) fn launch(&mut self, id: Id) {
        let Some(alive) = self.alive(id) else { return };
        if alive.launched {
            return;
        }
        alive.launched = true;
        let attempt = alive.attempt.clone();
        attempt.launch();
    }

    /// Makes sure that the begin of the unit's present run is seen, if it was not yet.
    pub(super) fn await_begin(&mut self, id: Id) {
        if self
            .alive(id)
            .is_some_and(|alive| !alive.begun && alive.attempt.await_begin())
        {
            self.begun(id);
        }
    }

    /// As [`await_begin`](Self::await_begin), for all units.
    pub(super) fn await_all(&mut self) {
        let ids: Vec<_> = self.entries.keys().copied().collect();
        for id in ids {
            self.await_begin(id);
        }
    }

    /// The present run of a unit has begun. Seen twice if it was awaited just then.
    pub(super) fn begun(&mut self, id: Id) {
        let Some(alive) = self.alive(id).filter(|alive| !alive.begun) else {
            return;
        };
        alive.begun = true;
        let stop_due = alive.stop_due;
        let notifies = alive.attempt.unit().policy().notifies_ready;
        self.unbegun -= 1;
        if stop_due {
            self.stop_run(id);
        } else if !notifies {
            self.ready(id);
        }
    }

    pub(super) fn ready(&mut self, id: Id) {
        let Some(alive) = self.alive(id) else { return };
        if std::mem::replace(&mut alive.ready, true) || alive.stop_due {
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        entry.unit.set_was_ready();
        entry.unit.set_running();
        for waiter in std::mem::take(&mut entry.waiters) {
            let Some(entry) = self.entries.get_mut(&waiter) else {
                continue;
            };
            entry.pending -= 1;
            if entry.pending == 0 && matches!(entry.stage, Stage::Waiting) && !self.stopping {
                self.start(waiter, true);
            }
        }
    }
}
