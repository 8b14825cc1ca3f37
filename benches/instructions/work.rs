//! The work that is counted.

use std::future::{Future, pending, ready};
use std::mem;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use foster::{GroupBuilder, Shutdown, Smol, Tokio, service};
use futures_lite::future::block_on;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::executors::{self, RUNS};
use crate::payloads::Counter;
use crate::sides::{POOL, Side};
use crate::{LIVES, On, TIMES};

/// Starts as many as there are to be, each until a first payload has run, and ends none.
pub(crate) fn started<S: Side>() {
    let counter = Counter::new();
    for _ in 0..LIVES {
        counter.set(1);
        let side = S::start();
        side.hand_in(async move { counter.count() });
        counter.wait();
        mem::forget(side);
    }
}

/// Hands in and runs `times` payloads that do nothing, and one more that is waited for: a stop that
/// comes while some have not run would be counted as it happens to meet them.
pub(crate) fn adopted<S: Side>(times: usize) {
    let (gate, hold) = gate();
    let side = S::start();
    side.hand_in(hold);
    gate.open_after(times, || side.hand_in(ready(())));
    side.execute_one();
    side.stop();
}

/// A payload hands them in, on the pool on which it runs itself.
pub(crate) fn adopted_inside() {
    let counter = Counter::new();
    counter.set(TIMES);
    let runtime = executors::started();
    let inside = runtime.clone();
    let adopts = move || async move {
        each(|| {
            inside
                .adopt(POOL, move || async move { counter.count() })
                .expect(RUNS)
        });
    };
    runtime.adopt(POOL, adopts).expect(RUNS);
    counter.wait();
    executors::stop(&runtime);
}

/// The same on tokio alone.
pub(crate) fn spawned_inside() {
    let counter = Counter::new();
    counter.set(TIMES);
    let raw = executors::tokio_pool(1);
    drop(raw.executor.spawn(async move {
        each(|| drop(tokio::spawn(async move { counter.count() })));
    }));
    counter.wait();
    raw.stop();
}

/// As [`adopted`], into a group with these settings.
pub(crate) fn adopted_in(on: On, settings: impl FnOnce(GroupBuilder) -> GroupBuilder) {
    let (gate, hold) = gate();
    let runtime = executors::started();
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
    executors::stop(&runtime);
}

/// Executes one by one, each of which waits for a thread.
pub(crate) fn executed<S: Side>() {
    let side = S::start();
    each(|| side.execute_one());
    side.stop();
}

fn each(work: impl Fn()) {
    (0..TIMES).for_each(|_| work());
}

/// Has payloads idle, all of which have been polled; what stops them.
pub(crate) fn idling<S: Side>() -> Box<dyn FnOnce()> {
    let (gate, hold) = gate();
    let side = S::start();
    side.hand_in(hold);
    gate.open_after(TIMES, || side.hand_in(pending()));
    side.execute_one();
    Box::new(move || side.stop())
}

/// Has as many live as there are to be, each on a thread that comes back when all is over, and with a payload that will
/// fail once its gate is open.
pub(crate) fn about_to_fail<S: Side>() -> Vec<(Gate, JoinHandle<()>)> {
    let life = |_| {
        let (gate, hold) = gate();
        let owner = thread::spawn(|| S::fail_after(hold));
        gate.entered.recv().expect("what holds the thread runs");
        (gate, owner)
    };
    (0..LIVES).map(life).collect()
}

/// Lets them fail one by one.
pub(crate) fn fail(lives: Vec<(Gate, JoinHandle<()>)>) {
    for (gate, owner) in lives {
        gate.open.send(()).expect("it is held");
        owner.join().expect("nothing panics");
    }
}

/// What watches tasks one by one, here on tokio.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Foster,
    TokioUtil,
}

/// Tasks that were started on tokio's own thread and wait for the end, for which each has a token; what stops
/// them.
pub(crate) fn watched(by: By) -> Box<dyn FnOnce()> {
    let running = Counter::new();
    running.set(TIMES);
    let stop: Box<dyn FnOnce()> = match by {
        By::Foster => {
            let runtime = executors::started();
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
            Box::new(move || executors::stop(&runtime))
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
pub(crate) struct Gate {
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
