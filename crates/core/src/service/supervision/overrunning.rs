//! Units that do not end: in the time that they had, or at all.

use super::*;

/// How long what was cancelled in a group has to be gone: it blocks if it takes longer.
pub(super) const CUT_TIME: Duration = Duration::from_secs(1);

impl<F> Supervision<F> {
    /// The present run of a unit has used up the time that it had to end.
    pub(super) fn overran(&mut self, unit: Id) {
        let node = &self.nodes[unit];
        let (is_blocking, id) = (node.is_blocking, node.run_id());
        let is_late = |run: &&PresentRun| !run.is_ending && !run.is_given_up && run.gone.is_none();
        let Some(run) = node.run().filter(is_late) else {
            return;
        };
        if node.is_group && run.is_cut {
            return self.give_up(unit);
        }
        if self.stop.is_none() {
            self.effects.push(Effect::Tell(unit, Remark::Overran));
        } else if run.holds_token && !run.is_cancelled {
            self.blame(unit, Blame::Overran);
        }
        if is_blocking {
            return self.give_up(unit);
        }
        self.push(Effect::Cut(id));
        let after = self.now.plus(CUT_TIME);
        let node = self.node(unit);
        if node.is_group {
            node.run_mut().expect("late is who runs").is_cut = true;
            self.set_timer(unit, after);
        }
    }

    /// A run that was cut short is not dropped, as it does not come to where it awaits.
    pub(super) fn blocks(&mut self, id: RunId) {
        if self.nodes.run(id).is_none_or(|run| run.is_ending) {
            return;
        }
        if self.is_stopping() {
            self.blame(id.unit, Blame::Overran);
        }
        self.give_up(id.unit);
    }

    /// Has the present run of a unit named in the report, once.
    pub(super) fn blame(&mut self, unit: Id, blame: Blame) {
        let run = self.node(unit).run_mut().expect("blamed is who runs");
        if std::mem::replace(&mut run.is_blamed, true) {
            return;
        }
        match self.absorber(Some(unit), false) {
            Some(_) => self.push(Effect::Excuse(unit, blame)),
            None => self.push(Effect::Blame(unit, blame)),
        }
    }

    /// The present run of a unit does not end, and nothing can be done about it.
    pub(super) fn give_up(&mut self, unit: Id) {
        let is_stopping = self.is_stopping();
        let node = self.node(unit);
        let is_unwanted = node.wish == Some(Wish::Stop) || node.is_group;
        node.run_mut().expect("given up is who runs").is_given_up = true;
        self.clear_timer(unit);
        self.free(unit);
        if is_stopping {
            // Those before it have their turn.
            self.release(unit);
        } else if self.is_orphan(unit) && self.is_deaf_thread(unit) {
            self.leave_behind(unit);
        } else if is_unwanted || self.is_orphan(unit) {
            // No other run of it is to follow, but maybe one of a parent.
            self.push(Effect::Tell(unit, Remark::GoesOn));
            self.hold_up_restart(unit);
        } else {
            self.stuck(unit);
        }
    }

    /// Whether the present run of a unit is blocking code that has begun and cannot hear of its end.
    fn is_deaf_thread(&self, unit: Id) -> bool {
        let node = &self.nodes[unit];
        let is_deaf = |run: &PresentRun| run.has_begun && !run.holds_token;
        node.is_blocking && node.run().is_some_and(is_deaf)
    }

    /// Nobody waits any more for a thread in something that ends: not longer than for its children.
    fn leave_behind(&mut self, unit: Id) {
        self.push(Effect::Tell(unit, Remark::GoesOn));
        let run = self.node(unit).run_mut();
        run.expect("left is who runs").is_left = true;
        self.end_run(unit, false);
    }

    /// No other run of a unit can follow its present one. If that was to end for a failure, this stays the cause.
    fn stuck(&mut self, unit: Id) {
        let node = self.node(unit);
        let may_fail = node.policy().may_fail;
        let run = node.run_mut().expect("stuck is who runs");
        if run.failure == Some(Fate::Absorbed) && !may_fail {
            run.failure = Some(Fate::Recorded);
            self.record(unit, Fault::Kept);
        }
        self.fail(unit, Fault::Stuck);
    }

    /// A unit, or what a group has in it, does not end: a run above cannot be started again that waits for it.
    fn hold_up_restart(&mut self, unit: Id) {
        let mut parent = self.nodes[unit].parent;
        while let Some(unit) = parent {
            let node = &self.nodes[unit];
            let is_asked = node.run().is_some_and(|run| run.asked.is_some());
            if !is_asked {
                return;
            }
            if !node.is_group {
                if node.is_followed(false) {
                    self.stuck(unit);
                }
                return;
            }
            parent = node.parent;
        }
    }
}
