//! What comes of a run: its answer, and its failures.

use super::*;

impl<F> Supervision<F> {
    pub(super) fn answered(&mut self, id: RunId, exit: Option<Exit>, error: Option<F>) {
        if self.nodes.run(id).is_none() {
            return self.effects.extend(error.map(Effect::Drop));
        }
        let is_error = error.is_some();
        let node = self.node(id.unit);
        node.returned(exit);
        let fault = match error {
            Some(error) => Some(Fault::Given(error)),
            None => node.wrong_end(exit).map(Box::new).map(Fault::Made),
        };
        if let Some(fault) = fault {
            // The value is still there, as the run has it until its very end.
            self.judge(id.unit, fault, is_error, true);
        }
        if exit == Some(Exit::Shutdown) {
            self.push(Effect::StopRuntime);
            self.stops(self.now.plus(self.grace));
        }
    }

    /// A run panicked or was lost. `can_run` says whether there is a value for another one.
    pub(super) fn failed(&mut self, id: RunId, failure: F, can_run: bool) {
        let fault = Fault::Given(failure);
        match self.nodes.run(id) {
            Some(run) => {
                run.is_ending = true;
                self.judge(id.unit, fault, false, can_run);
            }
            // Too late for its unit, which is over or has another run.
            None => self.record(id.unit, fault, None),
        }
    }

    /// Decides what becomes of a failure of a unit's present run. `is_error` says that its code returned it, `can_run`
    /// whether there is a value for another run.
    pub(super) fn judge(&mut self, unit: Id, fault: Fault<F>, is_error: bool, can_run: bool) {
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        let fate = if is_error && node.wish.is_some() {
            Fate::Own
        } else if !is_stopping && can_run && node.absorbs() {
            Fate::Absorbed
        } else {
            Fate::Recorded
        };
        let run = node.run_mut().expect("a failure is one of a run");
        let before = run.failure;
        // What the runtime was told stays told.
        run.failure = match before {
            Some(before) if fate != Fate::Recorded => Some(before),
            _ => Some(fate),
        };
        match (fate, before) {
            (Fate::Recorded, _) => self.record(unit, fault, None),
            (_, None) => self.push(Effect::Keep(unit, fault)),
            (_, Some(_)) => self.push(Effect::Mention(unit, fault)),
        }
    }
}
