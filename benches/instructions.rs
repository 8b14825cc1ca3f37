//! How many instructions an adopt, an execute, a cancel and a service take: a count that does not waver with
//! what else the machine does.
//!
//! `cargo bench -p foster-benches --bench instructions`
//!
//! Needs valgrind, and `gungraun-runner` in the version that `Cargo.lock` has of `gungraun`; the command
//! says which is missing. Counted is what all threads of a process do that starts a runtime, does the
//! work 10,000 times, and ends: without the last four digits it is the count of one. `start` does it
//! once, which is what the others contain besides. `adopt_in_group` is the same in a group, and
//! `adopt_in_limited_group` in one with a limit. `idle` leaves its payloads idle, `cancel` cancels
//! them: the difference is the cancel. `serve` and `stop_units` are the same with services that hold a token,
//! and with the tasks of a `TaskTracker` with a token each. A second run shows what changed since the first.
#![expect(missing_docs, reason = "the harness makes items without")]

#[path = "compare/executors.rs"]
#[expect(dead_code, reason = "not all of them are counted here")]
mod executors;
#[path = "compare/payloads.rs"]
#[expect(dead_code, reason = "nothing is timed here")]
mod payloads;

use std::future::{Future, pending, ready};
use std::process::{Command, Stdio, exit};
use std::sync::mpsc;

use executors::{RUNS, started, stop};
use foster::{GroupBuilder, Runtime, Shutdown, Smol, Tokio, service};
use futures_lite::future::block_on;
use gungraun::{
    Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use payloads::Counter;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

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
fn adopt_in_group(on: On) {
    adopted_in(on, |group| group);
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
fn adopt_in_limited_group(on: On) {
    adopted_in(on, |group| group.limit(2 * TIMES));
}

#[library_benchmark]
#[bench::smol(On::Smol)]
#[bench::tokio(On::Tokio)]
#[bench::async_executor(On::AsyncExecutor)]
#[bench::raw_tokio(On::RawTokio)]
fn execute(on: On) {
    executed(on);
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

#[library_benchmark]
#[bench::foster(By::Foster)]
#[bench::tokio_util(By::TokioUtil)]
fn serve(by: By) {
    // Kept for ever, as above.
    std::mem::forget(watched(by));
}

#[library_benchmark]
#[bench::foster(By::Foster)]
#[bench::tokio_util(By::TokioUtil)]
fn stop_units(by: By) {
    watched(by)();
}

library_benchmark_group!(name = starts, benchmarks = start);
library_benchmark_group!(
    name = adopts,
    benchmarks = [adopt, adopt_in_group, adopt_in_limited_group]
);
library_benchmark_group!(name = executes, benchmarks = execute);
library_benchmark_group!(
    name = cancels,
    compare_by_id = true,
    benchmarks = [idle, cancel]
);
library_benchmark_group!(
    name = services,
    compare_by_id = true,
    benchmarks = [serve, stop_units]
);
main!(
    config = counting(),
    library_benchmark_groups = [starts, adopts, executes, cancels, services]
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

/// As [`adopted`], into a group with these settings.
fn adopted_in(on: On, settings: impl FnOnce(GroupBuilder) -> GroupBuilder) {
    let (gate, hold) = gate();
    let runtime = started();
    let group = settings(runtime.group("group")).create().expect(RUNS);
    match on {
        On::Smol => {
            group.adopt(Smol, || hold).expect(RUNS);
            gate.open_after(TIMES, || group.adopt(Smol, || ready(())).expect(RUNS));
            group.execute(Smol, || ready(())).expect(RUNS);
        }
        _ => {
            group.adopt(Tokio, || hold).expect(RUNS);
            gate.open_after(TIMES, || group.adopt(Tokio, || ready(())).expect(RUNS));
            group.execute(Tokio, || ready(())).expect(RUNS);
        }
    }
    stop(&runtime);
}

/// Executes one by one, each of which waits for a thread.
fn executed(on: On) {
    match on {
        On::Smol => {
            let runtime = started();
            each(|| runtime.execute(Smol, || ready(())).expect(RUNS));
            stop(&runtime);
        }
        On::Tokio => {
            let runtime = started();
            each(|| runtime.execute(Tokio, || ready(())).expect(RUNS));
            stop(&runtime);
        }
        On::AsyncExecutor => {
            let raw = executors::smol();
            each(|| block_on(raw.executor.spawn(ready(()))));
            raw.stop();
        }
        On::RawTokio => {
            let raw = executors::tokio();
            each(|| block_on(raw.executor.spawn(ready(()))).expect(RUNS));
            raw.stop();
        }
    }
}

fn each(work: impl Fn()) {
    (0..TIMES).for_each(|_| work());
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

/// What watches tasks one by one, here on tokio.
#[derive(Clone, Copy)]
enum By {
    Foster,
    TokioUtil,
}

/// Tasks that were started on tokio's own thread and wait for the end, for which each has a token; what stops
/// them.
fn watched(by: By) -> Box<dyn FnOnce()> {
    let running = Counter::new();
    running.set(TIMES);
    let stop: Box<dyn FnOnce()> = match by {
        By::Foster => {
            let runtime = started();
            let inside = runtime.clone();
            let starts = move || async move {
                let unit = move || async move {
                    let token = Shutdown::current();
                    running.count();
                    token.requested().await;
                };
                each(|| drop(inside.serve(service(Tokio, unit)).expect(RUNS)));
            };
            runtime.adopt(Tokio, starts).expect(RUNS);
            Box::new(move || stop(&runtime))
        }
        By::TokioUtil => {
            let raw = executors::tokio();
            let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
            let (inside, parent) = (tracker.clone(), token.clone());
            drop(raw.executor.spawn(async move {
                each(|| {
                    let token = parent.child_token();
                    inside.spawn(async move {
                        running.count();
                        token.cancelled_owned().await;
                    });
                });
            }));
            Box::new(move || {
                let over = raw.executor.spawn(async move {
                    token.cancel();
                    tracker.close();
                    tracker.wait().await;
                });
                block_on(over).expect(RUNS);
                raw.stop();
            })
        }
    };
    running.wait();
    stop
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
