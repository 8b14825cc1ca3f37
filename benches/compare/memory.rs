//! Memory of an idle payload, by what is allocated and by what the process takes.
//!
//! Each sample is a process of its own, as memory that is left over would hide what is taken.

use std::fs;
use std::future::pending;
use std::hint::black_box;

use foster::{Smol, Tokio, TokioMultiThread};

use super::alone::{ask, tell};
use super::executors::{self, RUNS};
use super::heap;
use super::measure::{Measure, Plan, Row, Unit};
use super::payloads::Counter;
use super::table::grouped;

/// What a payload has of its own.
type Own = [u8; 64];

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    compare(plan, "memory-smol", ["foster-smol", "async-executor"])
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    compare(plan, "memory-tokio", ["foster-tokio", "tokio"])
}

pub(crate) fn parallel(plan: &Plan) -> Vec<Row> {
    compare(
        plan,
        "memory-parallel",
        ["foster-parallel", "tokio-parallel"],
    )
}

fn compare(plan: &Plan, name: &str, [foster, peer]: [&'static str; 2]) -> Vec<Row> {
    let number = plan.number(100_000, 25_000);
    let figures: &[&str] = if resident().is_some() {
        &["", "-rss"]
    } else {
        &[""]
    };
    let of = format!("1 of {} idle, 64 B its own", grouped(number));
    Measure::new(name, of)
        .unit(Unit::Bytes)
        .figures(figures)
        .side_of_many("foster", || ask(foster, number))
        .side_of_many(peer.trim_end_matches("-parallel"), || ask(peer, number))
        .compare(plan)
}

/// Takes a sample of `side`, if it is one of these.
pub(crate) fn sample_of(side: &str, number: usize) -> bool {
    match side {
        "foster-smol" => {
            let runtime = executors::started();
            sample(number, |counter| {
                runtime.adopt(Smol, move || idle(counter)).expect(RUNS);
            });
        }
        "foster-tokio" => {
            let runtime = executors::started();
            sample(number, |counter| {
                runtime.adopt(Tokio, move || idle(counter)).expect(RUNS);
            });
        }
        "foster-parallel" => {
            let runtime = executors::started();
            sample(number, |counter| {
                let payload = move || idle(counter);
                runtime.adopt(TokioMultiThread, payload).expect(RUNS);
            });
        }
        "async-executor" => {
            let raw = executors::smol();
            sample(number, |counter| raw.executor.spawn(idle(counter)).detach());
        }
        "tokio" => {
            let raw = executors::tokio();
            sample(number, |counter| drop(raw.executor.spawn(idle(counter))));
        }
        "tokio-parallel" => {
            let raw = executors::tokio_multi_thread();
            sample(number, |counter| drop(raw.executor.spawn(idle(counter))));
        }
        _ => return false,
    }
    true
}

/// Not an `async fn`, which would keep its arguments beside what it makes of them.
fn idle(counter: Counter) -> impl Future<Output = ()> + Send {
    let own: Own = black_box([0; 64]);
    async move {
        counter.count();
        pending::<()>().await;
        black_box(&own);
    }
}

/// Tells what one of `number` idle payloads takes. A first one has started whatever starts but once.
fn sample(number: usize, hand_in: impl Fn(Counter)) {
    let counter = Counter::new();
    counter.set(1);
    hand_in(counter);
    counter.wait();
    heap::count();
    let before = resident();
    counter.set(number);
    for _ in 0..number {
        hand_in(counter);
    }
    counter.wait();
    let mut figures = vec![heap::bytes() as f64 / number as f64];
    if let (Some(before), Some(after)) = (before, resident()) {
        figures.push((after as f64 - before as f64) / number as f64);
    }
    tell(&figures);
}

/// Bytes of memory that the process takes, where the system tells.
pub(crate) fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
