//! A plain model of the world around the supervision: payloads, flavours, users and a clock.
//!
//! It does what it is told, in any order that may happen, and knows what must never be asked of it.

use std::collections::{HashMap, HashSet};
use std::ops::RangeTo;

use super::*;

/// Where the model takes what is up to chance from.
pub(super) enum Chance {
    Seed(fastrand::Rng),
    /// One byte for each choice, always the first one once they are used up.
    Bytes(std::vec::IntoIter<u8>),
}

impl Chance {
    fn usize(&mut self, below: RangeTo<usize>) -> usize {
        match self {
            Self::Seed(seed) => seed.usize(below),
            Self::Bytes(bytes) => usize::from(bytes.next().unwrap_or(0)) % below.end,
        }
    }

    fn u8(&mut self, below: RangeTo<u8>) -> u8 {
        match self {
            Self::Seed(seed) => seed.u8(below),
            Self::Bytes(bytes) => bytes.next().unwrap_or(0) % below.end,
        }
    }

    fn bool(&mut self) -> bool {
        self.u8(..2) == 1
    }

    fn f64(&mut self) -> f64 {
        match self {
            Self::Seed(seed) => seed.f64(),
            Self::Bytes(bytes) => f64::from(bytes.next().unwrap_or(0)) / 256.0,
        }
    }

    pub(super) fn is_used_up(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.as_slice().is_empty())
    }
}

/// What the world knows of one unit.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: Id,
    pub(super) state: UnitState,
    pub(super) was_ready: bool,
    pub(super) after: Vec<usize>,
    pub(super) is_blocking: bool,
    pub(super) notifies: bool,
    pub(super) is_over: bool,
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
            log: Vec::new(),
        }
    }

    fn flip(&mut self) -> bool {
        self.chance.bool()
    }

    fn failure(&mut self) -> Failure {
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
            4 if self.is_flavour_starting => self.end_start(),
            5 if unit < self.units.len() => {
                let wish = if self.flip() {
                    Wish::Stop
                } else {
                    Wish::Restart
                };
                self.units[unit].is_unwanted |= wish == Wish::Stop;
                let id = self.units[unit].id;
                self.tell(Happening::Asked(id, wish));
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

    fn hand_in(&mut self) {
        let number = 1 + self.chance.usize(..2);
        let mut newcomers = Vec::new();
        for _ in 0..number {
            let after: Vec<_> = (0..self.units.len())
                .filter(|_| self.chance.u8(..4) == 0)
                .collect();
            let time = |chance: &mut Chance| {
                let times = [
                    None,
                    None,
                    Some(SECOND),
                    Some(3 * SECOND),
                    Some(Duration::MAX),
                ];
                times[chance.usize(..times.len())]
            };
            let restart = match self.chance.u8(..4) {
                0 => None,
                1 => Some(Restart::always().delay(SECOND)),
                2 => Some(restart().limit(3, 20 * SECOND)),
                _ => Some(restart().delay(Duration::ZERO)),
            };
            let policy = Policy {
                restart: restart.map(Box::new),
                notifies_ready: self.chance.u8(..3) == 0,
                return_is_failure: self.chance.u8(..6) == 0,
                start_timeout: time(&mut self.chance),
                stop_time: time(&mut self.chance),
            };
            let is_blocking = self.chance.u8(..3) == 0;
            let is_ready = |other: &usize| (self.units[*other].id, self.units[*other].was_ready);
            let id = self.free_id();
            newcomers.push(Newcomer {
                id,
                after: after.iter().map(is_ready).collect(),
                is_blocking,
                flavour: DOWN,
                is_flavour_up: self.is_up,
                is_unwanted: false,
                policy: Some(Box::new(policy.clone())),
            });
            self.units.push(Known {
                id,
                state: UnitState::Waiting,
                was_ready: false,
                after,
                is_blocking,
                notifies: policy.notifies_ready,
                is_over: false,
                alive: None,
                runs: 0,
                is_asked: false,
                is_unwanted: false,
                is_late: false,
                is_given_up: false,
                has_kept: false,
            });
        }
        self.tell(Happening::HandedIn(newcomers));
    }

    /// The next unit's. It has the place of one that is over, if there is one.
    fn free_id(&self) -> Id {
        let is_free = |place: &u32| {
            let alive = |known: &Known| !known.is_over && known.id.place == *place;
            !self.units.iter().any(alive)
        };
        Id {
            serial: self.units.len() as u64,
            place: (0..).find(is_free).unwrap_or_default(),
        }
    }

    fn stop(&mut self) {
        let grace_over_at = self.play.now.plus(GRACE);
        self.stop = Some(grace_over_at);
        self.tell(Happening::Stops(grace_over_at));
    }

    fn pass(&mut self) {
        let time = match (self.play.due_in(), self.flip()) {
            (Some(due), true) => due,
            _ => SECOND.mul_f64(self.chance.f64()),
        };
        self.play.now = self.play.now.plus(time);
        self.tell(Happening::Due);
        // Once the grace time is over a unit that is asked is due at once, and then those that it held up.
        for _ in 0..self.units.len() {
            if self.is_late() && self.stop.is_some_and(|stop| stop <= self.play.now) {
                self.tell(Happening::Due);
            }
        }
        assert!(!self.is_late(), "what is due was done");
    }

    /// Whether something should have been done by now.
    fn is_late(&self) -> bool {
        let due = self.play.all.next_due();
        due.is_some_and(|due| due <= self.play.now && due != Moment::default())
    }

    fn end_start(&mut self) {
        self.is_flavour_starting = false;
        if self.flip() {
            self.is_up = true;
            self.tell(Happening::FlavourUp(DOWN));
        } else {
            let failure = self.failure();
            self.tell(Happening::FlavourDown(DOWN, failure));
        }
    }

    /// Lets a unit's present run go on by a step.
    fn go_on(&mut self, unit: usize) {
        let what = self.chance.u8(..6);
        let failure = self.failures + 1;
        let notifies = self.units[unit].notifies;
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
                let error = (exit.is_none() && self.chance.bool()).then_some(failure);
                self.failures += u32::from(error.is_some());
                Happening::Answered {
                    run: id,
                    exit,
                    error,
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

    /// Nothing is left of a run that has ended and whose launch is done.
    fn forget_ended(&mut self, unit: usize) {
        let alive = &mut self.units[unit].alive;
        if alive
            .as_ref()
            .is_some_and(|alive| alive.has_ended && !alive.is_launching)
        {
            *alive = None;
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
    }

    /// Lets everything come to its end, and sees that it does.
    pub(super) fn finish(&mut self) {
        let now = self.play.now;
        let grace_over_at = self.stop.unwrap_or(now.plus(GRACE));
        self.stop = Some(grace_over_at);
        self.tell(Happening::Stops(grace_over_at));
        for _ in 0..100 {
            if self.units.iter().all(|unit| unit.is_over) {
                break;
            }
            if self.is_flavour_starting {
                self.end_start();
            }
            for unit in 0..self.units.len() {
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
            assert!(unit.is_over, "unit {id} comes to its end: {unit:?}");
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
