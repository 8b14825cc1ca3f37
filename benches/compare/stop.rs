//! The end of a runtime with many idle payloads, and what one costs as they become more.

use foster::{Smol, Tokio, TokioMultiThread};

use super::executors::{self, RUNS};
use super::idle::{Idle, Times};
use super::measure::{Measure, Plan, Row, median_of};
use super::table::grouped;

/// What of `idle`, adopted by `key`, until the end of Foster's runtime.
macro_rules! foster {
    ($idle:expr, $payload:ident, $key:expr) => {{
        let idle: Idle = $idle;
        idle.live(
            executors::started(),
            |runtime| runtime.adopt($key, move || idle.$payload()).expect(RUNS),
            |runtime| executors::stop(&runtime),
        )
    }};
}

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

/// What one idle payload costs, from being handed in to the end, among ever more of them: beside the
/// same among a thousand, which shows whether the whole stays linear, and beside the raw executor.
pub(crate) fn growth(plan: &Plan) -> Vec<Row> {
    const FEW: usize = 1_000;
    let most = plan.number(1_000_000, 10_000);
    let sizes = [FEW, 10_000, 100_000, 1_000_000];
    let mut rows = Vec::new();
    for number in sizes.into_iter().take_while(|size| *size <= most) {
        let (few, many) = (Idle::new(FEW), Idle::new(number));
        let each = |idle: Idle, live: &dyn Fn() -> Times| {
            // The fewer, the shorter, and so the rougher.
            let times = (20_000 / idle.number).max(1);
            median_of(times, || live().whole / idle.number as f64)
        };
        let of = format!("1 of {} idle", grouped(number));
        rows.extend(
            Measure::new(format!("growth-smol-{number}"), of.clone())
                .side("foster", || each(many, &|| foster!(many, idle, Smol)))
                .side("foster-1000", || each(few, &|| foster!(few, idle, Smol)))
                .side("async-executor", || each(many, &|| many.raw_smol()))
                .compare(plan),
        );
        rows.extend(
            Measure::new(format!("growth-tokio-{number}"), of)
                .side("foster", || each(many, &|| foster!(many, idle, Tokio)))
                .side("foster-1000", || each(few, &|| foster!(few, idle, Tokio)))
                .side("tokio", || each(many, &|| many.raw_tokio()))
                .compare(plan),
        );
    }
    rows
}
