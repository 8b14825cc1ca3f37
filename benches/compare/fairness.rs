//! Whether others get their turn: a fast path that lets them wait is no gain.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use async_io::{Async, Timer};
use foster::{Smol, Tokio, TokioMultiThread};
use futures_lite::future::{block_on, yield_now};

use super::executors::{self, RUNS, with_foster};
use super::measure::{Measure, Plan, Row, quantile};
use super::payloads::{Counter, each, nanoseconds};
use super::table::grouped;

/// How long the timer sleeps each time.
const SLEEP: Duration = Duration::from_millis(1);
/// How many payloads are handed in before the next are.
const FLOOD: usize = 10_000;

/// The slowest but 1 in 100 of delays.
fn p99(mut delays: Vec<f64>) -> f64 {
    quantile(&mut delays, 0.99)
}

/// How late a timer is while another thread hands in payloads, which run.
pub(crate) fn timer(plan: &Plan) -> Vec<Row> {
    let times = plan.number(300, 30);
    let counter = Counter::new();
    let of = |flavour: &str| format!("p99 of a timer, {} adopted, {flavour}", grouped(FLOOD));
    let smol = Measure::new("fairness", of("smol"))
        .side("foster", || {
            with_foster(|runtime| {
                let (tell, told) = mpsc::channel();
                let timer = move || late(times, sleep_on_smol, tell);
                runtime.adopt(Smol, timer).expect(RUNS);
                flooded(&told, counter, || {
                    let payload = move || async move { counter.count() };
                    runtime.adopt(Smol, payload).expect(RUNS);
                })
            })
        })
        .side("async-executor", || {
            executors::smol().with(|executor| {
                let (tell, told) = mpsc::channel();
                executor.spawn(late(times, sleep_on_smol, tell)).detach();
                flooded(&told, counter, || {
                    executor.spawn(async move { counter.count() }).detach();
                })
            })
        });
    let tokio = Measure::new("fairness", of("tokio"))
        .side("foster", || {
            with_foster(|runtime| {
                let (tell, told) = mpsc::channel();
                let timer = move || late(times, || tokio::time::sleep(SLEEP), tell);
                runtime.adopt(Tokio, timer).expect(RUNS);
                flooded(&told, counter, || {
                    let payload = move || async move { counter.count() };
                    runtime.adopt(Tokio, payload).expect(RUNS);
                })
            })
        })
        .side("tokio", || {
            executors::tokio().with(|handle| {
                let (tell, told) = mpsc::channel();
                drop(handle.spawn(late(times, || tokio::time::sleep(SLEEP), tell)));
                flooded(&told, counter, || {
                    drop(handle.spawn(async move { counter.count() }));
                })
            })
        });
    let mut rows = smol.compare(plan);
    rows.extend(tokio.compare(plan));
    rows
}

/// The same on a worker for each core, on both sides.
pub(crate) fn timer_parallel(plan: &Plan) -> Vec<Row> {
    let times = plan.number(300, 30);
    let counter = Counter::new();
    let of = format!("p99 of a timer, {} adopted, a pool", grouped(FLOOD));
    Measure::new("fairness-parallel", of)
        .side("foster", || {
            with_foster(|runtime| {
                let (tell, told) = mpsc::channel();
                let timer = move || late(times, || tokio::time::sleep(SLEEP), tell);
                runtime.adopt(TokioMultiThread, timer).expect(RUNS);
                flooded(&told, counter, || {
                    let payload = move || async move { counter.count() };
                    runtime.adopt(TokioMultiThread, payload).expect(RUNS);
                })
            })
        })
        .side("tokio", || {
            executors::tokio_multi_thread().with(|handle| {
                let (tell, told) = mpsc::channel();
                drop(handle.spawn(late(times, || tokio::time::sleep(SLEEP), tell)));
                flooded(&told, counter, || {
                    drop(handle.spawn(async move { counter.count() }));
                })
            })
        })
        .compare(plan)
}

