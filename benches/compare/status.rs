//! A look inside, with very many payloads.

use std::future::pending;
use std::time::Instant;

use foster::{Runtime, Smol, TokioMultiThread};

use super::executors;
use super::measure::{Measure, Plan, Row};
use super::payloads::nanoseconds;

const RUNS: &str = "the runtime runs";

pub(crate) fn status(plan: &Plan) -> Vec<Row> {
    let number = plan.number(100_000, 20_000);
    let mut rows = of(plan, number, "smol", |runtime| {
        runtime.adopt(Smol, pending::<()>).expect(RUNS);
    });
    rows.extend(of(plan, number, "a pool", |runtime| {
        runtime.adopt(TokioMultiThread, pending::<()>).expect(RUNS);
    }));
    rows
}

/// A status beside the handing in of as many payloads as it counts.
fn of(plan: &Plan, number: usize, on: &str, adopt: fn(&Runtime)) -> Vec<Row> {
    let filled = executors::unstarted();
    filled.start().expect(RUNS);
    (0..number).for_each(|_| adopt(&filled));
    while filled
        .status()
        .payloads
        .iter()
        .map(|one| one.count)
        .sum::<usize>()
        < number
    {
        std::thread::yield_now();
    }
    let rows = Measure::new("status", format!("with {number} idle, {on}"))
        .side("foster", || {
            let start = Instant::now();
            let status = filled.status();
            let time = nanoseconds(start);
            assert_eq!(status.payloads[0].count, number);
            time
        })
        .side("adopt", || {
            let runtime = executors::unstarted();
            runtime.start().expect(RUNS);
            let start = Instant::now();
            (0..number).for_each(|_| adopt(&runtime));
            let time = nanoseconds(start);
            runtime.shutdown();
            runtime.wait().expect("nothing fails");
            time
        })
        .compare(plan);
    filled.shutdown();
    filled.wait().expect("nothing fails");
    rows
}
