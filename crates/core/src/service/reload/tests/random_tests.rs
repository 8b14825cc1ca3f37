//! Random news against a plain model, which knows who was asked and has not answered, and looks for what must not be.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// How many units there are.
const UNITS: u64 = 7;

/// A unit, as the model sees it.
#[derive(Default)]
struct Unit {
    /// `None` before it comes and once it is gone.
    state: Option<UnitState>,
    has_come: bool,
    restarts: bool,
    takes_part: bool,
    /// Those that it came after.
    after: Vec<u64>,
}

impl Unit {
    fn would_be_asked(&self) -> bool {
        let is_in_run = matches!(self.state, Some(UnitState::Starting | UnitState::Running));
        is_in_run && (self.restarts || self.takes_part)
    }
}

struct World {
    stage: Stage,
    chance: fastrand::Rng,
    units: Vec<Unit>,
    /// Those that were in the round when it began, and have not been settled or passed over.
    open: BTreeSet<u64>,
    /// Who was asked or restarted, and is not settled: when it is out of time.
    asked: BTreeMap<u64, u64>,
    /// Requests that were handed out, with their rounds.
    requests: Vec<(u64, u64)>,
    is_under_way: bool,
    is_wanted: bool,
    begun: u64,
    over: u64,
    has_stopped: bool,
    log: Vec<String>,
}

impl World {
    fn tell(&mut self, news: TestNews) {
        self.log.push(format!("{} s: {news:?}", self.stage.now));
        let acts = self.stage.take(news);
        self.log.push(format!("    {acts:?}"));
        // What is restarted is told right away, as by the shell.
        for act in acts {
            self.see(act);
        }
        let due = self.asked.values().min().copied().map(moment);
        assert_eq!(self.stage.rounds.next_due(), due, "what falls due");
        assert_eq!(self.is_under_way, self.begun > self.over);
        let waits = self.is_under_way && self.asked.is_empty();
        assert!(!waits, "somebody was asked, or it were over");
    }

    fn see(&mut self, act: TestAct) {
        match act {
            Act::Begin => {
                assert!(!self.is_under_way, "one round at a time");
                self.begun += 1;
                self.is_under_way = true;
                self.is_wanted = false;
                let asked = (0..UNITS).filter(|unit| self.units[*unit as usize].would_be_asked());
                self.open = if self.has_stopped {
                    BTreeSet::new()
                } else {
                    asked.collect()
                };
            }
            Act::Ask { unit, round } => {
                assert_eq!(round, self.begun);
                assert!(!self.units[unit.serial as usize].restarts);
                self.turn(unit.serial);
                self.requests.push((unit.serial, round));
            }
            Act::Restart(unit) => {
                assert!(self.units[unit.serial as usize].restarts);
                self.turn(unit.serial);
            }
            Act::Settled(unit, _) => {
                let unit = unit.serial;
                assert!(self.asked.remove(&unit).is_some(), "{unit} was asked");
                assert!(self.open.remove(&unit));
            }
            Act::Late(unit, reply) => {
                assert!(!matches!(reply, Reply::Dropped));
                let _ = unit;
            }
            Act::Over { is_cut } => {
                assert!(self.is_under_way);
                assert_eq!(is_cut, self.has_stopped);
                assert!(is_cut || self.open.is_empty(), "all had their turn");
                self.asked.clear();
                self.over += 1;
                self.is_under_way = false;
            }
        }
    }

    /// A unit has its turn: nobody that it comes after has still to answer.
    fn turn(&mut self, unit: u64) {
        assert!(!self.has_stopped);
        assert!(self.open.contains(&unit), "{unit} is in this round");
        assert!(self.units[unit as usize].would_be_asked());
        for before in self.before(unit) {
            assert!(!self.open.contains(&before), "{unit} after {before}");
        }
        let due = self.stage.now + LIMIT;
        assert!(self.asked.insert(unit, due).is_none(), "asked once");
    }

    /// All that a unit comes after, also by way of others.
    fn before(&self, unit: u64) -> BTreeSet<u64> {
        let mut before = BTreeSet::new();
        let mut ways = self.units[unit as usize].after.clone();
        while let Some(other) = ways.pop() {
            if before.insert(other) {
                ways.extend(&self.units[other as usize].after);
            }
        }
        before
    }

    fn pass_over(&mut self, unit: u64) {
        if !self.asked.contains_key(&unit) {
            self.open.remove(&unit);
        }
    }

