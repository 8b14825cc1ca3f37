//! Memory of an idle payload, by what is allocated and by what the process takes.
//!
//! Each sample is a process of its own: one that has run other measures has memory left over, which
//! would hide what is taken.

use std::fs;
use std::future::pending;
use std::hint::black_box;
use std::process::Command;

use foster::{Smol, Tokio};

use super::executors::{self, RUNS};
use super::heap;
use super::measure::{Measure, Plan, Row, Unit};
use super::payloads::Counter;
use super::table::grouped;

/// The argument that asks a process for one sample, before the side and the number.
const ASK: &str = "--memory-of";

/// What a payload has of its own.
type Own = [u8; 64];

pub(crate) fn smol(plan: &Plan) -> Vec<Row> {
    compare(plan, "memory-smol", ["foster-smol", "async-executor"])
}

pub(crate) fn tokio(plan: &Plan) -> Vec<Row> {
    compare(plan, "memory-tokio", ["foster-tokio", "tokio"])
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
        .side_of_many(peer, || ask(peer, number))
        .compare(plan)
}

fn ask(side: &str, number: usize) -> Vec<f64> {
    let bench = std::env::current_exe().expect("this is a program");
    let output = Command::new(bench)
        .args([ASK, side, &number.to_string()])
        .output()
        .expect("it starts again");
    let figures = String::from_utf8_lossy(&output.stdout);
    let figures = figures.split_whitespace().map(str::parse);
    figures.collect::<Result<_, _>>().expect("it tells figures")
}

/// Takes a sample if these are the arguments that ask for it.
pub(crate) fn is_asked(arguments: impl IntoIterator<Item = String>) -> bool {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let [ask, side, number] = &arguments[..] else {
        return false;
    };
    if ask != ASK {
        return false;
    }
    let number = number.parse().expect("a number");
    match side.as_str() {
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
        "async-executor" => {
            let raw = executors::smol();
            sample(number, |counter| raw.executor.spawn(idle(counter)).detach());
        }
        "tokio" => {
            let raw = executors::tokio();
            sample(number, |counter| drop(raw.executor.spawn(idle(counter))));
        }
        side => panic!("no side {side}"),
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

/// Prints what one of `number` idle payloads takes. A first one has started whatever starts but once.
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
    print!("{}", heap::bytes() as f64 / number as f64);
    if let (Some(before), Some(after)) = (before, resident()) {
        print!(" {}", (after as f64 - before as f64) / number as f64);
    }
    println!();
}

/// Bytes of memory that the process takes, where the system tells.
fn resident() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}
