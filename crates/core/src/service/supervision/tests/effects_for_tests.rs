//! What the model does for each effect, and what must never be asked of it.

use super::world_for_tests::{Known, Living, World, index, is_late};
use super::*;

impl World {
    /// Does what it is told, unless that must never be.
    pub(super) fn take(&mut self, effect: Effect<Failure>) {
        match effect {
            Effect::State(unit, state) => {
                let known = &mut self.units[index(unit)];
                // One that could not start may be started again at once.
                let is_change = known.state != state || state == UnitState::Starting;
                assert!(!known.is_over && is_change, "a change, of what is there");
                known.state = state;
                known.was_ready |= state == UnitState::Running;
                known.is_over = state.is_over();
                match state {
                    UnitState::Starting => self.take_start(unit),
                    UnitState::Stopping => self.take_request(unit),
                    _ => {}
                }
            }
            Effect::StartFlavour(_) => {
                assert!(!self.is_flavour_starting && !self.is_up, "started once");
                self.is_flavour_starting = true;
            }
            Effect::Launch(run) => {
                let known = &mut self.units[index(run.unit)];
                assert!(known.alive.is_none(), "one run at a time");
                assert_eq!(run.number, known.runs);
                known.alive = Some(Living {
                    number: run.number,
                    is_launching: true,
                    is_launched: false,
                    has_begun: false,
                    has_answered: false,
                    has_ended: false,
                    holds_token: false,
                });
            }
            Effect::Cancel(run) | Effect::Cut(run) => {
                let known = &self.units[index(run.unit)];
                assert!(known.is_asked && !known.is_blocking);
            }
            Effect::Absorb {
                unit,
                fault,
                is_first: true,
            } => {
                self.units[index(unit)].has_kept = true;
                self.units[index(unit)].is_late |= is_late(&fault);
                self.note(fault, "kept");
            }
            Effect::Absorb { fault, .. } => self.note(fault, "mentioned"),
            Effect::Record(unit, cause) => {
                let is_given_up = matches!(cause, Fault::GivenUp { .. });
                if matches!(
                    cause,
                    Fault::Kept
                        | Fault::GivenUp {
                            returned: false,
                            ..
                        }
                ) {
                    let known = &mut self.units[index(unit)];
                    assert!(std::mem::take(&mut known.has_kept), "a kept failure, once");
                }
                assert!(!is_given_up || self.stop.is_none());
                self.units[index(unit)].is_late |= is_late(&cause);
                self.units[index(unit)].is_given_up |= cause == Fault::Stuck;
                self.note(cause, "recorded");
                // As the runtime does for it.
                if self.stop.is_none() {
                    self.stop = Some(self.play.now.plus(GRACE));
                }
            }
            Effect::Unclaimed(failure) => self.note(Fault::Given(failure), "unclaimed"),
            Effect::Blame(unit, _) => {
                assert!(self.stop.is_some() && self.units[index(unit)].alive.is_some());
                self.units[index(unit)].is_given_up = true;
            }
            Effect::StopOver => {
                assert!(!std::mem::replace(&mut self.stop_over, true), "once");
            }
            Effect::Over(unit) => {
                let known = &self.units[index(unit)];
                assert!(known.is_over && known.alive.is_none());
            }
            // It was given up before the stop, which does not wait for it, even if it takes its token by then.
            Effect::Tell(unit, Remark::GoesOn) => self.units[index(unit)].is_given_up = true,
            Effect::Delayed(..)
            | Effect::Dispose(_)
            | Effect::InVain(..)
            | Effect::StopRuntime
            | Effect::Tell(..)
            | Effect::Wake(_) => {}
        }
    }

    pub(super) fn note(&mut self, cause: Fault<Failure>, what: &'static str) {
        if let Fault::Given(failure) = cause {
            let before = self.told.insert(failure, what);
            assert_eq!(before, None, "failure {failure} is told once");
        }
    }

    /// A new run of a unit begins.
    fn take_start(&mut self, unit: Id) {
        assert!(self.stop.is_none(), "none starts once the runtime stops");
        let are_ready = self.units[index(unit)].after.iter();
        let are_ready = are_ready.copied().all(|other| self.units[other].was_ready);
        let known = &mut self.units[index(unit)];
        assert!(
            known.runs > 0 || are_ready,
            "those that it comes after were ready"
        );
        assert!(!known.is_unwanted, "a unit that is to stop starts no more");
        assert!(known.alive.is_none(), "one run at a time");
        known.runs += 1;
        (known.is_asked, known.has_kept) = (false, false);
        known.is_late = false;
    }

    /// The present run of a unit is asked to end.
    fn take_request(&mut self, unit: Id) {
        // A thread without a token is not waited for when its time is over.
        let is_deaf = |other: &Known| {
            let alive = other.alive.as_ref();
            let is_deaf = alive.is_some_and(|alive| !alive.holds_token);
            is_deaf && other.is_blocking && other.is_asked
        };
        let is_waited_for = |other: &Known| {
            let is_there = !other.is_over && !other.is_given_up && !is_deaf(other);
            other.after.contains(&index(unit)) && is_there
        };
        if self.stop.is_some_and(|stop| self.play.now < stop)
            && !self.units[index(unit)].is_unwanted
            && !self.units[index(unit)].is_late
            && !self.is_grace_over
        {
            let others = self.units.iter().any(is_waited_for);
            assert!(!others, "its turn has come");
        }
        let known = &mut self.units[index(unit)];
        assert!(known.alive.is_some(), "there is a run to ask");
        assert!(!std::mem::replace(&mut known.is_asked, true), "asked once");
    }
}