    fn step(&mut self) {
        let number = self.chance.u64(..UNITS);
        let unit = &self.units[number as usize];
        match (self.chance.u8(..16), unit.state) {
            (0..=1, None) if !unit.has_come => self.enter(number),
            (0..=4, Some(state)) => self.move_on(number, state),
            (5..=7, Some(UnitState::Starting | UnitState::Running)) => {
                let state = unit.state.unwrap_or(UnitState::Waiting);
                self.units[number as usize].takes_part = true;
                self.tell(News::Took(id(number), state));
            }
            (8..=9, _) => {
                self.is_wanted |= self.is_under_way;
                let (begun, before) = (self.begun, self.is_under_way);
                self.tell(News::Wanted);
                assert_eq!(self.begun, begun + u64::from(!before), "one at a time");
            }
            (10..=13, _) if !self.requests.is_empty() => self.answer(),
            (14, _) => {
                self.stage.now += self.chance.u64(1..LIMIT);
                self.tell(News::Due);
                let now = self.stage.now;
                assert!(self.asked.values().all(|due| *due > now), "out of time");
            }
            (15, _) if self.chance.u8(..20) == 0 => {
                self.has_stopped = true;
                self.tell(News::Stops);
                assert!(!self.is_under_way && !self.is_wanted);
            }
            _ => {}
        }
    }

    fn enter(&mut self, number: u64) {
        let others = 0..number;
        let others = others.filter(|other| self.units[*other as usize].state.is_some());
        let after: Vec<u64> = others.filter(|_| self.chance.u8(..3) == 0).collect();
        let restarts = self.chance.u8(..3) == 0;
        let unit = &mut self.units[number as usize];
        (unit.state, unit.restarts) = (Some(UnitState::Waiting), restarts);
        unit.has_come = true;
        unit.after.clone_from(&after);
        self.tell(News::Entered {
            unit: id(number),
            after: after.into_iter().map(id).collect(),
            restarts,
        });
    }

    fn move_on(&mut self, number: u64, state: UnitState) {
        use UnitState::{Delayed, Ended, Running, Starting, Stopping, Waiting};
        let next: &[UnitState] = match state {
            Waiting | Delayed => &[Starting, Ended],
            Starting => &[Running, Stopping, Starting, Delayed, Ended],
            Running => &[Stopping, Starting, Delayed, Ended],
            Stopping => &[Starting, Delayed, Ended],
            _ => return self.forget(number),
        };
        let next = *self.chance.choice(next).unwrap_or(&Ended);
        let unit = &mut self.units[number as usize];
        unit.state = Some(next);
        if !matches!(next, Running | Stopping) {
            unit.takes_part = false;
        }
        if next != Running {
            self.pass_over(number);
        }
        self.tell(News::State(id(number), next));
        let is_over = self.units[number as usize]
            .state
            .is_some_and(|state| state.is_over());
        assert!(!is_over || !self.asked.contains_key(&number), "it is over");
    }

    fn forget(&mut self, number: u64) {
        self.units[number as usize].state = None;
        self.tell(News::Forgotten(id(number)));
    }

    fn answer(&mut self) {
        let index = self.chance.usize(..self.requests.len());
        let (unit, round) = self.requests.swap_remove(index);
        let is_in_time = round == self.begun && self.asked.contains_key(&unit);
        let reply = match self.chance.u8(..3) {
            0 => Reply::Done,
            1 => Reply::Failed(1),
            _ => Reply::Dropped,
        };
        let over = self.over;
        self.tell(News::Answered {
            unit: id(unit),
            round,
            reply,
        });
        let is_open = self.asked.contains_key(&unit) && self.over == over;
        assert!(!is_in_time || !is_open, "it has answered");
    }

    /// All answer, or run out of time: then all of it comes to its end.
    fn finish(&mut self) {
        let wanted = self.is_wanted;
        for _ in 0..=2 * UNITS {
            self.stage.now += LIMIT;
            self.tell(News::Due);
        }
        assert!(!self.is_under_way && !self.is_wanted, "it ends: {wanted}");
        for number in 0..UNITS {
            if self.units[number as usize].state.is_some() {
                self.tell(News::State(id(number), UnitState::Ended));
                self.forget(number);
            }
        }
        assert_eq!(self.stage.rounds.remembered(), 0, "nothing is left");
    }
}

#[test]
fn random_news_never_lead_to_what_must_not_be() {
    struct Shown(World, u64);
    impl Drop for Shown {
        fn drop(&mut self) {
            if std::thread::panicking() {
                println!("seed {}\n{}", self.1, self.0.log.join("\n"));
            }
        }
    }
    let first = match std::env::var("FOSTER_SEED") {
        Ok(seed) => seed.parse().expect("FOSTER_SEED is a number"),
        Err(_) => fastrand::u64(..),
    };
    let number = if cfg!(miri) { 5 } else { 10_000 };
    for seed in (0..number).map(|program| first.wrapping_add(program)) {
        let world = World {
            stage: Stage::new(),
            chance: fastrand::Rng::with_seed(seed),
            units: (0..UNITS).map(|_| Unit::default()).collect(),
            open: BTreeSet::new(),
            asked: BTreeMap::new(),
            requests: Vec::new(),
            is_under_way: false,
            is_wanted: false,
            begun: 0,
            over: 0,
            has_stopped: false,
            log: Vec::new(),
        };
        let mut shown = Shown(world, seed);
        for _ in 0..120 {
            shown.0.step();
        }
        shown.0.finish();
    }
}
