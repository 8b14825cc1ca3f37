//! How many instructions an adopt, an execute and a cancel take: a count that does not waver with what
//! else the machine does.
//!
//! `cargo bench -p foster-benches --bench instructions`
//!
//! Needs valgrind, and `gungraun-runner` in the version that `Cargo.lock` has of `gungraun`; the command
//! says which is missing. Counted is what all threads of a process do that starts a runtime, does the
//! work 10,000 times, and ends: without the last four digits it is the count of one. `start` does it
//! once, which is what the others contain besides. `idle` leaves its payloads idle, `cancel` cancels
//! them: the difference is the cancel. A second run shows what changed since the first.
#![expect(missing_docs, reason = "the harness makes items without")]

#[path = "compare/executors.rs"]
#[expect(dead_code, reason = "not all of them are counted here")]
mod executors;

use std::future::{Future, pending, ready};
use std::process::{Command, Stdio, exit};
use std::sync::mpsc;

use executors::{RUNS, started, stop};
use foster::{Runtime, Smol, Tokio};
use futures_lite::future::block_on;
use gungraun::{
    Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};

const TIMES: usize = 10_000;

/// What runs payloads: a flavour of Foster's, or a raw executor that a thread drives.
#[derive(Clone, Copy)]
enum On {
    Smol,
    Tokio,
    AsyncExecutor,
    RawTokio,
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn start(on: On) {
    adopted(on, 1);
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn adopt(on: On) {
    adopted(on, TIMES);
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn execute(on: On) {
    let runtime = started();
    executed(&runtime, on);
    stop(&runtime);
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn idle(on: On) {
    // Kept for ever: the process ends without stopping it.
    std::mem::forget(idling(on));
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn cancel(on: On) {
    stop(&idling(on));
}

library_benchmark_group!(name = starts, benchmarks = start);
library_benchmark_group!(name = adopts, benchmarks = adopt);
library_benchmark_group!(name = executes, benchmarks = execute);
library_benchmark_group!(
    name = cancels,
    compare_by_id = true,
    benchmarks = [idle, cancel]
);
main!(
    config = counting(),
    library_benchmark_groups = [starts, adopts, executes, cancels]
);

/// Counts everything, from the start of the process and on all threads.
fn counting() -> LibraryBenchmarkConfig {
    let runner = option_env!("GUNGRAUN_RUNNER").unwrap_or("gungraun-runner");
    need("valgrind", "the system's packages have it");
    need(
        runner,
        "cargo install gungraun-runner --version V, with Cargo.lock's V of gungraun",
    );
    let mut config = LibraryBenchmarkConfig::default();
    // Neither caches nor jumps: instructions alone are the same everywhere.
    let callgrind = Callgrind::with_args(["--collect-atstart=yes", "--cache-sim=no"])
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

/// Hands in and runs `times` payloads that do nothing, and one more that is waited for: a stop that
/// comes while some have not run would be counted as it happens to meet them.
fn adopted(on: On, times: usize) {
    let (gate, hold) = gate();
    match on {
        On::Smol => {
            let runtime = started();
            runtime.adopt(Smol, || hold).expect(RUNS);
            gate.open_after(times, || runtime.adopt(Smol, || ready(())).expect(RUNS));
            runtime.execute(Smol, || ready(())).expect(RUNS);
            stop(&runtime);
        }
        On::Tokio => {
            let runtime = started();
            runtime.adopt(Tokio, || hold).expect(RUNS);
            gate.open_after(times, || runtime.adopt(Tokio, || ready(())).expect(RUNS));
            runtime.execute(Tokio, || ready(())).expect(RUNS);
            stop(&runtime);
        }
        On::AsyncExecutor => {
            let raw = executors::smol();
            raw.executor.spawn(hold).detach();
            gate.open_after(times, || raw.executor.spawn(ready(())).detach());
            block_on(raw.executor.spawn(ready(())));
            raw.stop();
        }
        On::RawTokio => {
            let raw = executors::tokio();
            drop(raw.executor.spawn(hold));
            gate.open_after(times, || drop(raw.executor.spawn(ready(()))));
            block_on(raw.executor.spawn(ready(()))).expect(RUNS);
            raw.stop();
        }
    }
}

/// Executes one by one, each of which waits for a thread.
fn executed(runtime: &Runtime, on: On) {
    for _ in 0..TIMES {
        match on {
            On::Smol => runtime.execute(Smol, || ready(())).expect(RUNS),
            _ => runtime.execute(Tokio, || ready(())).expect(RUNS),
        }
    }
}

/// A runtime with idle payloads, all of which have been polled.
fn idling(on: On) -> Runtime {
    let (gate, hold) = gate();
    let runtime = started();
    match on {
        On::Smol => {
            runtime.adopt(Smol, || hold).expect(RUNS);
            gate.open_after(TIMES, || runtime.adopt(Smol, pending::<()>).expect(RUNS));
            runtime.execute(Smol, || ready(())).expect(RUNS);
        }
        _ => {
            runtime.adopt(Tokio, || hold).expect(RUNS);
            gate.open_after(TIMES, || runtime.adopt(Tokio, pending::<()>).expect(RUNS));
            runtime.execute(Tokio, || ready(())).expect(RUNS);
        }
    }
    runtime
}

/// Holds up the thread that runs payloads until all are handed in. Else now that thread, now this one
/// would be faster, and a wake-up more or less be counted.
struct Gate {
    entered: mpsc::Receiver<()>,
    open: mpsc::Sender<()>,
}

fn gate() -> (Gate, impl Future<Output = ()> + Send + 'static) {
    let (entering, entered) = mpsc::channel();
    let (open, opened) = mpsc::channel();
    let hold = async move {
        entering.send(()).expect("the bench listens");
        opened.recv().expect("the bench opens it");
    };
    (Gate { entered, open }, hold)
}

impl Gate {
    fn open_after(self, times: usize, hand_in: impl Fn()) {
        self.entered.recv().expect("what holds the thread runs");
        (0..times).for_each(|_| hand_in());
        self.open.send(()).expect("it is held");
    }
}
