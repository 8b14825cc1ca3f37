//! A pool: several drivers of one queue, against adopts, wakes, each other and the stop.

use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread::{self, JoinHandle};

use super::executor::give_way;
use super::wakes::Signal;
use super::{Count, builder, holds_on, runtime, schedules, stop_aside};
use crate::{
    BoxError, Clock, Flavour, Identifier, Key, Parallel, PoolIntake, Rejected, Reporter, Runtime,
    Shutdown,
};

/// The key of a pool of two threads, each of which polls one driver.
#[derive(Clone, PartialEq, Debug)]
struct Two;

impl Key for Two {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        Identifier::new("two")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        Ok(Arc::new(Pool::new(&reporter)))
    }
}

impl Pool {
    fn new(reporter: &Reporter) -> Self {
        reporter.runs_on(2);
        let intake = PoolIntake::new(reporter, 2);
        // With a pause after every third poll.
        let mut polls = 0;
        let is_spent = move || {
            polls += 1;
            polls % 3 == 0
        };
        let drivers = intake.drivers(give_way, is_spent).into_iter();
        let threads = drivers.map(|driver| thread::spawn(|| shuttle::future::block_on(driver)));
        let threads = Mutex::new(threads.collect());
        Self { intake, threads }
    }
}

/// The key of such a pool, which it shows.
#[derive(Clone, Default)]
struct Shown(Arc<std::sync::Mutex<Option<Arc<Pool>>>>);

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl Key for Shown {
    type Payload = Parallel;

    fn identifier(&self) -> Identifier {
        Identifier::new("shown")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Parallel>>, BoxError> {
        let pool = Arc::new(Pool::new(&reporter));
        *self.0.lock().unwrap() = Some(Arc::clone(&pool));
        Ok(pool)
    }
}

struct Pool {
    intake: PoolIntake,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Flavour for Pool {
    type Payload = Parallel;

    fn spawn(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        self.intake.push(payload)
    }

    fn block_on(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        let completion = payload.completion();
        self.intake.push(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.intake.close();
    }

    fn join(&self, _: Instant) -> bool {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap());
        threads.into_iter().all(|thread| thread.join().is_ok())
    }
}

/// As [`super::holds`], of payloads that no executor polls by other means.
fn holds(program: impl Fn() + Send + Sync + Clone + 'static) {
    holds_on(schedules(), program);
}

fn until_idle() -> Runtime {
    builder(&Clock::manual()).until_idle().build()
}

/// What is handed in from outside and from inside is polled to its end, each once, and the drivers end.
#[test]
fn all_that_is_handed_in_is_polled() {
    holds(|| {
        let (runtime, ran) = (until_idle(), Count::default());
        let counts = |ran: &Count| {
            let ran = ran.clone();
            move || async move { ran.add() }
        };
        let (inner, inner_ran) = (runtime.clone(), ran.clone());
        let first = move || async move {
            for _ in 0..2 {
                inner.adopt(Two, counts(&inner_ran)).unwrap();
            }
        };
        runtime.adopt(Two, first).unwrap();
        runtime.adopt(Two, counts(&ran)).unwrap();
        runtime.run().unwrap();
        assert_eq!(ran.get(), 3);
    });
}

/// A payload that blocks its thread holds up nobody: what it has handed in, and waits for, runs on the other.
#[test]
fn what_a_blocked_thread_waits_for_runs_on_the_other() {
    holds(|| {
        let runtime = until_idle();
        let done = Arc::new((Mutex::new(false), Condvar::new()));
        let (inner, waited) = (runtime.clone(), Arc::clone(&done));
        let blocks = move || async move {
            inner
                .adopt(Two, move || async move {
                    *done.0.lock().unwrap() = true;
                    done.1.notify_all();
                })
                .unwrap();
            let mut is_done = waited.0.lock().unwrap();
            while !*is_done {
                is_done = waited.1.wait(is_done).unwrap();
            }
        };
        runtime.adopt(Two, blocks).unwrap();
        runtime.run().unwrap();
    });
}

/// A payload that is on its way, from thread to thread or into a poll, is not over.
#[test]
fn whoever_asks_misses_no_payload() {
    holds(|| {
        let (runtime, ran, key) = (runtime(), Count::default(), Shown::default());
        runtime.start().unwrap();
        for _ in 0..3 {
            let ran = ran.clone();
            runtime
                .adopt(key.clone(), move || async move { ran.add() })
                .unwrap();
        }
        {
            let intake = key.0.lock().unwrap();
            let intake = &intake.as_ref().unwrap().intake;
            intake.close();
            assert!(!intake.is_over() || ran.get() == 3);
        }
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// No wake is lost, wherever the payload is at that moment, and nothing of it stays behind.
#[test]
fn a_woken_payload_is_polled() {
    holds(|| {
        let (runtime, dropped) = (until_idle(), Count::default());
        let signals = [(); 2].map(|()| Signal::default());
        for signal in &signals {
            let (awaited, drops) = (signal.clone(), dropped.on_drop());
            let payload = move || async move {
                let _drops = drops;
                awaited.given().await;
            };
            runtime.adopt(Two, payload).unwrap();
        }
        let givers = signals.map(|signal| thread::spawn(move || signal.give()));
        runtime.run().unwrap();
        for giver in givers {
            giver.join().unwrap();
        }
        assert_eq!(dropped.get(), 2);
        assert_eq!(
            runtime
                .core()
                .root
                .schedulers
                .hosts()
                .next()
                .unwrap()
                .alive()
                .len(),
            0
        );
    });
}

/// The stop ends each payload once: one that waits, one that is polled again and again, and one that is handed in meanwhile.
#[test]
fn the_stop_ends_each_payload() {
    holds(|| {
        let (runtime, dropped) = (runtime(), Count::default());
        runtime.start().unwrap();
        let adopt = |payload: fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let drops = dropped.on_drop();
            let payload = move || async move {
                let _drops = drops;
                payload().await;
            };
            let _refused = runtime.adopt(Two, payload);
        };
        adopt(|| Box::pin(pending()));
        adopt(|| Box::pin(spins()));
        let stopper = stop_aside(&runtime);
        adopt(|| Box::pin(pending()));
        runtime.wait().unwrap();
        stopper.join().unwrap();
        assert_eq!(dropped.get(), 3);
    });
}

/// Wakes itself in some polls.
async fn spins() {
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        if polls < 4 {
            context.waker().wake_by_ref();
        }
        Poll::<()>::Pending
    })
    .await;
}

/// Who has a token hears of the stop, whichever driver polls it, and whether it waits by then or not.
#[test]
fn a_token_says_that_the_end_is_requested() {
    holds(|| {
        let (runtime, ended) = (runtime(), Count::default());
        runtime.start().unwrap();
        for _ in 0..2 {
            let ended = ended.clone();
            let payload = move || async move {
                let token = Shutdown::current();
                token.requested().await;
                ended.add();
            };
            runtime.adopt(Two, payload).unwrap();
        }
        let stopper = stop_aside(&runtime);
        runtime.wait().unwrap();
        stopper.join().unwrap();
        assert_eq!(ended.get(), 2);
    });
}
