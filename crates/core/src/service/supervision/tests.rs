//! The supervision alone: a table for each row, and random events against a plain model.

#![cfg_attr(fuzzing, allow(dead_code, reason = "the fuzzer has no tables"))]

mod chance_for_tests;
mod effects_for_tests;
mod payloads_for_tests;
mod random_tests;
#[cfg(test)]
mod row_tests;
#[cfg(test)]
mod start_tests;
#[cfg(test)]
mod stop_tests;
mod users_for_tests;
mod world_for_tests;

use std::time::Duration;

use self::chance_for_tests::Chance;
#[cfg(fuzzing)]
pub(crate) use self::random_tests::play_bytes;
use self::world_for_tests::World;

use super::*;
use crate::service::restart::Restart;

/// A failure, told from others by its number.
type Failure = u32;

const SECOND: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(10);

/// The flavour of all units that do not say otherwise, which is there.
const UP: usize = 1;
/// One that has to be started.
const DOWN: usize = 2;

/// A supervision whose clock the test moves.
struct Play {
    all: Supervision<Failure>,
    now: Moment,
}

impl Play {
    fn new() -> Self {
        Self {
            all: Supervision::new(GRACE, 7),
            now: Moment::default(),
        }
    }

    /// Tells what happens; returns what is to be done for it.
    fn tell(&mut self, event: Happening<Failure>) -> Vec<Effect<Failure>> {
        let mut effects = Vec::new();
        self.all.handle(self.now, event, &mut effects);
        effects
    }

    /// Tells what happens, and asserts what is to be done for it.
    #[track_caller]
    fn expect(&mut self, event: Happening<Failure>, expected: &[Effect<Failure>]) {
        let shown = format!("{event:?}");
        assert_eq!(self.tell(event), expected, "{shown}");
    }

    /// Hands a unit in and has its first run begin.
    fn running(&mut self, newcomer: Newcomer) {
        let (unit, number) = (newcomer.id, 1);
        let run = RunId { unit, number };
        self.tell(Happening::HandedIn(vec![newcomer]));
        self.tell(Happening::Launched(run, Ok(())));
        self.tell(Happening::Begun(run));
    }

    fn pass(&mut self, time: Duration) -> Vec<Effect<Failure>> {
        self.now = self.now.plus(time);
        self.tell(Happening::Due)
    }

    fn stop(&mut self) -> Vec<Effect<Failure>> {
        let grace_over_at = self.now.plus(GRACE);
        self.tell(Happening::Stops(grace_over_at))
    }

    fn due_in(&self) -> Option<Duration> {
        Some(self.all.next_due()?.since(self.now))
    }
}

/// The unit that came as so-and-so, counted from 0.
fn id(number: usize) -> Id {
    Id {
        serial: number as u64,
        place: number as u32,
    }
}

fn unit(number: usize) -> Newcomer {
    Newcomer {
        id: id(number),
        policy: None,
        after: Vec::new(),
        part_of: Vec::new(),
        is_blocking: false,
        flavour: UP,
        is_flavour_up: true,
        is_unwanted: false,
        is_group: false,
        parent: None,
    }
}

impl Newcomer {
    fn policy(mut self, policy: Policy) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    fn after(mut self, others: &[usize]) -> Self {
        let link = |other: &usize| Link {
            other: id(*other),
            was_ready: false,
            is_needed: true,
        };
        self.after = others.iter().map(link).collect();
        self
    }

    fn blocking(mut self) -> Self {
        self.is_blocking = true;
        self
    }

    fn down(mut self) -> Self {
        (self.flavour, self.is_flavour_up) = (DOWN, false);
        self
    }
}

/// Restarts after failures, a second later and without chance.
fn restart() -> Restart {
    Restart::on_failure().delay(SECOND).jitter(0.0)
}

fn restarts(restart: Restart) -> Policy {
    Policy {
        restart: Some(restart.into()),
        ..Policy::default()
    }
}

fn notifies() -> Policy {
    Policy {
        notifies_ready: true,
        ..Policy::default()
    }
}

fn run(unit: usize, number: u64) -> RunId {
    let unit = id(unit);
    RunId { unit, number }
}

fn failed(run: RunId, failure: Failure) -> Happening<Failure> {
    Happening::Failed {
        run,
        failure,
        can_run: true,
        may_fail: false,
    }
}

fn returned(run: RunId) -> Happening<Failure> {
    Happening::Answered {
        run,
        exit: None,
        error: None,
        may_fail: false,
    }
}

fn errs(run: RunId, error: Failure) -> Happening<Failure> {
    Happening::Answered {
        run,
        exit: None,
        error: Some(error),
        may_fail: false,
    }
}

fn ended(run: RunId) -> Happening<Failure> {
    Happening::Gone { run, can_run: true }
}

/// As [`ended`], and the value is gone.
fn gone(run: RunId) -> Happening<Failure> {
    Happening::Gone {
        run,
        can_run: false,
    }
}

/// What a unit that starts brings about.
fn starts(run: RunId) -> [Effect<Failure>; 2] {
    [
        Effect::State(run.unit, UnitState::Starting),
        Effect::Launch(run),
    ]
}

/// That the first failure of a run is its unit's alone.
fn absorbs(run: RunId, failure: Failure) -> Effect<Failure> {
    Effect::Absorb {
        unit: run.unit,
        fault: Fault::Given(failure),
        is_first: true,
    }
}

/// What a run that is asked to end brings about.
fn asks(run: RunId) -> [Effect<Failure>; 2] {
    [
        Effect::State(run.unit, UnitState::Stopping),
        Effect::Wake(run),
    ]
}

/// What a unit that is over brings about.
fn over(unit: usize, end: UnitState) -> [Effect<Failure>; 4] {
    [
        Effect::Dispose(id(unit)),
        Effect::State(id(unit), end),
        Effect::Over(id(unit)),
        Effect::Forget(id(unit)),
    ]
}

/// As [`over`], of the last one that the runtime's stop waited for.
fn over_at_last(unit: usize, end: UnitState) -> Vec<Effect<Failure>> {
    all([&over(unit, end), &[Effect::StopOver]])
}

fn all<const N: usize>(parts: [&[Effect<Failure>]; N]) -> Vec<Effect<Failure>> {
    parts.concat()
}
