//! The beginning and the end: the first payload of a new runtime, and the way of a failure.

use std::future::pending;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use foster::{Runtime, Smol, Thread, Tokio};

use super::executors::{self, RUNS};
use super::measure::{Measure, Plan, Row, median_of};
use super::payloads::{Counter, nanoseconds};

/// From nothing, no thread included, until a first payload has run. The end is not counted.
pub(crate) fn start(plan: &Plan) -> Vec<Row> {
    let times = plan.number(50, 10);
    let counter = Counter::new();
    let smol = Measure::new("start", "until a payload ran, smol")
        .side("foster", || {
            first(times, counter, || {
                let runtime = executors::started();
                let payload = move || async move { counter.count() };
                runtime.adopt(Smol, payload).expect(RUNS);
                move || executors::stop(&runtime)
            })
        })
        .side("async-executor", || {
            first(times, counter, || {
                let raw = executors::smol();
                raw.executor.spawn(async move { counter.count() }).detach();
                move || raw.stop()
            })
        });
    let tokio = Measure::new("start", "until a payload ran, tokio")
        .side("foster", || {
            first(times, counter, || {
                let runtime = executors::started();
                let payload = move || async move { counter.count() };
                runtime.adopt(Tokio, payload).expect(RUNS);
                move || executors::stop(&runtime)
            })
        })
        .side("tokio", || {
            first(times, counter, || {
                let raw = executors::tokio();
                drop(raw.executor.spawn(async move { counter.count() }));
                move || raw.stop()
            })
        });
    let thread = Measure::new("start", "until a payload ran, thread")
        .side("foster", || {
            first(times, counter, || {
                let runtime = executors::started();
                runtime.adopt(Thread, move || counter.count()).expect(RUNS);
                move || executors::stop(&runtime)
            })
        })
        .side("std", || {
            first(times, counter, || {
                let thread = thread::spawn(move || counter.count());
                move || thread.join().expect("nothing panics")
            })
        });
    let measures = [smol, tokio, thread];
    measures
        .into_iter()
        .flat_map(|one| one.compare(plan))
        .collect()
}

/// Nanoseconds that `start` takes, and a payload that it hands in; what it returns ends it again.
fn first<E: FnOnce()>(times: usize, counter: Counter, start: impl Fn() -> E) -> f64 {
    median_of(times, || {
        counter.set(1);
        let begin = Instant::now();
        let end = start();
        counter.wait();
        let time = nanoseconds(begin);
        end();
        time
    })
}

/// From nothing until a first payload notes that it runs, on a thread that stays in `run`. The end is not counted.
pub(crate) fn run(plan: &Plan) -> Vec<Row> {
    let times = plan.number(50, 10);
    let smol = Measure::new("start-run", "until a payload ran, smol")
        .side("foster", || {
            noted(times, |noted| {
                let (runtime, payload) = noting(noted);
                let payload = || async { payload() };
                runtime.adopt(Smol, payload).expect(RUNS);
                runtime.run().expect("nothing fails");
                || ()
            })
        })
        .side("async-executor", || {
            noted(times, |noted| {
                let raw = executors::smol();
                raw.executor.spawn(async move { note(&noted) }).detach();
                move || raw.stop()
            })
        });
    let tokio = Measure::new("start-run", "until a payload ran, tokio")
        .side("foster", || {
            noted(times, |noted| {
                let (runtime, payload) = noting(noted);
                let payload = || async { payload() };
                runtime.adopt(Tokio, payload).expect(RUNS);
                runtime.run().expect("nothing fails");
                || ()
            })
        })
        .side("tokio", || {
            noted(times, |noted| {
                let raw = executors::tokio();
                drop(raw.executor.spawn(async move { note(&noted) }));
                move || raw.stop()
            })
        });
    let thread = Measure::new("start-run", "until a payload ran, thread")
        .side("foster", || {
            noted(times, |noted| {
                let (runtime, payload) = noting(noted);
                runtime.adopt(Thread, payload).expect(RUNS);
                runtime.run().expect("nothing fails");
                || ()
            })
        })
        .side("std", || {
            noted(times, |noted| {
                let thread = thread::spawn(move || note(&noted));
                move || thread.join().expect("nothing panics")
            })
        });
    let measures = [smol, tokio, thread];
    measures
        .into_iter()
        .flat_map(|one| one.compare(plan))
        .collect()
}

