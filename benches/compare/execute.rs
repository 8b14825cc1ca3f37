//! Round trips: a thread or another executor hands work in and waits for its value.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Instant;

use foster::{Smol, Thread, Tokio};
use futures_lite::future::block_on;

use super::executors::{self, RUNS};
use super::measure::{Measure, Plan, Row, quantile};
use super::payloads::nanoseconds;
use super::table::grouped;

/// A measure of round trips one after another: the middle one of a round, and the slowest but 1 in 100.
fn measure<'a>(name: &str, trips: usize) -> Measure<'a> {
    Measure::new(name, format!("1 of {} round trips", grouped(trips))).figures(&["", "-p99"])
}

/// The same trip many times.
fn trips(number: usize, mut trip: impl FnMut()) -> Vec<f64> {
    let one = |_| {
        let start = Instant::now();
        trip();
        nanoseconds(start)
    };
    let mut times: Vec<_> = (0..number).map(one).collect();
    vec![quantile(&mut times, 0.5), quantile(&mut times, 0.99)]
}

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 2_000);
    let runtime = executors::started();
    let smol = executors::smol();
    let floor = Floor::start();
    let rows = measure("execute-smol", number)
        .side_of_many("foster", || {
            trips(number, || {
                black_box(runtime.execute(Smol, || async { 1 }).expect(RUNS));
            })
        })
        .side_of_many("async-executor", || {
            trips(number, || {
                black_box(block_on(smol.executor.spawn(async { 1 })));
            })
        })
        .side_of_many("park", || trips(number, || floor.trip()))
        .compare(plan);
    executors::stop(&runtime);
    smol.stop();
    rows
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 2_000);
    let runtime = executors::started();
    let tokio = executors::tokio();
    let floor = Floor::start();
    let rows = measure("execute-tokio", number)
        .side_of_many("foster", || {
            trips(number, || {
                black_box(runtime.execute(Tokio, || async { 1 }).expect(RUNS));
            })
        })
        // `Handle::block_on` would enter the runtime's context at each trip, for nothing.
        .side_of_many("tokio", || {
            trips(number, || {
                black_box(block_on(tokio.executor.spawn(async { 1 })).expect(RUNS));
            })
        })
        .side_of_many("park", || trips(number, || floor.trip()))
        .compare(plan);
    executors::stop(&runtime);
    tokio.stop();
    rows
}

/// Foster needs no thread for it but the caller's own.
pub(crate) fn thread(plan: &Plan) -> Vec<Row> {
    let number = plan.number(1_000, 300);
    let runtime = executors::started();
    let floor = Floor::start();
    let rows = measure("execute-thread", number)
        .side_of_many("foster", || {
            trips(number, || {
                black_box(runtime.execute(Thread, || 1).expect(RUNS));
            })
        })
        .side_of_many("std", || {
            trips(number, || {
                black_box(thread::spawn(|| 1).join().expect(RUNS));
            })
        })
        .side_of_many("park", || trips(number, || floor.trip()))
        .compare(plan);
    executors::stop(&runtime);
    rows
}

/// Calls from a task of one executor to another, one after another: awaited, nobody is blocked.
pub(crate) fn call(plan: &Plan) -> Vec<Row> {
    let number = plan.number(5_000, 2_000);
    let runtime = executors::started();
    let smol = executors::smol();
    let tokio = executors::tokio();
    let of = |way: &str| format!("1 of {} calls, {way}", grouped(number));
    let mut rows = Measure::new("call", of("smol to tokio"))
        .side("foster", || {
            let inside = runtime.clone();
            let call = move || inside.call(Tokio, || async { 1 });
            runtime
                .execute(Smol, move || calls(number, call))
                .expect(RUNS)
        })
        .side("tokio", || {
            let handle = tokio.executor.clone();
            let call = move || handle.spawn(async { 1 });
            block_on(smol.executor.spawn(calls(number, call)))
        })
        .compare(plan);
    rows.extend(
        Measure::new("call", of("tokio to smol"))
            .side("foster", || {
                let inside = runtime.clone();
                let call = move || inside.call(Smol, || async { 1 });
                runtime
                    .execute(Tokio, move || calls(number, call))
                    .expect(RUNS)
            })
            .side("async-executor", || {
                let executor = Arc::clone(&smol.executor);
                let call = move || {
                    let task = executor.spawn(async { 1 });
                    async { Ok::<_, ()>(task.await) }
                };
                block_on(tokio.executor.spawn(calls(number, call))).expect(RUNS)
            })
            .compare(plan),
    );
    executors::stop(&runtime);
    smol.stop();
    tokio.stop();
    rows
}

async fn calls<F, E>(number: usize, call: impl Fn() -> F) -> f64
where
    F: Future<Output = Result<i32, E>>,
    E: std::fmt::Debug,
{
    let start = Instant::now();
    for _ in 0..number {
        black_box(call().await.expect(RUNS));
    }
    nanoseconds(start) / number as f64
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
