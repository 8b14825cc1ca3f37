//! The end of a runtime with many idle payloads.

use foster::{Smol, Tokio, TokioMultiThread};

use super::executors;
use super::idle::Idle;
use super::measure::{Measure, Plan, Row};
use super::table::grouped;

/// The life of `idle`, adopted by `key`, until the end of Foster's runtime.
macro_rules! foster {
    ($idle:expr, $payload:ident, $key:expr) => {{
        let idle: Idle = $idle;
        idle.live(
            super::executors::started(),
            |runtime| {
                let adopted = runtime.adopt($key, move || idle.$payload());
                adopted.expect(super::executors::RUNS)
            },
            |runtime| super::executors::stop(&runtime),
        )
    }};
}
pub(crate) use foster;

/// Payloads that nobody asks are dropped.
pub(crate) fn hard(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-hard") {
        let idle = Idle::new(number);
        let of = |flavour: &str| format!("{} idle, {flavour}", grouped(number));
        rows.extend(
            Measure::new(&name, of("smol"))
                .side("foster", || foster!(idle, idle, Smol).end)
                .side("async-executor", || idle.raw_smol().end)
                .compare(plan),
        );
        rows.extend(
            Measure::new(&name, of("tokio"))
                .side("foster", || foster!(idle, idle, Tokio).end)
                .side("tokio", || idle.raw_tokio().end)
                .compare(plan),
        );
    }
    rows
}

/// The same on a worker for each core, on both sides.
pub(crate) fn hard_parallel(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-hard-parallel") {
        let idle = Idle::new(number);
        let of = format!("{} idle, a pool", grouped(number));
        rows.extend(
            Measure::new(&name, of)
                .side("foster", || foster!(idle, idle, TokioMultiThread).end)
                .side("tokio", || {
                    idle.tokio_on(executors::tokio_multi_thread()).end
                })
                .compare(plan),
        );
    }
    rows
}

/// Payloads that hold a token are asked, and end by themselves.
pub(crate) fn graceful(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-graceful") {
        let idle = Idle::new(number);
        let of = |flavour: &str| format!("{} with tokens, {flavour}", grouped(number));
        rows.extend(
            Measure::new(&name, of("smol"))
                .side("foster", || foster!(idle, until_asked, Smol).end)
                // It has no tokens: what it does is drop.
                .side("async-executor", || idle.raw_smol().end)
                .compare(plan),
        );
        rows.extend(
            Measure::new(&name, of("tokio"))
                .side("foster", || foster!(idle, until_asked, Tokio).end)
                .side("tokio-util", || idle.tracker(executors::tokio()).end)
                .compare(plan),
        );
    }
    rows
}

/// The same on a worker for each core, on both sides.
pub(crate) fn graceful_parallel(plan: &Plan) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, number) in numbers(plan, "stop-graceful-parallel") {
        let idle = Idle::new(number);
        let of = format!("{} with tokens, a pool", grouped(number));
        rows.extend(
            Measure::new(&name, of)
                .side("foster", || {
                    foster!(idle, until_asked, TokioMultiThread).end
                })
                .side("tokio-util", || {
                    idle.tracker(executors::tokio_multi_thread()).end
                })
                .compare(plan),
        );
    }
    rows
}

/// How many idle payloads, under which names. In a hurry the name of the million goes to fewer.
fn numbers(plan: &Plan, name: &str) -> Vec<(String, usize)> {
    if plan.quick {
        return vec![(name.to_owned(), 20_000)];
    }
    vec![
        (format!("{name}-100k"), 100_000),
        (name.to_owned(), 1_000_000),
    ]
}
