//! Random events against a plain model of the world around the supervision: payloads, flavours, users and a clock.
//!
//! The model does what it is told, in any order that may happen, and knows what must never be asked of it.

use std::collections::{HashMap, HashSet};
use std::ops::RangeTo;

use super::*;

/// Where the model takes what is up to chance from.
enum Chance {
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

    fn is_used_up(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.as_slice().is_empty())
    }
}

/// What the world knows of one unit.
#[derive(Debug)]
struct Known {
    id: Id,
    state: UnitState,
    was_ready: bool,
    after: Vec<usize>,
    is_blocking: bool,
    notifies: bool,
    is_over: bool,
    /// Its present run, until nothing is left of it.
    alive: Option<Living>,
    runs: u64,
    is_asked: bool,
    /// A user wants it to stop.
    is_unwanted: bool,
    /// Its present run was not ready in time, and is asked to end for that.
    is_late: bool,
    /// The stop need not wait for it.
    is_given_up: bool,
    /// A failure was kept, and nothing has come of it yet.
    has_kept: bool,
}

#[derive(Debug)]
struct Living {
    number: u64,
    is_launching: bool,
    is_launched: bool,
    has_begun: bool,
    has_answered: bool,
    has_ended: bool,
    holds_token: bool,
}

struct World {
    play: Play,
    chance: Chance,
    units: Vec<Known>,
    is_up: bool,
    is_flavour_starting: bool,
    failures: Failure,
    /// What has become of each failure.
    told: HashMap<Failure, &'static str>,
    stop: Option<Moment>,
    stop_over: bool,
    is_grace_over: bool,
    log: Vec<String>,
}

impl World {
    fn new(seed: u64, chance: Chance) -> Self {
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
    fn step(&mut self) {
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

    fn tell(&mut self, event: Happening<Failure>) {
        let shown = format!("{event:?}");
        let effects = self.play.tell(event);
        self.log.push(format!("{:?} {shown}", self.play.now));
        for effect in effects {
            self.log.push(format!("    {effect:?}"));
            self.take(effect);
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

    /// Does what it is told, unless that must never be.
    fn take(&mut self, effect: Effect<Failure>) {
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
            Effect::Drop(failure) => self.note(Fault::Given(failure), "dropped"),
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

    fn note(&mut self, cause: Fault<Failure>, what: &'static str) {
        if let Fault::Given(failure) = cause {
            let before = self.told.insert(failure, what);
            assert_eq!(before, None, "failure {failure} is told once");
        }
    }

    /// Lets everything come to its end, and sees that it does.
    fn finish(&mut self) {
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

fn run_of(unit: Id, number: u64) -> RunId {
    RunId { unit, number }
}

fn index(id: Id) -> usize {
    id.serial as usize
}

fn is_late(cause: &Fault<Failure>) -> bool {
    matches!(cause, Fault::Late { .. })
}

/// A program of so many random events at most; prints what happened if it fails.
fn play(seed: u64, chance: Chance, events: usize) {
    struct Shown<'a>(&'a mut World, u64);
    impl Drop for Shown<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("seed {}\n{}", self.1, self.0.log.join("\n"));
            }
        }
    }
    let mut world = World::new(seed, chance);
    let shown = Shown(&mut world, seed);
    for _ in 0..events {
        if shown.0.chance.is_used_up() {
            break;
        }
        shown.0.step();
        if shown.0.stop.is_some() && !shown.0.play.all.is_stopping() {
            // The shell tells of the stop before anything else.
            let stops = shown.0.stop.unwrap_or_default();
            shown.0.tell(Happening::Stops(stops));
        }
    }
    shown.0.finish();
}

/// A program that bytes choose: the first one is the seed of the supervision.
pub(crate) fn play_bytes(bytes: &[u8]) {
    let (seed, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let chance = Chance::Bytes(Vec::from(bytes).into_iter());
    play(u64::from(*seed), chance, usize::MAX);
}

/// `FOSTER_SUPERVISIONS` says how many programs are tried, and `FOSTER_SEED` which is the first.
#[test]
fn random_events_never_ask_for_what_must_not_be() {
    let read = |name| std::env::var(name).ok().map(|text| text.parse());
    let number = match read("FOSTER_SUPERVISIONS") {
        Some(number) => number.expect("FOSTER_SUPERVISIONS is a number"),
        None if cfg!(miri) => 20,
        None => 10_000,
    };
    let first = match read("FOSTER_SEED") {
        Some(seed) => seed.expect("FOSTER_SEED is a number"),
        None => fastrand::u64(..),
    };
    for seed in (0..number).map(|program| first.wrapping_add(program)) {
        play(seed, Chance::Seed(fastrand::Rng::with_seed(seed)), 80);
    }
}

/// What the fuzzer runs. `FOSTER_BYTES` names a file that it has found, to see what happens there.
#[test]
fn random_events_may_be_chosen_by_bytes() {
    if let Some(file) = std::env::var_os("FOSTER_BYTES") {
        return play_bytes(&std::fs::read(file).expect("FOSTER_BYTES is a file"));
    }
    play_bytes(&[]);
    let number = if cfg!(miri) { 5 } else { 500 };
    for _ in 0..number {
        let bytes: Vec<_> = (0..fastrand::usize(..600))
            .map(|_| fastrand::u8(..))
            .collect();
        play_bytes(&bytes);
    }
}
