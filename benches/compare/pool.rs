//! Handing in payloads to a pool of threads: from one thread and from two, and from inside.

use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use foster::{Runtime, TokioMultiThread};
use tokio::runtime::Handle;

use super::executors::{self, RUNS, with_foster};
use super::measure::{Measure, Plan, Row};
use super::payloads::{Counter, each, nanoseconds};
use super::table::grouped;

fn measure<'a>(name: &str, number: usize, how: &str) -> Measure<'a> {
    Measure::new(name, format!("1 of {} payloads{how}", grouped(number)))
}

fn number(plan: &Plan) -> usize {
    plan.number(100_000, 25_000)
}

/// Adopts one that does nothing but count.
fn adopt(runtime: &Runtime, key: TokioMultiThread, counter: Counter) {
    let payload = move || async move { counter.count() };
    runtime.adopt(key, payload).expect(RUNS);
}

fn spawn(handle: &Handle, counter: Counter) {
    drop(handle.spawn(async move { counter.count() }));
}

/// On as many threads on both sides: one for each core.
pub(crate) fn outside(plan: &Plan) -> Vec<Row> {
    let (number, counter) = (number(plan), Counter::new());
    measure("adopt-parallel", number, "")
        .side("foster", || {
            with_foster(|runtime| {
                each(number, counter, || {
                    adopt(runtime, TokioMultiThread, counter)
                })
            })
        })
        .side("tokio", || {
            executors::tokio_multi_thread()
                .with(|handle| each(number, counter, || spawn(handle, counter)))
        })
        .compare(plan)
}

/// The same from two threads, which share the cores with the workers; beside one thread.
pub(crate) fn outside_2(plan: &Plan) -> Vec<Row> {
    let number = number(plan);
    let counters = [Counter::new(), Counter::new()];
    let foster = |adopters| {
        with_foster(|runtime| {
            let counters = &counters[..adopters];
            together(number, counters, || {
                from_threads(number, counters, |counter| {
                    adopt(runtime, TokioMultiThread, counter)
                });
            })
        })
    };
    let tokio = |adopters| {
        executors::tokio_multi_thread().with(|handle| {
            let counters = &counters[..adopters];
            together(number, counters, || {
                from_threads(number, counters, |counter| spawn(handle, counter));
            })
        })
    };
    measure("adopt-parallel-2", number, ", two adopters")
        .side("foster", || foster(2))
        .side("foster-1", || foster(1))
        .side("tokio", || tokio(2))
        .side("tokio-1", || tokio(1))
        .compare(plan)
}

/// The handing in alone, from two threads and from one, while all workers are held up.
pub(crate) fn held(plan: &Plan) -> Vec<Row> {
    let number = number(plan);
    let counters = [Counter::new(), Counter::new()];
    let foster = |adopters| {
        let key = TokioMultiThread.worker_threads(2);
        with_foster(|runtime| {
            let blocked = Blocked::new(2, |work| {
                runtime.adopt(key, || async { work() }).expect(RUNS);
            });
            blocked.handing_in(number, &counters[..adopters], |counter| {
                adopt(runtime, key, counter)
            })
        })
    };
    let tokio = |adopters| {
        executors::tokio_pool(2).with(|handle| {
            let blocked = Blocked::new(2, |work| drop(handle.spawn(async { work() })));
            blocked.handing_in(number, &counters[..adopters], |counter| {
                spawn(handle, counter)
            })
        })
    };
    measure("adopt-parallel-held", number, ", handed in by two")
        .side("foster", || foster(2))
        .side("foster-1", || foster(1))
        .side("tokio", || tokio(2))
        .side("tokio-1", || tokio(1))
        .compare(plan)
}

/// One payload hands in all others, and each worker may run them.
pub(crate) fn inside(plan: &Plan) -> Vec<Row> {
    let number = number(plan);
    let counters = [Counter::new()];
    measure("adopt-parallel-inside", number, "")
        .side("foster", || {
            foster_inside(TokioMultiThread, number, &counters)
        })
        .side("tokio", || {
            let raw = executors::tokio_multi_thread();
            raw.with(|handle| tokio_inside(handle, number, &counters))
        })
        .compare(plan)
}

