//! Random events: answers that are late, lost and out of order, an engine that gives the lease to others when it has run out,
//! and work that takes its time to end. `FOSTER_TENURES` says how many lives.

use std::collections::BTreeMap;

use super::*;

/// The engine, by its own clock, which is as quick as the process's.
#[derive(Default)]
struct Engine {
    fence: u64,
    /// Who holds it: this process or another one.
    holder: Option<(bool, At)>,
}

impl Engine {
    fn is_mine(&self, now: At) -> bool {
        self.holder.is_some_and(|(mine, until)| mine && now < until)
    }

    fn is_free(&self, now: At) -> bool {
        self.holder.is_none_or(|(_, until)| now >= until)
    }

    fn acquire(&mut self, now: At, mine: bool) -> Acquired {
        match self.is_free(now) {
            true => {
                self.fence += 1;
                self.holder = Some((mine, now + RULES.length));
                Acquired::held(self.fence)
            }
            false => Acquired::taken(None),
        }
    }

    fn renew(&mut self, now: At, fence: u64) -> Renewed {
        match self.is_mine(now) && fence == self.fence {
            true => {
                self.holder = Some((true, now + RULES.length));
                Renewed::Kept
            }
            false => Renewed::Lost,
        }
    }

    fn release(&mut self, now: At, fence: u64) {
        if self.is_mine(now) && fence == self.fence {
            self.holder = None;
        }
    }
}

#[derive(Debug)]
enum Event {
    /// A call reaches the engine.
    Arrives(Effect),
    Acquired(Call, Result<Acquired, LeaseError>),
    Renewed(Call, Result<Renewed, LeaseError>),
    Released(Call, Result<(), LeaseError>),
    Freed,
    RunOver(u64),
    Stop,
    /// Others want the lease as well.
    OtherComes,
    /// Whoever runs the engine takes the lease away.
    TakenAway,
}

/// The work, as this process has it.
#[derive(Debug, Clone, Copy)]
struct Work {
    fence: u64,
    until: At,
    is_asked: bool,
    is_cancelled: bool,
}

