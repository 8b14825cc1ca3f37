//! What starting and stopping services costs, beside adopting as many payloads.
//!
//! `cargo bench -p foster-benches --bench services`
//!
//! Both sides hand in 10,000 that take a token and wait for the end, run them, and end the runtime.
//! Sides are interleaved round by round; printed is the median of each and of the ratio within a round. The
//! last lines are for machines: `RATIO <measure> adopt <value>`.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use foster::{Runtime, Shutdown, Smol, Tokio, service};

const ROUNDS: usize = 15;
const NUMBER: usize = 10_000;

#[derive(Clone)]
struct Counter {
    left: Arc<AtomicUsize>,
    bench: thread::Thread,
}

impl Counter {
    fn new() -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(NUMBER)),
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

async fn until_the_end(counter: Counter, holds: bool) {
    if !holds {
        counter.count();
        return pending().await;
    }
    let token = Shutdown::current();
    counter.count();
    token.requested().await;
}

macro_rules! sides {
    ($key:ident, $adopt:ident, $serve:ident) => {
        fn $adopt(runtime: &Runtime, counter: &Counter, holds: bool) {
            for _ in 0..NUMBER {
                let counter = counter.clone();
                runtime
                    .adopt($key, move || until_the_end(counter, holds))
                    .expect("the runtime runs");
            }
        }

        fn $serve(runtime: &Runtime, counter: &Counter, holds: bool) {
            for _ in 0..NUMBER {
                let counter = counter.clone();
                runtime
                    .serve(service($key, move || until_the_end(counter.clone(), holds)))
                    .expect("the runtime runs");
            }
        }
    };
}

sides!(Smol, adopt_on_smol, serve_on_smol);
sides!(Tokio, adopt_on_tokio, serve_on_tokio);

type Side = fn(&Runtime, &Counter, bool);

/// Nanoseconds for each, from the first that is handed in to the end of the runtime.
fn measure(side: Side, holds: bool) -> f64 {
    let runtime = Runtime::new();
    runtime.start().expect("a new runtime starts");
    let counter = Counter::new();
    let start = Instant::now();
    side(&runtime, &counter, holds);
    counter.wait();
    runtime.shutdown();
    runtime.wait().expect("nothing fails");
    start.elapsed().as_nanos() as f64 / NUMBER as f64
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(name: &str, adopt: Side, serve: Side, holds: bool) -> String {
    let (mut adopts, mut serves, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    measure(adopt, holds);
    measure(serve, holds);
    for _ in 0..ROUNDS {
        let adopted = measure(adopt, holds);
        let served = measure(serve, holds);
        adopts.push(adopted);
        serves.push(served);
        ratios.push(served / adopted);
        thread::sleep(Duration::from_millis(1));
    }
    let ratio = median(&mut ratios);
    println!(
        "{name:<22} serve {:>6.0} ns   adopt {:>6.0} ns   ratio {ratio:.2} (quartiles {:.2} to {:.2})",
        median(&mut serves),
        median(&mut adopts),
        ratios[ROUNDS / 4],
        ratios[ROUNDS * 3 / 4],
    );
    format!("RATIO {name} adopt {ratio:.3}")
}

fn main() {
    let lines = [
        compare("serve-smol", adopt_on_smol, serve_on_smol, false),
        compare("serve-smol-token", adopt_on_smol, serve_on_smol, true),
        compare("serve-tokio", adopt_on_tokio, serve_on_tokio, false),
        compare("serve-tokio-token", adopt_on_tokio, serve_on_tokio, true),
    ];
    for line in lines {
        println!("{line}");
    }
}
