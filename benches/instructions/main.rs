//! How many instructions and cache misses an adopt, an execute, a start, a stop and a failure take, and a service: counts
//! that do not waver with what else the machine does.
//!
//! `cargo bench -p foster-benches --bench instructions`
//!
//! Needs valgrind, and `gungraun-runner` in the version that `Cargo.lock` has of `gungraun`; the command
//! says which is missing. Counted is what all threads of a process do that starts a runtime, does the
//! work many times, and ends. The last table has the counts for one, less those of a process that does all but the
//! work, and the bench fails where one is above its limit; `limits.rs` says which process is taken from which. A second
//! run shows what changed since the first.
#![expect(missing_docs, reason = "the harness makes items without")]

#[path = "../compare/affinity.rs"]
mod affinity;
#[path = "../compare/executors.rs"]
#[expect(dead_code, reason = "not all of them are counted here")]
mod executors;
mod limits;
#[path = "../compare/payloads.rs"]
#[expect(dead_code, reason = "nothing is timed here")]
mod payloads;
mod sides;
mod work;

use std::mem;
use std::process::{Command, ExitCode, Stdio, exit};
use std::time::SystemTime;

use gungraun::{
    Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group,
};
use limits::Counts;
use sides::{OnPool, OnRawPool, OnRawTokio, OnSmol, OnTokio, RawExecutor};
use work::By;

/// How often the work is done, where it is done by one runtime.
const TIMES: usize = 10_000;
/// How many runtimes there are, where the work is theirs. They are alive together, and valgrind has 500 threads.
const LIVES: usize = 50;

/// What runs payloads: a flavour of Foster's, or a raw executor that a thread drives. Pools have one worker: who takes
/// from whom would be counted as it happens to come.
#[derive(Clone, Copy)]
enum On {
    Smol,
    Tokio,
    Pool,
    AsyncExecutor,
    RawTokio,
    RawPool,
}

/// Does what `work` does, with the side of `on` as its type.
macro_rules! by {
    ($on:ident, $module:ident::$work:ident($($argument:expr),*)) => {
        match $on {
            On::Smol => $module::$work::<OnSmol>($($argument),*),
            On::Tokio => $module::$work::<OnTokio>($($argument),*),
            On::Pool => $module::$work::<OnPool>($($argument),*),
            On::AsyncExecutor => $module::$work::<RawExecutor>($($argument),*),
            On::RawTokio => $module::$work::<OnRawTokio>($($argument),*),
            On::RawPool => $module::$work::<OnRawPool>($($argument),*),
        }
    };
}

// A process alone.
#[library_benchmark]
#[bench::process()]
fn nothing() {}

// One payload, from the start to the end.
#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::pool(On::Pool)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
#[bench::raw_pool(On::RawPool)]
fn once(on: On) {
    by!(on, work::adopted(1));
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::pool(On::Pool)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
#[bench::raw_pool(On::RawPool)]
fn start(on: On) {
    by!(on, work::started());
}

// Runtimes with two payloads, of which one is about to fail.
#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn about_to_fail(on: On) {
    // Kept for ever: the process ends without stopping them.
    mem::forget(by!(on, work::about_to_fail()));
}

// The same, and it fails.
#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn failure(on: On) {
    work::fail(by!(on, work::about_to_fail()));
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::pool(On::Pool)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
#[bench::raw_pool(On::RawPool)]
fn adopt(on: On) {
    by!(on, work::adopted(TIMES));
}

