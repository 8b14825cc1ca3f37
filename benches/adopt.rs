//! What adopting a payload costs, beside spawning it on the raw executor from another thread.
//!
//! `cargo bench -p foster-benches --bench adopt`
//!
//! Every side does the same: one thread hands in payloads that count themselves, another runs
//! them, and the clock stops when the last has run. Sides are interleaved round by round; printed
//! is the median of each side and of the ratio within a round. The last lines are for machines:
//! `RATIO <measure> <peer> <value>`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_executor::Executor;
use foster::{Runtime, Smol, Thread, Tokio};

const ROUNDS: usize = 15;

/// One way to run payloads, set up before the clock starts.
trait Side {
    fn spawn(&self, counter: Counter);
}

/// Counts the payloads that have run, and wakes the bench when all have.
#[derive(Clone)]
struct Counter {
    left: Arc<AtomicUsize>,
    bench: thread::Thread,
}

impl Counter {
    fn new(payloads: usize) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(payloads)),
            bench: thread::current(),
        }
    }

    fn count(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.bench.unpark();
        }
    }

    fn wait(&self) {
        while self.left.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

macro_rules! foster_side {
    ($name:ident, $key:expr, |$counter:ident| $payload:expr) => {
        struct $name(Runtime);

        impl $name {
            fn start() -> Self {
                let runtime = Runtime::new();
                runtime.start().expect("a new runtime starts");
                Self(runtime)
            }
        }

        impl Side for $name {
            fn spawn(&self, $counter: Counter) {
                self.0.adopt($key, $payload).expect("the runtime runs");
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.shutdown();
                self.0.wait().expect("nothing fails");
            }
        }
    };
}

foster_side!(FosterSmol, Smol, |counter| move || async move {
    counter.count();
});
foster_side!(FosterTokio, Tokio, |counter| move || async move {
    counter.count();
});
foster_side!(FosterThread, Thread, |counter| move || counter.count());

/// async-executor's `Executor`, driven by one thread as smol's documentation shows.
struct RawSmol(Arc<Executor<'static>>);

impl RawSmol {
    fn start() -> Self {
        let executor = Arc::new(Executor::new());
        let driven = Arc::clone(&executor);
        thread::spawn(move || async_io::block_on(driven.run(pending::<()>())));
        Self(executor)
    }
}

impl Side for RawSmol {
    fn spawn(&self, counter: Counter) {
        self.0.spawn(async move { counter.count() }).detach();
    }
}

/// tokio's current-thread runtime, driven by one thread and spawned on through its handle.
struct RawTokio(tokio::runtime::Handle);

impl RawTokio {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(pending::<()>()));
        Self(handle)
    }
}

impl Side for RawTokio {
    fn spawn(&self, counter: Counter) {
        drop(self.0.spawn(async move { counter.count() }));
    }
}

struct RawThread;

impl Side for RawThread {
    fn spawn(&self, counter: Counter) {
        drop(thread::spawn(move || counter.count()));
    }
}

/// Nanoseconds for each of `payloads`, handed in by this thread and run by another.
fn measure(side: &dyn Side, payloads: usize) -> f64 {
    let counter = Counter::new(payloads);
    let start = Instant::now();
    for _ in 0..payloads {
        side.spawn(counter.clone());
    }
    counter.wait();
    start.elapsed().as_nanos() as f64 / payloads as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(measure_name: &str, peer: &str, payloads: usize, sides: [&dyn Side; 2]) -> String {
    // Warm-up: threads, allocator and caches.
    for side in sides {
        measure(side, payloads);
    }
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each goes first in every other round.
        let (foster, raw) = if round % 2 == 0 {
            let foster = measure(sides[0], payloads);
            (foster, measure(sides[1], payloads))
        } else {
            let raw = measure(sides[1], payloads);
            (measure(sides[0], payloads), raw)
        };
        ours.push(foster);
        theirs.push(raw);
        ratios.push(foster / raw);
        thread::sleep(Duration::from_millis(1));
    }
    let ratio = median(&mut ratios);
    println!(
        "{measure_name:<14} foster {:>8.0} ns   {peer} {:>8.0} ns   ratio {ratio:.2} (quartiles {:.2} to {:.2})",
        median(&mut ours),
        median(&mut theirs),
        ratios[ROUNDS / 4],
        ratios[ROUNDS * 3 / 4],
    );
    format!("RATIO {measure_name} {peer} {ratio:.3}")
}

fn main() {
    let lines = [
        compare(
            "adopt-smol",
            "async-executor",
            200_000,
            [&FosterSmol::start(), &RawSmol::start()],
        ),
        compare(
            "adopt-tokio",
            "tokio",
            200_000,
            [&FosterTokio::start(), &RawTokio::start()],
        ),
        compare(
            "adopt-thread",
            "std",
            2_000,
            [&FosterThread::start(), &RawThread],
        ),
    ];
    for line in lines {
        println!("{line}");
    }
}
