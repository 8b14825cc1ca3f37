//! What the model does for each effect, and what must never be asked of it.

use super::world_for_tests::{Known, Living, World, index, is_late, run_of};
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
                let is_group = known.is_group;
                let is_gone = known.alive.is_none();
                if state == UnitState::LeftBehind {
                    let alive = known.alive.take().expect("there is a run to leave");
                    assert!(known.is_blocking && alive.has_begun && !alive.holds_token);
                    assert!(known.is_asked, "it had its time");
                    self.left.push(run_of(unit, alive.number));
                }
                let known = &mut self.units[index(unit)];
                known.state = state;
                known.was_ready |= state == UnitState::Running;
                known.is_over = state.is_over();
                known.was_over |= known.is_over;
                match state {
                    UnitState::Starting => self.take_start(unit),
                    // Of such a run nothing is left but its children.
                    UnitState::Stopping if is_gone => {
                        assert!(self.has_children(index(unit)), "there is something to ask");
                    }
                    UnitState::Stopping => self.take_request(unit),
                    UnitState::Running if is_group => self.open_group(unit),
                    _ if state.is_over() => self.close_group(unit),
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
                    is_cancelled: false,
                    is_dropped: false,
                });
            }
            Effect::Cancel(run) | Effect::Cut(run) => {
                let known = &mut self.units[index(run.unit)];
                assert!(known.is_asked);
                let alive = known.alive.as_mut().expect("there is a run to drop");
                if known.is_group {
                    alive.is_dropped = true;
                    // It is waited for another second.
                    known.is_given_up = true;
                    let group = index(run.unit);
                    // What is dropped is gone soon, unless it blocks.
                    self.units[group].has_members &= self.chance_of_blocking();
                    return self.looks.push(group);
                }
                let may_be = !known.is_blocking || alive.is_cancelled && !alive.has_begun;
                assert!(may_be, "a thread that has begun cannot be dropped");
                alive.is_dropped = true;
            }
            Effect::Absorb {
                unit,
                fault,
                is_first: true,
            } => {
                let has_children = self.has_children(index(unit));
                let known = &mut self.units[index(unit)];
                known.has_kept = true;
                // One that ends for what is in it does so in no order.
                known.is_late |= is_late(&fault) || known.is_group || has_children;
                if let Fault::Stuck | Fault::WaitedTooLong { .. } | Fault::WaitsForEver { .. } =
                    fault
                {
                    assert!(known.may_fail || known.parent.is_some(), "its own affair");
                    known.is_unwanted |= known.may_fail;
                    known.is_given_up |= fault == Fault::Stuck;
                }
                self.note(fault, "kept");
            }
            Effect::Absorb { fault, .. } => self.note(fault, "mentioned"),
            Effect::Record(unit, cause) => {
                assert!(!self.units[index(unit)].may_fail, "its own affair");
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
            Effect::Blame(unit, ref blame) | Effect::Excuse(unit, ref blame) => {
                assert!(self.stop.is_some());
                let is_excused = matches!(effect, Effect::Excuse(..));
                assert_eq!(is_excused, self.may_fail(index(unit)), "whose affair it is");
                let known = &mut self.units[index(unit)];
                let alive = known.alive.as_ref().expect("blamed is who runs");
                let is_cancelled = *blame == Blame::Cancelled;
                assert_eq!(is_cancelled, alive.is_cancelled, "what it had no time for");
                known.is_given_up = true;
            }
            Effect::StopOver => {
                assert!(!std::mem::replace(&mut self.stop_over, true), "once");
            }
            Effect::Over(unit) => {
                let known = &self.units[index(unit)];
                assert!(known.is_over && known.alive.is_none());
                assert!(!self.has_children(index(unit)), "its children are over");
                if self.stop.is_none() {
                    let parts = (0..self.units.len())
                        .filter(|part| self.units[*part].part_of.contains(&index(unit)));
                    for part in parts.collect::<Vec<_>>() {
                        self.stop_with_parts(part);
                    }
                }
            }
            Effect::FreePlace(unit) => {
                let known = &mut self.units[index(unit)];
                assert!(known.alive.is_none() || known.is_group, "nothing runs");
                assert!(std::mem::take(&mut known.has_place), "once");
            }
            Effect::Resume(unit) => {
                let known = &mut self.units[index(unit)];
                assert!(known.startable && !known.is_forgotten && known.is_over);
                known.is_over = false;
                known.is_unwanted = false;
                known.was_resumed = true;
            }
            Effect::Forget(unit) => {
                let known = &mut self.units[index(unit)];
                assert!(!std::mem::replace(&mut known.is_forgotten, true), "once");
                assert!(known.is_over && known.alive.is_none());
                let is_left = known.state == UnitState::LeftBehind;
                let has_place = is_left || known.parent.is_none();
                assert_eq!(known.has_place, has_place, "it is free, or its thread's");
            }
            // It was given up before the stop, which does not wait for it, even if it takes its token by then.
            Effect::Tell(unit, Remark::GoesOn) => self.units[index(unit)].is_given_up = true,
            Effect::RecordMember(failure) => {
                self.note(Fault::Given(failure), "recorded");
                if self.stop.is_none() {
                    self.stop = Some(self.play.now.plus(GRACE));
                }
            }
            Effect::Suffer { unit, of } => {
                assert!(self.has_children(index(unit)), "of what is in it");
                let known = &mut self.units[index(unit)];
                assert_ne!(unit, of);
                known.has_kept = true;
                // It ends for that, in no order.
                known.is_late = true;
            }
            Effect::Watch(group) => {
                // If it was not asked it ends by itself, in no order.
                let known = &mut self.units[index(group)];
                known.is_late |= !known.is_asked;
                self.looks.push(index(group));
            }
            Effect::Wake(run) if self.units[index(run.unit)].is_group => {
                self.looks.push(index(run.unit));
            }
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

    /// A group takes payloads from here on.
    fn open_group(&mut self, unit: Id) {
        self.units[index(unit)].alive = Some(Living {
            number: 1,
            is_launching: false,
            is_launched: true,
            has_begun: true,
            has_answered: false,
            has_ended: false,
            holds_token: true,
            is_cancelled: false,
            is_dropped: false,
        });
    }

    /// A group is over.
    fn close_group(&mut self, unit: Id) {
        let known = &mut self.units[index(unit)];
        if known.is_group {
            assert!(
                !known.has_members || known.alive.is_none(),
                "nothing is left in it"
            );
            known.alive = None;
        }
    }

    /// Whether a unit may fail, or something that it is in.
    fn may_fail(&self, unit: usize) -> bool {
        let known = &self.units[unit];
        known.may_fail || known.parent.is_some_and(|parent| self.may_fail(parent))
    }

    /// Whether something in a unit is not over.
    pub(super) fn has_children(&self, unit: usize) -> bool {
        let is_child = |known: &Known| known.parent == Some(unit) && !known.is_over;
        self.units.iter().any(is_child)
    }

    /// A new run of a unit begins.
    fn take_start(&mut self, unit: Id) {
        assert!(self.stop.is_none(), "none starts once the runtime stops");
        let known = &self.units[index(unit)];
        let are_ready = known.after.iter().all(|other| {
            let is_needed = known.needs.contains(other);
            let other = &self.units[*other];
            // One that was started by hand waits for those alone that are on their way.
            other.was_ready || other.was_over && (!is_needed || known.was_resumed)
        });
        let known = &mut self.units[index(unit)];
        assert!(
            known.runs > 0 || are_ready,
            "those that it comes after were ready"
        );
        assert!(!known.is_unwanted, "a unit that is to stop starts no more");
        assert!(known.alive.is_none(), "one run at a time");
        assert!(
            !self.has_children(index(unit)),
            "the children of the one before are over"
        );
        let known = &mut self.units[index(unit)];
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
            // Of what is in something that ends, those beside it.
            let parent = self.units[index(unit)].parent;
            let is_beside = parent.is_none() || other.parent == parent;
            other.after.contains(&index(unit)) && is_there && is_beside
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