#[library_benchmark]
#[bench::pool(On::Pool)]
#[bench::raw_pool(On::RawPool)]
fn adopt_inside(on: On) {
    match on {
        On::Pool => work::adopted_inside(),
        _ => work::spawned_inside(),
    }
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn adopt_in_group(on: On) {
    work::adopted_in(on, |group| group);
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn adopt_in_limited_group(on: On) {
    work::adopted_in(on, |group| group.limit(2 * TIMES));
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn execute(on: On) {
    by!(on, work::executed());
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::pool(On::Pool)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
#[bench::raw_pool(On::RawPool)]
fn idle(on: On) {
    // Kept for ever, as above.
    mem::forget(by!(on, work::idling()));
}

// A hard stop of those that idle.
#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::pool(On::Pool)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
#[bench::raw_pool(On::RawPool)]
fn cancel(on: On) {
    by!(on, work::idling())();
}

#[library_benchmark]
#[bench::foster(By::Foster)]
#[bench::tokio_util(By::TokioUtil)]
fn serve(by: By) {
    // Kept for ever, as above.
    mem::forget(work::watched(by));
}

#[library_benchmark]
#[bench::foster(By::Foster)]
#[bench::tokio_util(By::TokioUtil)]
fn stop_units(by: By) {
    work::watched(by)();
}

library_benchmark_group!(name = starts, benchmarks = [nothing, once, start]);
library_benchmark_group!(
    name = adopts,
    benchmarks = [adopt, adopt_inside, adopt_in_group, adopt_in_limited_group]
);
library_benchmark_group!(name = executes, benchmarks = execute);
library_benchmark_group!(name = cancels, benchmarks = [idle, cancel]);
library_benchmark_group!(name = failures, benchmarks = [about_to_fail, failure]);
library_benchmark_group!(name = services, benchmarks = [serve, stop_units]);

/// The harness, whose `main` ends with the counts.
mod harness {
    // Its macro calls itself by its bare name.
    use gungraun::main;

    use super::{adopts, cancels, counting, executes, failures, services, starts};

    main!(
        config = counting(),
        library_benchmark_groups = [starts, adopts, executes, cancels, failures, services]
    );

    pub(super) fn run() {
        main();
    }
}

/// How often all is counted until nothing is above its limit. A thread that happens to be asleep costs a wake-up more,
/// so the least counts.
const ATTEMPTS: usize = 3;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--gungraun-run") {
        // A process in which the work is done.
        harness::run();
        return ExitCode::SUCCESS;
    }
    // Valgrind runs one thread at a time anyway, and on one core their order depends less on the machine's other load.
    // Where that is not possible, the counts are as good, but waver more.
    let _narrowed = affinity::Narrowed::to_one();
    match counted() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("instructions: {error}");
            ExitCode::FAILURE
        }
    }
}

fn counted() -> Result<(), String> {
    // Who picks some of them does not get them all.
    let is_whole = std::env::args()
        .skip(1)
        .all(|argument| argument == "--bench");
    let mut counts = Counts::default();
    let mut attempt = 1;
    loop {
        let begin = SystemTime::now();
        harness::run();
        counts
            .add_since(begin)
            .map_err(|error| format!("no counts: {error}"))?;
        match limits::check(&counts, is_whole) {
            Err(error) if attempt < ATTEMPTS => eprintln!("counted again, because of\n{error}"),
            outcome => return outcome,
        }
        attempt += 1;
    }
}

/// Counts everything, from the start of the process and on all threads, with caches that are the same on every machine:
/// 32 KiB for data, 8 MiB behind them.
fn counting() -> LibraryBenchmarkConfig {
    let runner = option_env!("GUNGRAUN_RUNNER").unwrap_or("gungraun-runner");
    need("valgrind", "the system's packages have it");
    need(
        runner,
        "cargo install gungraun-runner --version V, with Cargo.lock's V of gungraun",
    );
    let mut config = LibraryBenchmarkConfig::default();
    let callgrind = Callgrind::with_args([
        "--collect-atstart=yes",
        "--cache-sim=yes",
        "--I1=32768,8,64",
        "--D1=32768,8,64",
        "--LL=8388608,16,64",
    ])
    .entry_point(EntryPoint::None)
    .clone();
    config.tool(callgrind);
    config
}

fn need(program: &str, how: &str) {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if version.is_err() {
        eprintln!("instructions: {program} is missing ({how})");
        exit(1);
    }
}
