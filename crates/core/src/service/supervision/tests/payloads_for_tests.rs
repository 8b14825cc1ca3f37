//! What payloads do in the model: those of runs, and those in groups.

use super::world_for_tests::{Known, World, run_of};
use super::*;

impl World {
    /// Lets what is alive in a group go on by a step.
    pub(super) fn go_on_in_group(&mut self, group: usize) {
        let id = self.units[group].id;
        match self.chance.u8(..6) {
            0 if self.flip() => self.tell(Happening::Closed(id)),
            0 => self.tell(Happening::Reopened(id)),
            1 if self.units[group].has_members => {
                let failure = self.failure();
                let is_error = self.flip();
                self.tell(Happening::MemberFailed {
                    group: id,
                    failure,
                    is_error,
                });
            }
            2 | 3 if self.units[group].has_members => {
                self.units[group].has_members = false;
                // Also where nobody waits for it.
                self.tell(Happening::Drained(id));
            }
            4 if self.units[group].state == UnitState::Running && self.stop.is_none() => {
                self.units[group].has_members = true;
            }
            _ => {}
        }
    }

    /// Lets a unit's present run go on by a step.
    pub(super) fn go_on(&mut self, unit: usize) {
        if self.units[unit].is_group {
            if !self.units[unit].is_over {
                self.go_on_in_group(unit);
            }
            return;
        }
        let what = self.chance.u8(..6);
        let failure = self.failures + 1;
        let (notifies, may_fail) = (self.units[unit].notifies, self.units[unit].may_fail);
        let Known {
            id,
            alive,
            is_asked,
            is_blocking,
            is_given_up,
            ..
        } = &mut self.units[unit];
        let Some(alive) = alive else {
            return;
        };
        let id = run_of(*id, alive.number);
        // What is told of a launch comes from whoever launches, all else from the payload: in any order.
        if alive.is_launching && what == 0 {
            alive.is_launching = false;
            alive.is_launched = true;
            self.forget_ended(unit);
            return self.tell(Happening::Launched(id, Ok(())));
        }
        let event = match what {
            1 if alive.is_launching && !alive.has_begun && !alive.has_ended => {
                // Refused: it is over, and then why is told.
                let refused = match self.stop {
                    Some(_) => None,
                    None => Some(failure),
                };
                self.failures += u32::from(refused.is_some());
                self.tell(ended(id));
                if let Some(known) = &mut self.units[unit].alive {
                    (known.has_ended, known.is_launching) = (true, false);
                }
                self.forget_ended(unit);
                return self.tell(Happening::Launched(id, Err(refused)));
            }
            _ if alive.has_ended => return,
            2 if !alive.has_begun => {
                alive.has_begun = true;
                *is_given_up |= alive.is_cancelled && *is_blocking;
                Happening::Begun(id)
            }
            3 if alive.has_begun && !alive.has_answered => {
                if notifies {
                    Happening::Notified(id)
                } else {
                    alive.holds_token = true;
                    // Its time may be over: then the stop does not wait for it any more.
                    *is_given_up |= *is_asked && *is_blocking;
                    Happening::TookToken(id)
                }
            }
            4 if !alive.has_answered => {
                alive.has_answered = true;
                let exit = [None, None, Some(Exit::Done)][self.chance.usize(..3)];
                let error = self.chance.bool().then_some(failure);
                self.failures += u32::from(error.is_some());
                Happening::Answered {
                    run: id,
                    exit,
                    error,
                    may_fail,
                }
            }
            5 => {
                let can_run = self.chance.u8(..4) > 0;
                if !alive.has_answered && self.chance.bool() {
                    self.failures += 1;
                    Happening::Failed {
                        run: id,
                        failure,
                        can_run,
                        may_fail,
                    }
                } else {
                    alive.has_ended = true;
                    self.forget_ended(unit);
                    Happening::Gone { run: id, can_run }
                }
            }
            _ => return,
        };
        self.tell(event);
    }

    /// Lets a thread that was left behind go on by a step.
    pub(super) fn go_on_where_left(&mut self) {
        let at = self.chance.usize(..self.left.len());
        let run = self.left[at];
        let event = match self.chance.u8(..4) {
            0 => Happening::TookToken(run),
            1 => Happening::Failed {
                run,
                failure: self.failure(),
                can_run: true,
                may_fail: true,
            },
            2 => Happening::Launched(run, Ok(())),
            _ => {
                self.left.swap_remove(at);
                ended(run)
            }
        };
        self.tell(event);
    }

    /// Nothing is left of a run that has ended and whose launch is done.
    pub(super) fn forget_ended(&mut self, unit: usize) {
        let alive = &mut self.units[unit].alive;
        if alive
            .as_ref()
            .is_some_and(|alive| alive.has_ended && !alive.is_launching)
        {
            *alive = None;
        }
    }
}