/// Two workers hand in and run, with half of the payloads each; beside one that does all of it.
pub(crate) fn inside_2(plan: &Plan) -> Vec<Row> {
    let number = number(plan);
    let counters = [Counter::new(), Counter::new()];
    let foster = |workers| {
        let key = TokioMultiThread.worker_threads(workers);
        foster_inside(key, number, &counters[..workers])
    };
    let tokio = |workers| {
        let raw = executors::tokio_pool(workers);
        raw.with(|handle| tokio_inside(handle, number, &counters[..workers]))
    };
    measure("adopt-parallel-inside-2", number, ", two workers")
        .side("foster", || foster(2))
        .side("foster-1", || foster(1))
        .side("tokio", || tokio(2))
        .side("tokio-1", || tokio(1))
        .compare(plan)
}

/// One payload for each counter hands in its part of `number`, all of them at once.
fn foster_inside(key: TokioMultiThread, number: usize, counters: &[Counter]) -> f64 {
    with_foster(|runtime| {
        let part = number / counters.len();
        let mut counting = counters.iter().copied();
        let blocked = Blocked::new(counters.len(), |work| {
            let inside = runtime.clone();
            let counter = counting.next().expect("one for each");
            let adopts = move || async move {
                work();
                (0..part).for_each(|_| adopt(&inside, key, counter));
            };
            runtime.adopt(key, adopts).expect(RUNS);
        });
        together(number, counters, || blocked.open())
    })
}

fn tokio_inside(handle: &Handle, number: usize, counters: &[Counter]) -> f64 {
    let part = number / counters.len();
    let mut counting = counters.iter().copied();
    let blocked = Blocked::new(counters.len(), |work| {
        let counter = counting.next().expect("one for each");
        drop(handle.spawn(async move {
            work();
            for _ in 0..part {
                drop(tokio::spawn(async move { counter.count() }));
            }
        }));
    });
    together(number, counters, || blocked.open())
}

/// Nanoseconds for each of `number` payloads until all have counted, those of each adopter on a counter of its own: one
/// for all would be a cache line that every worker writes.
fn together(number: usize, counters: &[Counter], hand_in: impl FnOnce()) -> f64 {
    let part = number / counters.len();
    counters.iter().for_each(|counter| counter.set(part));
    let begin = Instant::now();
    hand_in();
    counters.iter().for_each(|counter| counter.wait());
    nanoseconds(begin) / number as f64
}

/// Has a thread for each counter hand in its part of `number`.
fn from_threads(number: usize, counters: &[Counter], hand_in: impl Fn(Counter) + Sync) {
    let (part, hand_in) = (number / counters.len(), &hand_in);
    thread::scope(|scope| {
        for counter in counters {
            scope.spawn(move || (0..part).for_each(|_| hand_in(*counter)));
        }
    });
}

type Work = Box<dyn FnOnce() + Send>;

/// Workers that wait in a payload each, until they are let go.
struct Blocked {
    gates: Vec<mpsc::Sender<()>>,
}

impl Blocked {
    /// Blocks that many workers, each with a payload that `start` makes of what blocks.
    ///
    /// The next is started when the one before has its worker, so it gets one of its own: both executors wake a
    /// worker for what comes from outside.
    fn new(workers: usize, mut start: impl FnMut(Work)) -> Self {
        let gate = |_| {
            let (open, opened) = mpsc::channel();
            let (entering, entered) = mpsc::channel();
            start(Box::new(move || {
                entering.send(()).expect("the bench listens");
                opened.recv().expect("the bench opens it");
            }));
            entered.recv().expect("a worker is free");
            open
        };
        let gates = (0..workers).map(gate).collect();
        Self { gates }
    }

    fn open(self) {
        for gate in self.gates {
            gate.send(()).expect("a worker waits");
        }
    }

    /// Nanoseconds for each of `number` that threads hand in meanwhile. Afterwards they run.
    fn handing_in(
        self,
        number: usize,
        counters: &[Counter],
        hand_in: impl Fn(Counter) + Sync,
    ) -> f64 {
        let mut time = 0.0;
        together(number, counters, || {
            let begin = Instant::now();
            from_threads(number, counters, hand_in);
            time = nanoseconds(begin);
            self.open();
        });
        time / number as f64
    }
}
