//! Models: small programs whose threads are scheduled in thousands of ways, each with a property that
//! must hold in all of them.
//!
//! They are run with core's own `sync` replaced, so they need a build of their own: the package
//! `foster-models`, which is core's sources with `foster_model` set.
//!
//! `FOSTER_SCHEDULES` says how many ways are tried, 2000 unless set, and `FOSTER_SEED` which: others each time unless
//! set. Shuttle is used and not loom, as
//! the counts of payloads rest on sequentially consistent accesses (who accepts counts first and looks
//! at the phase afterwards, the runner does it the other way round), which loom takes for weaker ones,
//! and as a whole runtime with its flavours is too much to try exhaustively. Weaker orderings than the
//! code asks for are Miri's matter, not that of the models.

mod calls;
mod executes;
mod executor;
mod failures;
mod groups;
mod places;
mod pool;
mod services;
mod start;
mod states;
mod stop;
mod tokens;
mod units;
mod wakes;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};

use self::executor::{Model, Polls};
use crate::{Builder, Clock, Runtime, Signals};

/// Runs `program` on as many schedules as are asked for: half of them drawn step by step, half of them
/// with few changes of thread at places that matter; and half of each with payloads that the run queue
/// polls, half with such as their executor does.
fn holds(program: impl Fn() + Send + Sync + Clone + 'static) {
    holds_on(schedules(), program);
}

/// As [`holds`], of services: half of all schedules with what goes outward performed by whoever brings an event,
/// half with nothing of it: then the supervisor's own thread has to hear of each.
fn holds_of_services(program: impl Fn() + Send + Sync + Clone + 'static) {
    for bound in [ORDINARY, 0] {
        let program = program.clone();
        holds_on(schedules() / 2, move || {
            BOUND.set(bound);
            program();
        });
    }
}

fn schedules() -> usize {
    match std::env::var("FOSTER_SCHEDULES") {
        Ok(number) => number.parse().expect("FOSTER_SCHEDULES is a number"),
        Err(_) => 2000,
    }
}

fn seed() -> u64 {
    match std::env::var("FOSTER_SEED") {
        Ok(seed) => seed.parse().expect("FOSTER_SEED is a number"),
        Err(_) => fastrand::u64(..),
    }
}

fn holds_on(schedules: usize, program: impl Fn() + Send + Sync + Clone + 'static) {
    for polls in [Polls::RunQueue, Polls::Executor] {
        let program = program.clone();
        let program = move || {
            polls.choose();
            program();
        };
        let seed = seed();
        run(
            RandomScheduler::new_from_seed(seed, schedules / 4),
            program.clone(),
        );
        run(PctScheduler::new_from_seed(seed, 3, schedules / 4), program);
    }
}

/// More than what goes outward in any model.
const ORDINARY: usize = 128;

thread_local! {
    // The threads of a model are all on one of the system's.
    static BOUND: Cell<usize> = const { Cell::new(ORDINARY) };
}

/// How much whoever brings an event performs in the model that runs.
pub(crate) fn bound() -> usize {
    BOUND.get()
}

fn run(scheduler: impl Scheduler + 'static, program: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.max_steps = MaxSteps::FailAfter(200_000);
    config.stack_size = 0x4_0000;
    Runner::new(scheduler, config).run(program);
}

/// A runtime whose time stands still.
fn runtime() -> Runtime {
    with_clock(&Clock::manual())
}

fn with_clock(clock: &Clock) -> Runtime {
    builder(clock).build()
}

fn builder(clock: &Clock) -> Builder {
    Runtime::builder()
        .signals(Signals::Leave)
        .quiet()
        .clock(clock.clone())
}

/// Stops `runtime` from another thread.
fn stop_aside(runtime: &Runtime) -> JoinHandle<()> {
    let runtime = runtime.clone();
    thread::spawn(move || runtime.shutdown())
}

/// A count of what has happened. Not a place where the schedule may change.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Something that counts when it is dropped.
    fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

struct OnDrop(Count);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}