/// Nanoseconds from the call of `start` until its payload has noted the time; what it returns ends it again.
fn noted<E: FnOnce()>(times: usize, start: impl Fn(mpsc::Sender<Instant>) -> E) -> f64 {
    median_of(times, || {
        let (noted, time) = mpsc::channel();
        let begin = Instant::now();
        let end = start(noted);
        let ran = time.recv().expect("it noted the time");
        end();
        (ran - begin).as_nanos() as f64
    })
}

/// A runtime, and a payload that ends it.
fn noting(noted: mpsc::Sender<Instant>) -> (Runtime, impl FnOnce() + Send) {
    let runtime = executors::unstarted();
    let ended = runtime.clone();
    let payload = move || {
        note(&noted);
        ended.shutdown();
    };
    (runtime, payload)
}

fn note(noted: &mpsc::Sender<Instant>) {
    noted.send(Instant::now()).expect("the bench listens");
}

/// How long a failure waits before it happens, for the bench to be blocked by then.
const AFTER: Duration = Duration::from_micros(500);

/// From inside the failing payload until the blocked thread goes on.
pub(crate) fn failure(plan: &Plan) -> Vec<Row> {
    let times = plan.number(50, 10);
    let mut rows = Measure::new("failure", "until run returns, smol")
        .side("foster", || {
            median_of(times, || {
                let (noted, time) = mpsc::channel();
                let runtime = executors::unstarted();
                runtime.adopt(Smol, pending::<()>).expect(RUNS);
                let payload = move || async move {
                    async_io::Timer::after(AFTER).await;
                    fail(&noted)
                };
                runtime.adopt(Smol, payload).expect(RUNS);
                runtime.run().expect_err("a payload fails");
                nanoseconds(time.recv().expect("it noted the time"))
            })
        })
        // As much as Foster does: the executor is over, and its thread has ended.
        .side("async-executor", || {
            median_of(times, || {
                let (raw, failed) = failing_on_smol();
                let start = failed.recv().expect("it fails");
                raw.stop();
                nanoseconds(start)
            })
        })
        // No more than the news.
        .side("std", || {
            median_of(times, || {
                let (raw, failed) = failing_on_smol();
                let start = failed.recv().expect("it fails");
                let time = nanoseconds(start);
                raw.stop();
                time
            })
        })
        .compare(plan);
    rows.extend(
        Measure::new("failure", "until run returns, tokio")
            .side("foster", || {
                median_of(times, || {
                    let (noted, time) = mpsc::channel();
                    let runtime = executors::unstarted();
                    runtime.adopt(Tokio, pending::<()>).expect(RUNS);
                    let payload = move || async move {
                        tokio::time::sleep(AFTER).await;
                        fail(&noted)
                    };
                    runtime.adopt(Tokio, payload).expect(RUNS);
                    runtime.run().expect_err("a payload fails");
                    nanoseconds(time.recv().expect("it noted the time"))
                })
            })
            .side("tokio", || {
                median_of(times, || {
                    let raw = executors::tokio();
                    let (tell, failed) = mpsc::channel();
                    drop(raw.executor.spawn(pending::<()>()));
                    drop(raw.executor.spawn(async move {
                        tokio::time::sleep(AFTER).await;
                        tell.send(Instant::now())
                    }));
                    let start = failed.recv().expect("it fails");
                    raw.stop();
                    nanoseconds(start)
                })
            })
            .compare(plan),
    );
    rows
}

fn fail(noted: &mpsc::Sender<Instant>) -> io::Result<()> {
    let error = io::Error::other("failed");
    note(noted);
    Err(error)
}

fn failing_on_smol() -> (executors::RawSmol, mpsc::Receiver<Instant>) {
    let raw = executors::smol();
    let (tell, failed) = mpsc::channel();
    raw.executor.spawn(pending::<()>()).detach();
    raw.executor
        .spawn(async move {
            async_io::Timer::after(AFTER).await;
            tell.send(Instant::now())
        })
        .detach();
    (raw, failed)
}
