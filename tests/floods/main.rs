//! Floods: very many payloads alive, adopts without end, very many threads. Each ends with a verdict, and prints a row.
//!
//! `FOSTER_ALIVE`, `FOSTER_RATE` (a second, for `FOSTER_SECONDS`) and `FOSTER_THREADS` say how many. Without them a flood is
//! small, and nothing is judged that depends on how fast the machine is.
//!
//! Each runs in a process of its own, whose memory it is.
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;

mod alive;
mod rate;
mod threads;

use std::str::FromStr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::child::{Played, Playing, be_child};
use common::{builder, memory};
use foster::{Latch, Runtime};

/// How long anything may take, of however many.
const LONG: Duration = Duration::from_secs(900);

#[test]
fn as_child() {
    be_child(|scenario| match scenario.split_once(' ') {
        Some(("alive", kind)) => alive::play(kind),
        Some(("rate", flavour)) => rate::play(flavour),
        Some(("threads", kind)) => threads::play(kind),
        _ => unreachable!("there is no such scenario"),
    });
}

/// The number in a variable, and whether it was set.
fn number<N: FromStr<Err: std::fmt::Debug>>(variable: &str, small: N) -> (N, bool) {
    match std::env::var(variable) {
        Ok(number) => (number.parse().unwrap(), true),
        Err(_) => (small, false),
    }
}

/// A runtime that waits as long as it takes.
fn patient() -> Runtime {
    let runtime = builder().grace(LONG).cancel_timeout(LONG).build();
    runtime.start().unwrap();
    runtime
}

/// So many that are expected, each counted once.
struct Count {
    number: AtomicUsize,
    expected: AtomicUsize,
    all: Latch,
}

impl Count {
    fn new() -> Self {
        Self {
            number: AtomicUsize::new(0),
            expected: AtomicUsize::new(usize::MAX),
            all: Latch::default(),
        }
    }

    fn expect(&self, number: usize) {
        self.expected.store(number, SeqCst);
    }

    fn one_more(&self) {
        if self.number.fetch_add(1, SeqCst) + 1 == self.expected.load(SeqCst) {
            self.all.open();
        }
    }

    fn number(&self) -> usize {
        self.number.load(SeqCst)
    }

    #[track_caller]
    fn wait(&self) {
        let all = self.all.wait(Instant::now() + LONG);
        assert!(all, "{} have come", self.number());
    }
}

/// Payloads that have begun, and those whose code is dropped.
static BEGUN: LazyLock<Count> = LazyLock::new(Count::new);
static ENDED: LazyLock<Count> = LazyLock::new(Count::new);

/// Counts an end when it is dropped.
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        ENDED.one_more();
    }
}

/// The figures of a life: what one takes of memory, and of time.
struct Figures {
    number: usize,
    before: u64,
    begin: Instant,
}

impl Figures {
    fn begin(number: usize) -> Self {
        Self {
            number,
            before: memory("VmRSS:"),
            begin: Instant::now(),
        }
    }

    /// All are there. Returns the bytes and the nanoseconds of one.
    fn started(&mut self) -> (u64, u128) {
        let start = self.begin.elapsed();
        let bytes = (memory("VmRSS:") - self.before) * 1_024 / self.number as u64;
        self.begin = Instant::now();
        (bytes, start.as_nanos() / self.number as u128)
    }

    /// Ends the runtime with all of them. Returns the nanoseconds of one.
    fn stop(&self, runtime: &Runtime) -> (u128, Played) {
        runtime.shutdown();
        let played = runtime.wait();
        let stop = self.begin.elapsed();
        (stop.as_nanos() / self.number as u128, played)
    }
}

/// Prints what a child has to say, and expects it to end well.
#[track_caller]
fn expect_row(mut child: Playing) {
    println!("|{}", child.line_after("row |"));
    let (status, said, errors) = child.end();
    assert!(status.success(), "{said}\n{errors}");
}
