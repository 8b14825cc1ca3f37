//! What a run tells until its end: that it has begun, is ready, has returned or failed.

use super::*;

impl<F> Supervision<F> {
    pub(super) fn begun(&mut self, id: RunId) {
        if self.nodes.run(id).is_none() || !self.count_as_begun(id.unit) {
            return;
        }
        let node = self.node(id.unit);
        if node.run().is_some_and(|run| run.asked.is_some()) {
            self.see_to_end(id.unit);
        } else if !node.policy().notifies_ready {
            self.ready(id.unit);
        }
    }

    /// Nobody waits any more for the present run of a unit to begin. Whether somebody did.
    pub(super) fn count_as_begun(&mut self, unit: Id) -> bool {
        let run = self.node(unit).run_mut();
        let is_news = run.is_some_and(|run| !std::mem::replace(&mut run.has_begun, true));
        self.unbegun -= usize::from(is_news);
        is_news
    }

    pub(super) fn notified(&mut self, id: RunId) {
        let node = self.nodes.of_run(id);
        if node.is_some_and(|node| node.policy().notifies_ready) {
            self.ready(id.unit);
        }
    }

    pub(super) fn took_token(&mut self, id: RunId) {
        if let Some(run) = self.nodes.run(id) {
            run.holds_token = true;
        }
    }

    /// The present run of a unit is ready, unless it was asked to end.
    pub(super) fn ready(&mut self, unit: Id) {
        let node = self.node(unit);
        let is_starting = |run: &&mut PresentRun| !run.is_ready && run.asked.is_none();
        let Some(run) = node.run_mut().filter(is_starting) else {
            return;
        };
        run.is_ready = true;
        node.was_ready = true;
        let waiters = std::mem::take(&mut node.waiters);
        self.clear_timer(unit);
        self.push(Effect::State(unit, UnitState::Running));
        for waiter in waiters {
            let Some(node) = self.nodes.get_mut(waiter.unit) else {
                continue;
            };
            node.pending -= 1;
            self.start_if_next(waiter.unit);
        }
    }

    /// The present run of a unit is not ready in time.
    pub(super) fn started_too_slowly(&mut self, unit: Id) {
        let node = self.node(unit);
        let stands_by = |run: &PresentRun| run.handover == Handover::StandsBy;
        let stands_by = node.run().is_some_and(stands_by);
        let fault = Fault::Late {
            within: node.policy().start_timeout.unwrap_or_default(),
            notifies: node.policy().notifies_ready,
            waiters: node.waiters.iter().map(|waiter| waiter.unit).collect(),
        };
        self.judge(unit, fault, false, true);
        match stands_by {
            // Its flavour is still being started, on a thread that cannot be stopped.
            true => self.decide(unit, true),
            false => self.ask(unit),
        }
    }

    pub(super) fn answered(
        &mut self,
        id: RunId,
        exit: Option<Exit>,
        error: Option<F>,
        may_fail: bool,
    ) {
        let Some(node) = self.nodes.of_run(id) else {
            // Its flavour was lost while it ran.
            return error.map_or((), |error| {
                self.blow(id.unit, Fault::Given(error), may_fail)
            });
        };
        let is_error = error.is_some();
        let fault = error.map(Fault::Given).or_else(|| node.wrong_end(exit));
        if let Some(run) = node.run_mut() {
            (run.is_ending, run.exit) = (true, exit);
        }
        if let Some(fault) = fault {
            // The value is still there, as the run has it until its very end.
            self.judge(id.unit, fault, is_error, true);
        }
        if exit == Some(Exit::Shutdown) {
            self.push(Effect::StopRuntime);
            self.stop_with_grace();
        }
    }

    /// A run panicked, was lost, or could not begin. `can_run` says whether there is a value for another one.
    pub(super) fn failed(&mut self, id: RunId, failure: F, can_run: bool, may_fail: bool) {
        let fault = Fault::Given(failure);
        match self.nodes.run(id) {
            Some(run) => {
                run.is_ending = true;
                self.judge(id.unit, fault, false, can_run);
            }
            // Too late for its unit, which is over or has another run.
            None => self.blow(id.unit, fault, may_fail),
        }
    }

    /// Decides what becomes of a failure of a unit's present run. `is_error` says that its code returned it, `can_run`
    /// whether there is a value for another run.
    fn judge(&mut self, unit: Id, fault: Fault<F>, is_error: bool, can_run: bool) {
        let may_follow = can_run && !self.is_stopping() && !self.is_orphan(unit);
        let node = self.node(unit);
        let is_final = node.run().is_some_and(|run| run.exit == Some(Exit::Done));
        let is_followed = may_follow && !is_final && node.policy().restart().is_on_failure();
        let fate = match node.wish {
            Some(_) if is_error => Fate::Own,
            wish if is_followed && wish != Some(Wish::Stop) => Fate::Absorbed,
            _ if node.policy().may_fail => Fate::Own,
            _ => Fate::Recorded,
        };
        let run = node.run_mut().expect("a failure is one of a run");
        let is_first = run.failure.is_none();
        // What the runtime was told stays told.
        if is_first || fate == Fate::Recorded {
            run.failure = Some(fate);
        }
        match fate {
            Fate::Recorded => self.escalate(unit, fault, is_error),
            _ => self.push(Effect::Absorb {
                unit,
                fault,
                is_first,
            }),
        }
        self.ask_children(unit);
    }

    /// A unit has failed, though no run of it. It is over if that is its own affair, and there is no run.
    pub(super) fn fail(&mut self, unit: Id, fault: Fault<F>) {
        self.node(unit).has_failed = true;
        self.record(unit, fault);
        let node = self.node(unit);
        if node.policy().may_fail {
            node.wish = Some(Wish::Stop);
            let waits = node.is_waiting();
            self.doomed.extend(waits.then_some(unit));
        }
    }

    /// Nothing follows a failure of a unit.
    pub(super) fn record(&mut self, unit: Id, fault: Fault<F>) {
        let may_fail = self.node(unit).policy().may_fail;
        self.blow(unit, fault, may_fail);
    }

    /// A failure that its unit does not absorb goes up to one that does, or is the runtime's.
    fn escalate(&mut self, unit: Id, fault: Fault<F>, is_error: bool) {
        let parent = self.nodes.get(unit).and_then(|node| node.parent);
        let Some(absorber) = self.absorber(parent, is_error) else {
            self.push(Effect::Record(unit, fault));
            return self.stop_with_grace();
        };
        let is_first = true;
        self.push(Effect::Absorb {
            unit,
            fault,
            is_first,
        });
        if self.suffers(absorber, is_error) {
            self.push(Effect::Suffer {
                unit: absorber,
                of: unit,
            });
        }
        self.ask(absorber);
    }

    /// A failure that nothing follows is its unit's own if that may fail. Else it is the runtime's, which stops for it.
    fn blow(&mut self, unit: Id, fault: Fault<F>, may_fail: bool) {
        if may_fail {
            let is_first = true;
            self.push(Effect::Absorb {
                unit,
                fault,
                is_first,
            });
        } else {
            self.escalate(unit, fault, false);
        }
    }

    pub(super) fn stop_with_grace(&mut self) {
        self.stops(self.now.plus(self.grace));
    }
}