struct Life {
    rng: Rng,
    tenure: Tenure,
    engine: Engine,
    now: At,
    /// By time, and a number as two may be at the same.
    events: BTreeMap<(At, u64), Event>,
    number: u64,
    work: Option<Work>,
    last_fence: u64,
    is_stopped: bool,
    is_finished: bool,
    was_taken_away: bool,
    starts: u32,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut life = Self {
            rng: Rng::with_seed(seed),
            tenure: Tenure::new(RULES, seed, false),
            engine: Engine::default(),
            now: At::ZERO,
            events: BTreeMap::new(),
            number: 0,
            work: None,
            last_fence: 0,
            is_stopped: false,
            is_finished: false,
            was_taken_away: false,
            starts: 0,
        };
        for _ in 0..10 {
            let when = life.within(200.0);
            life.put(when, Event::OtherComes);
        }
        if life.rng.u8(..4) == 0 {
            let when = life.within(200.0);
            life.put(when, Event::TakenAway);
        }
        let when = life.within(300.0);
        life.put(when, Event::Stop);
        life
    }

    fn within(&mut self, seconds: f64) -> Duration {
        at(self.rng.f64() * seconds)
    }

    fn put(&mut self, after: Duration, event: Event) {
        self.number += 1;
        self.events.insert((self.now + after, self.number), event);
    }

    /// How long a message takes; `None` if it is lost. For a third of the time nearly all are.
    fn way(&mut self) -> Option<Duration> {
        if self.now.as_secs() % 60 >= 40 && self.rng.u8(..10) > 0 {
            return None;
        }
        match self.rng.u8(..20) {
            0 => None,
            1..3 => Some(self.within(20.0)),
            3..6 => Some(self.within(3.0)),
            _ => Some(self.within(0.1)),
        }
    }

    fn run(mut self) -> u32 {
        let mut effects = Vec::new();
        self.tenure.tick(self.now, &mut effects);
        self.apply(&mut effects);
        while !self.is_finished {
            let due = self.tenure.next_due();
            let event = self.events.first_key_value().map(|((when, _), _)| *when);
            match (due, event) {
                (Some(due), when) if when.is_none_or(|when| due <= when) => {
                    self.now = self.now.max(due);
                    self.tenure.tick(self.now, &mut effects);
                }
                (_, Some(_)) => {
                    let ((when, _), event) = self.events.pop_first().expect("there is one");
                    self.now = self.now.max(when);
                    self.happen(event, &mut effects);
                }
                (None, None) => panic!("it waits for nothing, and is not over"),
                (Some(_), None) => unreachable!("taken above"),
            }
            self.apply(&mut effects);
            self.check();
            assert!(self.now < at(2_000.0), "it does not end");
        }
        assert!(self.is_stopped, "it ends when it is to");
        self.starts
    }

    fn happen(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let (now, tenure) = (self.now, &mut self.tenure);
        match event {
            Event::Arrives(effect) => self.reach(effect),
            Event::Acquired(call, answer) => tenure.acquired(now, call, &answer, effects),
            Event::Renewed(call, answer) => tenure.renewed(now, call, &answer, effects),
            Event::Released(call, answer) => tenure.released(now, call, &answer, effects),
            Event::Freed => tenure.freed(now, &Ok(())),
            Event::RunOver(fence) => {
                if self.work.is_some_and(|work| work.fence == fence) {
                    self.work = None;
                    tenure.run_over(now, false, effects);
                }
            }
            Event::Stop => {
                self.is_stopped = true;
                tenure.stop(now, effects);
            }
            Event::OtherComes => {
                self.engine.acquire(now, false);
            }
            Event::TakenAway => {
                self.was_taken_away = true;
                self.engine.fence += 1;
                self.engine.holder = Some((false, now + RULES.length));
            }
        }
    }

    /// A call reaches the engine, and its answer is on its way.
    fn reach(&mut self, effect: Effect) {
        let way = self.way();
        let fails = self.rng.u8(..10) == 0;
        let refused = error();
        let event = match effect {
            Effect::Acquire(call) if fails => Event::Acquired(call, Err(refused)),
            Effect::Acquire(call) => Event::Acquired(call, Ok(self.engine.acquire(self.now, true))),
            Effect::Renew(call, _) if fails => Event::Renewed(call, Err(refused)),
            Effect::Renew(call, fence) => {
                Event::Renewed(call, Ok(self.engine.renew(self.now, fence)))
            }
            Effect::Release(call, fence) => {
                self.engine.release(self.now, fence);
                Event::Released(call, Ok(()))
            }
            Effect::Watch => Event::Freed,
            other => panic!("{other:?} is no call"),
        };
        if let Some(way) = way {
            self.put(way, event);
        }
    }

    fn apply(&mut self, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Release(_, fence) => {
                    assert!(
                        self.work.is_none(),
                        "released while {:?} goes on",
                        self.work
                    );
                    assert_eq!(fence, self.tenure_fence(), "of the last turn");
                    self.send(effect);
                }
                Effect::Acquire(_) => {
                    assert!(self.work.is_none() && !self.is_stopped);
                    self.send(effect);
                }
                Effect::Renew(_, fence) => {
                    assert!(self.work.is_some_and(|work| work.fence == fence));
                    self.send(effect);
                }
                Effect::Watch => self.send(effect),
                Effect::Start { fence, until } => {
                    assert!(fence > self.last_fence && !self.is_stopped);
                    (self.last_fence, self.starts) = (fence, self.starts + 1);
                    self.work = Some(Work {
                        fence,
                        until,
                        is_asked: false,
                        is_cancelled: false,
                    });
                }
                Effect::Extend { until } => {
                    let work = self.work.as_mut().expect("it goes on");
                    assert!(until > work.until);
                    work.until = until;
                }
                Effect::Shorten { until } => {
                    let work = self.work.as_mut().expect("it goes on");
                    assert!(until <= work.until);
                    work.until = until;
                }
                Effect::Ask => {
                    let takes = self.within(RULES.stop_time.as_secs_f64());
                    let work = self.work.as_mut().expect("it goes on");
                    assert!(!std::mem::replace(&mut work.is_asked, true));
                    let fence = work.fence;
                    self.put(takes, Event::RunOver(fence));
                }
                Effect::Cancel => {
                    let work = self.work.as_mut().expect("it goes on");
                    assert!(!std::mem::replace(&mut work.is_cancelled, true));
                    let fence = work.fence;
                    self.put(at(0.1), Event::RunOver(fence));
                }
                Effect::Tell(_) => {}
                Effect::Finish => {
                    assert!(self.work.is_none());
                    self.is_finished = true;
                }
            }
        }
    }

    fn tenure_fence(&self) -> u64 {
        match self.tenure.state {
            State::Releasing { fence, .. } => fence,
            ref other => panic!("a release in {other:?}"),
        }
    }

    fn send(&mut self, effect: Effect) {
        if let Some(way) = self.way() {
            self.put(way, Event::Arrives(effect));
        }
    }

    fn check(&self) {
        let Some(work) = self.work else { return };
        assert!(self.now < work.until, "{work:?} goes on at {:?}", self.now);
        let is_late = |left: Duration| self.now > work.until.saturating_sub(left);
        assert!(work.is_cancelled || !is_late(MARGIN), "{work:?}");
        assert!(
            work.is_asked || work.is_cancelled || !is_late(MARGIN + RULES.stop_time),
            "{work:?}"
        );
        // Unless somebody took it away, the engine gives it to nobody else meanwhile.
        assert!(self.was_taken_away || self.engine.is_mine(self.now));
    }
}

#[test]
fn random_events_never_make_two_holders() {
    let lives = std::env::var("FOSTER_TENURES").ok();
    let lives = lives.map_or(2_000, |number| number.parse().expect("a number of lives"));
    let seed = std::env::var("FOSTER_SEED").ok();
    let seed = seed.map_or_else(|| fastrand::u64(..), |seed| seed.parse().expect("a seed"));
    let mut starts = 0;
    for life in 0..lives {
        let seed = seed.wrapping_add(life);
        let outcome = std::panic::catch_unwind(|| Life::new(seed).run());
        match outcome {
            Ok(number) => starts += u64::from(number),
            Err(panic) => {
                eprintln!("FOSTER_SEED={seed} FOSTER_TENURES=1");
                std::panic::resume_unwind(panic);
            }
        }
    }
    assert!(starts > lives, "they hold it, {starts} times");
}
