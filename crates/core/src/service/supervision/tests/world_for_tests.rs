//! A plain model of the world around the supervision: payloads, flavours, users and a clock.
//!
//! It does what it is told, in any order that may happen, and knows what must never be asked of it.

use std::collections::{HashMap, HashSet};

use super::chance_for_tests::Chance;
use super::*;

/// What the world knows of one unit.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: Id,
    pub(super) state: UnitState,
    pub(super) was_ready: bool,
    pub(super) after: Vec<usize>,
    /// Those of these without which it does not start.
    pub(super) needs: Vec<usize>,
    pub(super) may_fail: bool,
    pub(super) startable: bool,
    pub(super) is_forgotten: bool,
    pub(super) was_resumed: bool,
    pub(super) is_blocking: bool,
    pub(super) notifies: bool,
    pub(super) is_over: bool,
    /// It was over, and may have been started again since.
    pub(super) was_over: bool,
    /// Its present run, until nothing is left of it.
    pub(super) alive: Option<Living>,
    pub(super) runs: u64,
    pub(super) is_asked: bool,
    /// A user wants it to stop.
    pub(super) is_unwanted: bool,
    /// Its present run was not ready in time, and is asked to end for that.
    pub(super) is_late: bool,
    /// The stop need not wait for it.
    pub(super) is_given_up: bool,
    /// A failure was kept, and nothing has come of it yet.
    pub(super) has_kept: bool,
    /// It is a group: its run is what is alive in it.
    pub(super) is_group: bool,
    /// The group that it is in, or the unit whose run made it.
    pub(super) parent: Option<usize>,
    pub(super) part_of: Vec<usize>,
    /// It has its place in the limits of what it is in.
    pub(super) has_place: bool,
    /// Whether payloads are alive in a group.
    pub(super) has_members: bool,
}

#[derive(Debug)]
pub(super) struct Living {
    pub(super) number: u64,
    pub(super) is_launching: bool,
    pub(super) is_launched: bool,
    pub(super) has_begun: bool,
    pub(super) has_answered: bool,
    pub(super) has_ended: bool,
    pub(super) holds_token: bool,
    /// A user has cancelled it, before it had used up its time.
    pub(super) is_cancelled: bool,
    /// Its payload was told to be dropped.
    pub(super) is_dropped: bool,
}

pub(super) struct World {
    pub(super) play: Play,
    pub(super) chance: Chance,
    pub(super) units: Vec<Known>,
    pub(super) is_up: bool,
    pub(super) is_flavour_starting: bool,
    pub(super) failures: Failure,
    /// What has become of each failure.
    pub(super) told: HashMap<Failure, &'static str>,
    pub(super) stop: Option<Moment>,
    pub(super) stop_over: bool,
    pub(super) is_grace_over: bool,
    /// Threads that were left behind, and run on.
    pub(super) left: Vec<RunId>,
    /// Groups at which the shell is about to look.
    pub(super) looks: Vec<usize>,
    pub(super) log: Vec<String>,
}

impl World {
    pub(super) fn new(seed: u64, chance: Chance) -> Self {
        let mut play = Play::new();
        play.all = Supervision::new(GRACE, seed);
        Self {
            play,
            chance,
            units: Vec::new(),
            is_up: false,
            is_flavour_starting: false,
            failures: 0,
            told: HashMap::new(),
            stop: None,
            stop_over: false,
            is_grace_over: false,
            left: Vec::new(),
            looks: Vec::new(),
            log: Vec::new(),
        }
    }

    pub(super) fn chance_of_blocking(&mut self) -> bool {
        self.chance.u8(..4) == 0
    }

    pub(super) fn flip(&mut self) -> bool {
        self.chance.bool()
    }

    pub(super) fn failure(&mut self) -> Failure {
        self.failures += 1;
        self.failures
    }

    /// Brings one event about that may happen now.
    pub(super) fn step(&mut self) {
        let unit = self.chance.usize(..self.units.len().max(1));
        match self.chance.u8(..20) {
            0 | 1 if self.units.len() < 8 && self.stop.is_none() => self.hand_in(),
            2 if self.stop.is_none() && self.chance.u8(..8) == 0 => self.stop(),
            3 => self.pass(),
            7 if !self.left.is_empty() => self.go_on_where_left(),
            4 if self.is_flavour_starting => self.end_start(),
            5 if unit < self.units.len() && self.chance.u8(..3) == 0 => {
                self.units[unit].is_unwanted &= !self.units[unit].startable;
                let mut ids = vec![self.units[unit].id];
                if self.flip() {
                    let other = self.chance.usize(..self.units.len());
                    self.units[other].is_unwanted &= !self.units[other].startable;
                    ids.push(self.units[other].id);
                }
                self.tell(Happening::Wanted(ids));
            }
            5 if unit < self.units.len() => {
                let id = self.units[unit].id;
                let wish = [Some(Wish::Stop), Some(Wish::Restart), None];
                let mut wish = wish[self.chance.usize(..3)];
                if self.units[unit].is_group && wish == Some(Wish::Restart) {
                    wish = Some(Wish::Stop);
                }
                match wish {
                    None => {
                        self.units[unit].is_unwanted = true;
                        self.cancel(unit);
                    }
                    Some(wish) => {
                        let mut all = vec![unit];
                        if self.chance.u8(..3) == 0 {
                            let is_unit = |other: &usize| !self.units[*other].is_group;
                            let units: Vec<_> = (0..self.units.len()).filter(is_unit).collect();
                            all.extend(units.into_iter().filter(|_| self.chance.bool()));
                        }
                        if wish == Wish::Stop {
                            all.iter().for_each(|unit| self.stop_with_parts(*unit));
                        }
                        let ids: Vec<_> = all.iter().map(|unit| self.units[*unit].id).collect();
                        match ids.len() {
                            1 => self.tell(Happening::Asked(id, wish)),
                            _ => self.tell(Happening::AskedTogether(ids, wish)),
                        }
                    }
                }
            }
            6 if self.stop.is_some() && !self.is_grace_over && self.chance.u8(..4) == 0 => {
                self.is_grace_over = true;
                let by_signal = self.flip();
                self.tell(Happening::GraceOver { by_signal });
            }
            _ if unit < self.units.len() => self.go_on(unit),
            _ => {}
        }
    }

