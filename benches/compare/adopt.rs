//! Handing in payloads, from another thread and from inside, until the last of them has run.

use std::panic::AssertUnwindSafe;

use foster::{Runtime, Smol, Thread, Tokio, TokioMultiThread};
use futures_lite::FutureExt;

use super::executors::{self, RUNS};
use super::measure::{Measure, Plan, Row};
use super::payloads::{Counter, all, each};
use super::table::grouped;

/// A measure of payloads that one thread hands in, while what runs them is awake or asleep as it comes.
fn measure<'a>(name: &str, number: usize) -> Measure<'a> {
    Measure::new(name, format!("1 of {} payloads", grouped(number)))
}

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    from_outside(plan, "adopt-smol", |runtime, counter| {
        let payload = move || async move { counter.count() };
        runtime.adopt(Smol, payload).expect(RUNS);
    })
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    from_outside(plan, "adopt-tokio", |runtime, counter| {
        let payload = move || async move { counter.count() };
        runtime.adopt(Tokio, payload).expect(RUNS);
    })
}

/// Beside both raw executors, whichever is below: the cheaper one is what to beat.
fn from_outside(plan: &Plan, name: &str, adopt: impl Fn(&Runtime, Counter)) -> Vec<Row> {
    let number = plan.number(100_000, 50_000);
    let counter = Counter::new();
    let runtime = executors::started();
    let smol = executors::smol();
    let tokio = executors::tokio();
    let rows = measure(name, number)
        .side("foster", || {
            each(number, counter, || adopt(&runtime, counter))
        })
        .side("async-executor", || {
            each(number, counter, || {
                smol.executor.spawn(async move { counter.count() }).detach();
            })
        })
        // Nearer to what Foster does: a panic stays in its task.
        .side("async-executor+catch", || {
            each(number, counter, || {
                let task = AssertUnwindSafe(async move { counter.count() });
                smol.executor.spawn(task.catch_unwind()).detach();
            })
        })
        // tokio catches panics in any case.
        .side("tokio", || {
            each(number, counter, || {
                drop(tokio.executor.spawn(async move { counter.count() }));
            })
        })
        .compare(plan);
    executors::stop(&runtime);
    smol.stop();
    tokio.stop();
    rows
}

/// On as many threads on both sides: one for each core.
pub(crate) fn parallel(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 50_000);
    let counter = Counter::new();
    let runtime = executors::started();
    let tokio = executors::tokio_multi_thread();
    let rows = measure("adopt-parallel", number)
        .side("foster", || {
            each(number, counter, || {
                let payload = move || async move { counter.count() };
                runtime.adopt(TokioMultiThread::new(), payload).expect(RUNS);
            })
        })
        .side("tokio", || {
            each(number, counter, || {
                drop(tokio.executor.spawn(async move { counter.count() }));
            })
        })
        .compare(plan);
    executors::stop(&runtime);
    tokio.stop();
    rows
}

pub(crate) fn thread(plan: &Plan) -> Vec<Row> {
    let number = plan.number(2_000, 500);
    let counter = Counter::new();
    let runtime = executors::started();
    let tokio = executors::tokio();
    let rows = measure("adopt-thread", number)
        .side("foster", || {
            each(number, counter, || {
                runtime.adopt(Thread, move || counter.count()).expect(RUNS);
            })
        })
        .side("std", || {
            each(number, counter, || {
                drop(std::thread::spawn(move || counter.count()));
            })
        })
        // Less than the others give: behind 512 of them, a job waits for another to end.
        .side("tokio", || {
            each(number, counter, || {
                drop(tokio.executor.spawn_blocking(move || counter.count()));
            })
        })
        .compare(plan);
    executors::stop(&runtime);
    tokio.stop();
    rows
}

/// One payload hands in the others, and lets them run by ending.
pub(crate) fn inside_smol(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 50_000);
    let counter = Counter::new();
    let runtime = executors::started();
    let smol = executors::smol();
    let rows = measure("adopt-inside-smol", number)
        .side("foster", || {
            all(number, counter, || {
                let inside = runtime.clone();
                let payload = move || async move {
                    for _ in 0..number {
                        let payload = move || async move { counter.count() };
                        inside.adopt(Smol, payload).expect(RUNS);
                    }
                };
                runtime.adopt(Smol, payload).expect(RUNS);
            })
        })
        .side("async-executor", || {
            all(number, counter, || {
                let inside = smol.executor.clone();
                let task = async move {
                    for _ in 0..number {
                        inside.spawn(async move { counter.count() }).detach();
                    }
                };
                smol.executor.spawn(task).detach();
            })
        })
        .compare(plan);
    executors::stop(&runtime);
    smol.stop();
    rows
}

/// The same; `tokio::spawn` on tokio's own thread makes no system call.
pub(crate) fn inside_tokio(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 50_000);
    let counter = Counter::new();
    let runtime = executors::started();
    let tokio = executors::tokio();
    let rows = measure("adopt-inside-tokio", number)
        .side("foster", || {
            all(number, counter, || {
                let inside = runtime.clone();
                let payload = move || async move {
                    for _ in 0..number {
                        let payload = move || async move { counter.count() };
                        inside.adopt(Tokio, payload).expect(RUNS);
                    }
                };
                runtime.adopt(Tokio, payload).expect(RUNS);
            })
        })
        .side("tokio", || {
            all(number, counter, || {
                let task = async move {
                    for _ in 0..number {
                        drop(tokio::spawn(async move { counter.count() }));
                    }
                };
                drop(tokio.executor.spawn(task));
            })
        })
        .compare(plan);
    executors::stop(&runtime);
    tokio.stop();
    rows
}