/// Hands in payloads, one flood behind another, until the delays of the timer are told.
fn flooded(told: &mpsc::Receiver<Vec<f64>>, counter: Counter, hand_in: impl Fn()) -> f64 {
    loop {
        each(FLOOD, counter, &hand_in);
        if let Ok(delays) = told.try_recv() {
            return p99(delays);
        }
    }
}

async fn sleep_on_smol() {
    Timer::after(SLEEP).await;
}

/// Tells how much later than asked `sleep` was over, each of `times`.
async fn late<F: Future<Output = ()>>(
    times: usize,
    sleep: impl Fn() -> F,
    tell: mpsc::Sender<Vec<f64>>,
) {
    let mut delays = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        sleep().await;
        delays.push(nanoseconds(start) - SLEEP.as_nanos() as f64);
    }
    tell.send(delays).expect("the bench listens");
}

/// How long a payload waits for its next poll beside one whose socket is always ready.
pub(crate) fn socket(plan: &Plan) -> Vec<Row> {
    let times = plan.number(5_000, 1_000);
    let of = |flavour: &str| format!("p99 of a turn beside a ready socket, {flavour}");
    let smol = Measure::new("fairness-socket", of("smol"))
        .side("foster", || {
            with_foster(|runtime| {
                let (over, until) = flag();
                runtime.adopt(Smol, || read_on_smol(until)).expect(RUNS);
                let turns = runtime.execute(Smol, move || turns(times, over));
                p99(turns.expect(RUNS))
            })
        })
        .side("async-executor", || {
            executors::smol().with(|executor| {
                let (over, until) = flag();
                executor.spawn(read_on_smol(until)).detach();
                p99(block_on(executor.spawn(turns(times, over))))
            })
        });
    let tokio = Measure::new("fairness-socket", of("tokio"))
        .side("foster", || {
            with_foster(|runtime| {
                let (over, until) = flag();
                runtime.adopt(Tokio, || read_on_tokio(until)).expect(RUNS);
                let turns = runtime.execute(Tokio, move || turns(times, over));
                p99(turns.expect(RUNS))
            })
        })
        .side("tokio", || {
            executors::tokio().with(|handle| {
                let (over, until) = flag();
                drop(handle.spawn(read_on_tokio(until)));
                p99(block_on(handle.spawn(turns(times, over))).expect(RUNS))
            })
        });
    let mut rows = smol.compare(plan);
    rows.extend(tokio.compare(plan));
    rows
}

fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (Arc::clone(&flag), flag)
}

/// The time from each yield to the next poll, after which the socket may rest.
async fn turns(times: usize, over: Arc<AtomicBool>) -> Vec<f64> {
    let mut delays = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        yield_now().await;
        delays.push(nanoseconds(start));
    }
    over.store(true, Ordering::Relaxed);
    delays
}

/// A socket with a datagram in it, which is looked at and never taken out.
fn ready() -> UdpSocket {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a port is free");
    let address = socket.local_addr().expect("it is bound");
    socket.send_to(b"here", address).expect("it is sent");
    socket
}

/// Waits for the reactor to say that the socket is ready, each time: a `peek_from` alone would never
/// yield, as async-io has no budget, and nobody else would have a turn on any executor.
async fn read_on_smol(over: Arc<AtomicBool>) {
    let socket = Async::new(ready()).expect("it is watched");
    let mut buffer = [0; 8];
    while !over.load(Ordering::Relaxed) {
        socket.readable().await.expect("it is readable");
        socket.peek_from(&mut buffer).await.expect("it is there");
    }
}

/// tokio's budget makes it yield.
async fn read_on_tokio(over: Arc<AtomicBool>) {
    let socket = ready();
    socket.set_nonblocking(true).expect("it can");
    let socket = tokio::net::UdpSocket::from_std(socket).expect("it is watched");
    let mut buffer = [0; 8];
    while !over.load(Ordering::Relaxed) {
        socket.peek_from(&mut buffer).await.expect("it is there");
    }
}