    pub(super) fn stop(&mut self) {
        let grace_over_at = self.play.now.plus(GRACE);
        self.stop = Some(grace_over_at);
        self.tell(Happening::Stops(grace_over_at));
    }

    pub(super) fn pass(&mut self) {
        let time = match (self.play.due_in(), self.flip()) {
            (Some(due), true) => due,
            _ => SECOND.mul_f64(self.chance.f64()),
        };
        self.play.now = self.play.now.plus(time);
        self.tell(Happening::Due);
        // Once the grace time is over a unit that is asked is due at once, and then those that it held up; and what a
        // group is told leads on.
        for _ in 0..self.units.len() {
            if self.is_late() {
                self.tell(Happening::Due);
            }
        }
        assert!(!self.is_late(), "what is due was done");
    }

    /// Whether something should have been done by now.
    pub(super) fn is_late(&self) -> bool {
        let due = self.play.all.next_due();
        due.is_some_and(|due| due <= self.play.now && due != Moment::default())
    }

    pub(super) fn end_start(&mut self) {
        self.is_flavour_starting = false;
        if self.flip() {
            self.is_up = true;
            self.tell(Happening::FlavourUp(DOWN));
        } else {
            let failure = self.failure();
            self.tell(Happening::FlavourDown(DOWN, failure));
        }
    }

    pub(super) fn tell(&mut self, event: Happening<Failure>) {
        let shown = format!("{event:?}");
        let effects = self.play.tell(event);
        self.log.push(format!("{:?} {shown}", self.play.now));
        for effect in effects {
            self.log.push(format!("    {effect:?}"));
            self.take(effect);
        }
        while let Some(group) = self.looks.pop() {
            let known = &self.units[group];
            if !known.has_members && !known.is_over {
                let id = known.id;
                self.tell(Happening::Drained(id));
            }
        }
    }

    /// Lets everything come to its end, and sees that it does.
    pub(super) fn finish(&mut self) {
        let now = self.play.now;
        let grace_over_at = self.stop.unwrap_or(now.plus(GRACE));
        self.stop = Some(grace_over_at);
        self.tell(Happening::Stops(grace_over_at));
        for _ in 0..100 {
            if self.units.iter().all(|unit| unit.is_forgotten) {
                break;
            }
            if self.is_flavour_starting {
                self.end_start();
            }
            for unit in 0..self.units.len() {
                if self.units[unit].is_group {
                    self.units[unit].has_members = false;
                    if !self.units[unit].is_over {
                        let id = self.units[unit].id;
                        self.tell(Happening::Drained(id));
                    }
                    continue;
                }
                let Known { id, alive, .. } = &mut self.units[unit];
                let Some(alive) = alive else {
                    continue;
                };
                let (id, is_launching) = (run_of(*id, alive.number), alive.is_launching);
                (alive.is_launching, alive.has_ended) = (false, true);
                self.forget_ended(unit);
                if is_launching {
                    self.tell(Happening::Launched(id, Ok(())));
                }
                self.tell(gone(id));
            }
            self.play.now = self.play.now.plus(SECOND);
            self.tell(Happening::Due);
        }
        for (id, unit) in self.units.iter().enumerate() {
            assert!(unit.is_forgotten, "unit {id} comes to its end: {unit:?}");
        }
        assert!(self.stop_over, "the stop does not wait for ever");
        assert_eq!(self.play.all.unbegun, 0);
        assert_eq!(self.play.all.next_due(), None, "no timer is left");
        assert!(self.play.all.nodes.in_order().is_empty());
        let all: HashSet<_> = (1..=self.failures).collect();
        let told: HashSet<_> = self.told.keys().copied().collect();
        assert_eq!(told, all, "no failure is lost");
    }
}

pub(super) fn run_of(unit: Id, number: u64) -> RunId {
    RunId { unit, number }
}

pub(super) fn index(id: Id) -> usize {
    id.serial as usize
}

pub(super) fn is_late(cause: &Fault<Failure>) -> bool {
    matches!(cause, Fault::Late { .. })
}
