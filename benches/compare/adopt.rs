//! Handing in payloads, from another thread and from inside, until the last of them has run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use foster::{Runtime, Smol, Thread, Tokio};
use futures_lite::FutureExt;

use super::executors::{self, RUNS, with_foster};
use super::measure::{Measure, Plan, Row};
use super::one_core::on_one_core;
use super::payloads::{Counter, all, each};
use super::table::grouped;

/// A measure of payloads that one thread hands in, while what runs them is awake or asleep as it comes.
fn measure<'a>(name: &str, number: usize) -> Measure<'a> {
    Measure::new(name, format!("1 of {} payloads", grouped(number)))
}

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    from_outside(plan, "adopt-smol", adopt_on_smol)
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    from_outside(plan, "adopt-tokio", adopt_on_tokio)
}

/// As above, with both threads on one core.
pub(crate) fn one_core_smol(plan: &Plan) -> Vec<Row> {
    let name = "adopt-one-core-smol";
    on_one_core(name, || from_outside(plan, name, adopt_on_smol))
}

pub(crate) fn one_core_tokio(plan: &Plan) -> Vec<Row> {
    let name = "adopt-one-core-tokio";
    on_one_core(name, || from_outside(plan, name, adopt_on_tokio))
}

fn adopt_on_smol(runtime: &Runtime, counter: Counter) {
    let payload = move || async move { counter.count() };
    runtime.adopt(Smol, payload).expect(RUNS);
}

fn adopt_on_tokio(runtime: &Runtime, counter: Counter) {
    let payload = move || async move { counter.count() };
    runtime.adopt(Tokio, payload).expect(RUNS);
}

/// Beside both raw executors, whichever is below: the cheaper one is what to beat.
fn from_outside(plan: &Plan, name: &str, adopt: impl Fn(&Runtime, Counter)) -> Vec<Row> {
    let number = plan.number(100_000, 25_000);
    let counter = Counter::new();
    measure(name, number)
        .side("foster", || {
            with_foster(|runtime| each(number, counter, || adopt(runtime, counter)))
        })
        .side("async-executor", || {
            executors::smol().with(|executor| {
                each(number, counter, || {
                    executor.spawn(async move { counter.count() }).detach();
                })
            })
        })
        // Nearer to what Foster does: a panic stays in its task.
        .side("async-executor+catch", || {
            executors::smol().with(|executor| {
                each(number, counter, || {
                    let task = AssertUnwindSafe(async move { counter.count() });
                    executor.spawn(task.catch_unwind()).detach();
                })
            })
        })
        // tokio catches panics in any case.
        .side("tokio", || {
            executors::tokio().with(|handle| {
                each(number, counter, || {
                    drop(handle.spawn(async move { counter.count() }));
                })
            })
        })
        .compare(plan)
}

pub(crate) fn thread(plan: &Plan) -> Vec<Row> {
    let number = plan.number(2_000, 500);
    let counter = Counter::new();
    measure("adopt-thread", number)
        .side("foster", || {
            with_foster(|runtime| {
                each(number, counter, || {
                    let payload = move || counter.count();
                    runtime.adopt(Thread, payload).expect(RUNS);
                })
            })
        })
        .side("std", || {
            each(number, counter, || {
                drop(std::thread::spawn(move || counter.count()));
            })
        })
        // Less than the others give: behind 512 of them, a job waits for another to end.
        .side("tokio", || {
            executors::tokio().with(|handle| {
                each(number, counter, || {
                    drop(handle.spawn_blocking(move || counter.count()));
                })
            })
        })
        .compare(plan)
}

/// One payload hands in the others, and lets them run by ending.
pub(crate) fn inside_smol(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 25_000);
    let counter = Counter::new();
    measure("adopt-inside-smol", number)
        .side("foster", || {
            with_foster(|runtime| {
                let inside = runtime.clone();
                let payload = move || async move {
                    for _ in 0..number {
                        let payload = move || async move { counter.count() };
                        inside.adopt(Smol, payload).expect(RUNS);
                    }
                };
                all(number, counter, || {
                    runtime.adopt(Smol, payload).expect(RUNS);
                })
            })
        })
        .side("async-executor", || {
            executors::smol().with(|executor| {
                let inside = Arc::clone(executor);
                let task = async move {
                    for _ in 0..number {
                        inside.spawn(async move { counter.count() }).detach();
                    }
                };
                all(number, counter, || executor.spawn(task).detach())
            })
        })
        .compare(plan)
}

/// The same; `tokio::spawn` on tokio's own thread makes no system call.
pub(crate) fn inside_tokio(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 25_000);
    let counter = Counter::new();
    measure("adopt-inside-tokio", number)
        .side("foster", || {
            with_foster(|runtime| {
                let inside = runtime.clone();
                let payload = move || async move {
                    for _ in 0..number {
                        let payload = move || async move { counter.count() };
                        inside.adopt(Tokio, payload).expect(RUNS);
                    }
                };
                all(number, counter, || {
                    runtime.adopt(Tokio, payload).expect(RUNS);
                })
            })
        })
        .side("tokio", || {
            executors::tokio().with(|handle| {
                let task = async move {
                    for _ in 0..number {
                        drop(tokio::spawn(async move { counter.count() }));
                    }
                };
                all(number, counter, || drop(handle.spawn(task)))
            })
        })
        .compare(plan)
}
