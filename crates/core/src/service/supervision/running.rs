//! What a run tells until its end: that it has begun, is ready, has returned or failed.

use super::*;

impl<F> Supervision<F> {
    pub(super) fn begun(&mut self, id: RunId) {
        if self.nodes.run(id).is_none() || !self.count_as_begun(id.unit) {
            return;
        }
        let node = self.node(id.unit);
        if node.run().is_some_and(|run| run.asked.is_some()) {
            self.stop_begun(id.unit);
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
            let Some(node) = self.nodes.get_mut(waiter) else {
                continue;
            };
            node.pending -= 1;
            if node.pending == 0 && node.is_waiting() && self.stop.is_none() {
                self.start(waiter, true);
            }
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
            waiters: node.waiters.to_vec(),
        };
        self.judge(unit, fault, false, true);
        match stands_by {
            // Its flavour is still being started, on a thread that cannot be stopped.
            true => self.decide(unit, true),
            false => self.ask(unit),
        }
    }

    pub(super) fn answered(&mut self, id: RunId, exit: Option<Exit>, error: Option<F>) {
        let Some(node) = self.nodes.of_run(id) else {
            // Its flavour was lost while it ran.
            return error.map_or((), |error| self.record(id.unit, Fault::Given(error)));
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
    pub(super) fn failed(&mut self, id: RunId, failure: F, can_run: bool) {
        let fault = Fault::Given(failure);
        match self.nodes.run(id) {
            Some(run) => {
                run.is_ending = true;
                self.judge(id.unit, fault, false, can_run);
            }
            // Too late for its unit, which is over or has another run.
            None => self.record(id.unit, fault),
        }
    }

    /// Decides what becomes of a failure of a unit's present run. `is_error` says that its code returned it, `can_run`
    /// whether there is a value for another run.
    fn judge(&mut self, unit: Id, fault: Fault<F>, is_error: bool, can_run: bool) {
        let may_follow = can_run && !self.is_stopping();
        let node = self.node(unit);
        let is_followed = may_follow && node.policy().restart().is_on_failure();
        let fate = match node.wish {
            Some(_) if is_error => Fate::Own,
            Some(Wish::Stop) => Fate::Recorded,
            _ if is_followed => Fate::Absorbed,
            _ => Fate::Recorded,
        };
        let run = node.run_mut().expect("a failure is one of a run");
        let is_first = run.failure.is_none();
        // What the runtime was told stays told.
        if is_first || fate == Fate::Recorded {
            run.failure = Some(fate);
        }
        match fate {
            Fate::Recorded => self.record(unit, fault),
            _ => self.push(Effect::Absorb {
                unit,
                fault,
                is_first,
            }),
        }
    }

    /// A unit as a whole has failed, and not one run of it: that is the runtime's.
    pub(super) fn fail(&mut self, unit: Id, fault: Fault<F>) {
        self.node(unit).has_failed = true;
        self.record(unit, fault);
    }

    /// A failure is the runtime's, which stops for it.
    pub(super) fn record(&mut self, unit: Id, fault: Fault<F>) {
        self.push(Effect::Record(unit, fault));
        self.stop_with_grace();
    }

    fn stop_with_grace(&mut self) {
        self.stops(self.now.plus(self.grace));
    }
}
