//! What comes of a run: its answer, and its failures.

use super::node::{Answer, Fate};
use super::{Call, Cause, Effect, Exit, RunId, Why};

/// What a failure is, as far as that matters once the end was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its run has returned it.
    Returned,
    /// A panic, a payload that was lost, or time that ran out.
    Other,
}

impl<F> Call<'_, F> {
    pub(super) fn answered(&mut self, run: RunId, exit: Option<Exit>, error: Option<F>) {
        if self.run(run).is_none() {
            if let Some(error) = error {
                self.push(Effect::Drop(error));
            }
            return;
        }
        let is_error = error.is_some();
        let is_asked = self.run(run).is_some_and(|run| run.asked.is_some());
        let cause = match error {
            Some(error) => Some(Cause::Given(error)),
            // It was asked to end, and has.
            None if is_asked => None,
            None => self.wrong_end(run, exit).map(Cause::Made),
        };
        if let Some(run) = self.run(run) {
            run.is_ending = true;
            run.answer = Some(Answer {
                exit,
                is_error: cause.is_some(),
            });
        }
        if let Some(cause) = cause {
            let kind = if is_error {
                Kind::Returned
            } else {
                Kind::Other
            };
            // The value is still there, as the run has it until its very end.
            self.judge(run, cause, kind, true);
        }
        if exit == Some(Exit::Shutdown) {
            self.push(Effect::StopRuntime);
            self.stops(self.now.plus(self.all.grace));
        }
    }

    /// Why a run must not end as it did, if so.
    fn wrong_end(&mut self, run: RunId, exit: Option<Exit>) -> Option<Why> {
        let node = self.all.nodes.get(&run.unit)?;
        let is_ready = node.run()?.is_ready;
        if node.policy.notifies_ready && !is_ready {
            return Some(Why::UnreadyAtItsEnd);
        }
        (exit.is_none() && node.policy.return_is_failure).then_some(Why::Returned)
    }

    pub(super) fn failed(&mut self, run: RunId, failure: F, can_run: bool) {
        let cause = Cause::Given(failure);
        if let Some(present) = self.run(run) {
            present.is_ending = true;
            self.judge(run, cause, Kind::Other, can_run);
        } else {
            // Too late for its unit, which is over or has another run.
            self.record(run.unit, cause, None);
        }
    }

    /// As [`failed`](Self::failed), for a reason of the supervision's.
    pub(super) fn fail_run(&mut self, run: RunId, why: Why) {
        self.judge(run, Cause::Made(why), Kind::Other, true);
    }

    /// Decides what becomes of a failure of a unit's present run. `can_run` says whether there is a value for
    /// another one.
    fn judge(&mut self, run: RunId, cause: Cause<F>, kind: Kind, can_run: bool) {
        let is_stopping = self.is_stopping();
        let Some(node) = self.all.nodes.get(&run.unit) else {
            return;
        };
        let before = node.run().and_then(|run| run.failure);
        let fate = match before {
            _ if kind == Kind::Returned && node.wish.is_some() => Fate::Own,
            _ if !is_stopping && can_run && node.absorbs() => Fate::Absorbed,
            _ => Fate::Recorded,
        };
        match (fate, before) {
            (Fate::Recorded, _) => self.record(run.unit, cause, None),
            (_, None) => self.push(Effect::Keep(run.unit, cause)),
            (_, Some(_)) => self.push(Effect::Mention(run.unit, cause)),
        }
        if let Some(run) = self.run(run) {
            // What the runtime was told stays told.
            run.failure = match before {
                Some(before) if fate != Fate::Recorded => Some(before),
                _ => Some(fate),
            };
        }
    }
}
