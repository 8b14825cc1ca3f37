//! Round trips: a thread or another executor hands work in and waits for its value.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Instant;

use foster::{Smol, Thread, Tokio};
use futures_lite::future::block_on;

use super::executors::{self, RUNS, with_foster};
use super::measure::{Measure, Plan, Row, quantile};
use super::payloads::nanoseconds;
use super::table::grouped;

/// So many trips start what a first one starts.
const WARM_UP: usize = 50;

/// A measure of round trips one after another: the middle one of a round, and the slowest but 1 in 100.
fn measure<'a>(name: &str, trips: usize) -> Measure<'a> {
    Measure::new(name, format!("1 of {} round trips", grouped(trips))).figures(&["", "-p99"])
}

/// The same trip many times, after a few that are not noted.
fn trips(number: usize, mut trip: impl FnMut()) -> Vec<f64> {
    (0..WARM_UP).for_each(|_| trip());
    let one = |_| {
        let start = Instant::now();
        trip();
        nanoseconds(start)
    };
    let mut times: Vec<_> = (0..number).map(one).collect();
    vec![quantile(&mut times, 0.5), quantile(&mut times, 0.99)]
}

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 1_000);
    measure("execute-smol", number)
        .side_of_many("foster", || {
            with_foster(|runtime| {
                trips(number, || {
                    black_box(runtime.execute(Smol, || async { 1 }).expect(RUNS));
                })
            })
        })
        .side_of_many("async-executor", || {
            executors::smol().with(|executor| {
                trips(number, || {
                    black_box(block_on(executor.spawn(async { 1 })));
                })
            })
        })
        .side_of_many("park", || floor(number))
        .compare(plan)
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 1_000);
    measure("execute-tokio", number)
        .side_of_many("foster", || {
            with_foster(|runtime| {
                trips(number, || {
                    black_box(runtime.execute(Tokio, || async { 1 }).expect(RUNS));
                })
            })
        })
        // `Handle::block_on` would enter the runtime's context at each trip, for nothing.
        .side_of_many("tokio", || {
            executors::tokio().with(|handle| {
                trips(number, || {
                    black_box(block_on(handle.spawn(async { 1 })).expect(RUNS));
                })
            })
        })
        .side_of_many("park", || floor(number))
        .compare(plan)
}

/// Foster needs no thread for it but the caller's own.
pub(crate) fn thread(plan: &Plan) -> Vec<Row> {
    let number = plan.number(1_000, 300);
    measure("execute-thread", number)
        .side_of_many("foster", || {
            with_foster(|runtime| {
                trips(number, || {
                    black_box(runtime.execute(Thread, || 1).expect(RUNS));
                })
            })
        })
        .side_of_many("std", || {
            trips(number, || {
                black_box(thread::spawn(|| 1).join().expect(RUNS));
            })
        })
        .side_of_many("park", || floor(number))
        .compare(plan)
}

/// Calls from a task of one executor to another, one after another: awaited, nobody is blocked.
pub(crate) fn call(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 1_000);
    let of = |way: &str| format!("1 of {} calls, {way}", grouped(number));
    let to_tokio = Measure::new("call", of("smol to tokio"))
        .side("foster", || {
            with_foster(|runtime| {
                let inside = runtime.clone();
                let call = move || inside.call(Tokio, || async { 1 });
                let calls = runtime.execute(Smol, move || calls(number, call));
                calls.expect(RUNS)
            })
        })
        .side("tokio", || {
            executors::smol().with(|executor| {
                executors::tokio().with(|handle| {
                    let handle = handle.clone();
                    let call = move || handle.spawn(async { 1 });
                    block_on(executor.spawn(calls(number, call)))
                })
            })
        });
    let to_smol = Measure::new("call", of("tokio to smol"))
        .side("foster", || {
            with_foster(|runtime| {
                let inside = runtime.clone();
                let call = move || inside.call(Smol, || async { 1 });
                let calls = runtime.execute(Tokio, move || calls(number, call));
                calls.expect(RUNS)
            })
        })
        .side("async-executor", || {
            executors::smol().with(|executor| {
                executors::tokio().with(|handle| {
                    let executor = Arc::clone(executor);
                    let call = move || {
                        let task = executor.spawn(async { 1 });
                        async { Ok::<_, ()>(task.await) }
                    };
                    block_on(handle.spawn(calls(number, call))).expect(RUNS)
                })
            })
        });
    let mut rows = to_tokio.compare(plan);
    rows.extend(to_smol.compare(plan));
    rows
}

/// Nanoseconds for each of `number` calls, after a few that are not noted.
async fn calls<F, E>(number: usize, call: impl Fn() -> F) -> f64
where
    F: Future<Output = Result<i32, E>>,
    E: std::fmt::Debug,
{
    let mut start = Instant::now();
    for trip in 0..WARM_UP + number {
        if trip == WARM_UP {
            start = Instant::now();
        }
        black_box(call().await.expect(RUNS));
    }
    nanoseconds(start) / number as f64
}

fn floor(number: usize) -> Vec<f64> {
    let floor = Floor::start();
    trips(number, || floor.trip())
}

const CALLER: u8 = 0;
const ECHO: u8 = 1;
const OVER: u8 = 2;

/// What no round trip can be without: two threads that unpark each other.
struct Floor {
    turn: Arc<AtomicU8>,
    echo: thread::Thread,
}

impl Floor {
    fn start() -> Self {
        let turn = Arc::new(AtomicU8::new(CALLER));
        let seen = Arc::clone(&turn);
        let caller = thread::current();
        let echo = thread::spawn(move || {
            loop {
                match seen.load(Ordering::Acquire) {
                    CALLER => thread::park(),
                    ECHO => {
                        seen.store(CALLER, Ordering::Release);
                        caller.unpark();
                    }
                    _ => break,
                }
            }
        });
        let echo = echo.thread().clone();
        Self { turn, echo }
    }

    fn trip(&self) {
        self.hand(ECHO);
        while self.turn.load(Ordering::Acquire) == ECHO {
            thread::park();
        }
    }

    fn hand(&self, turn: u8) {
        self.turn.store(turn, Ordering::Release);
        self.echo.unpark();
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.hand(OVER);
    }
}
