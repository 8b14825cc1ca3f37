//! Services on flavours that take their time, and a clock that the test moves meanwhile.
// Threads wait for each other in loops, in which Miri is slow; there is no `unsafe` in services.
#![cfg(not(miri))]

mod kit;
mod open;

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Coroutine, Flavour, Identifier, Key, Latch, Manual, Ready, Rejected, Reporter,
    Restart, Shutdown, Unit, UnitState, service,
};

use kit::*;
use open::{Open, poll, started};

/// A flavour that does not start, and takes its time for it.
#[derive(Clone)]
struct Down {
    go: Arc<Latch>,
    is_starting: Arc<Latch>,
    error: Arc<Mutex<Option<Looks>>>,
}

impl PartialEq for Down {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.go, &other.go)
    }
}

impl fmt::Debug for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Down")
    }
}

impl Key for Down {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("down")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.is_starting.open();
        assert!(self.go.wait(Instant::now() + SOON));
        let error = self.error.lock().unwrap().take();
        Err(error.expect("it is started once").into())
    }
}

/// A flavour could not be started, and the service that it was for has been stopped.
#[test]
fn v12_an_error_that_is_nobodys_is_dropped_where_nothing_is_locked() {
    within_a_minute(|| {
        let runtime = quiet();
        let dropped = Arc::new(AtomicUsize::new(0));
        let error = Looks {
            runtime: runtime.clone(),
            dropped: Arc::clone(&dropped),
        };
        let down = Down {
            go: Arc::default(),
            is_starting: Arc::default(),
            error: Arc::new(Mutex::new(Some(error))),
        };
        let unit = runtime.serve(service(down.clone(), pending::<()>)).unwrap();
        assert!(down.is_starting.wait(Instant::now() + SOON));
        unit.stop();
        assert_eq!(unit.state(), UnitState::Ended);
        down.go.open();
        expect("the error is dropped", || dropped.load(SeqCst) == 1);
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// Far more of them than whoever says so hands over by itself. Nothing else happens that would have the rest done.
#[test]
fn v9_however_many_wait_for_one_all_are_handed_over() {
    const MANY: usize = 300;
    let (runtime, first, others) = (started(), Manual::new(), Open::default());
    up(&runtime, &first);
    runtime.adopt(others.clone(), || async {}).unwrap();
    assert!(poll(&mut others.take()).is_ready());
    let says = || async {
        Ready::current().notify();
        pending::<()>().await;
    };
    let unit = runtime.unit().notifies_ready();
    let awaited = unit.serve(service(first.clone(), says)).unwrap();
    let waits = |_| {
        let unit = runtime.unit().after(&awaited);
        unit.serve(service(others.clone(), pending::<()>)).unwrap()
    };
    let units: Vec<_> = (0..MANY).map(waits).collect();
    let handed_over = || others.payloads.lock().unwrap().len();
    assert_eq!(handed_over(), 0);
    assert!(first.step());
    expect("all are handed over", || handed_over() == MANY);
    let mut payloads: Vec<_> = (0..MANY).map(|_| others.take()).collect();
    for payload in &mut payloads {
        assert!(poll(payload).is_pending());
    }
    let is_running = |unit: &Unit| unit.state() == UnitState::Running;
    assert!(units.iter().all(is_running));
    runtime.shutdown();
    let waiter = thread::spawn(move || runtime.wait());
    expect("the runtime is over", || {
        first.step();
        payloads.retain_mut(|payload| poll(payload).is_pending());
        waiter.is_finished()
    });
    waiter.join().unwrap().unwrap();
}

/// A flavour that takes its time when a payload is handed over, if it is to.
#[derive(Clone)]
struct Slow {
    queue: Manual,
    is_slow: Arc<Latch>,
    is_entered: Arc<Latch>,
    inner: Arc<Mutex<Option<Arc<dyn Flavour<Payload = Coroutine>>>>>,
}

impl Slow {
    fn new() -> Self {
        Self {
            queue: Manual::new(),
            is_slow: Arc::default(),
            is_entered: Arc::default(),
            inner: Arc::default(),
        }
    }

    fn inner(&self) -> Arc<dyn Flavour<Payload = Coroutine>> {
        self.inner.lock().unwrap().clone().expect("it was started")
    }
}

impl PartialEq for Slow {
    fn eq(&self, other: &Self) -> bool {
        self.queue == other.queue
    }
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slow")
    }
}

impl Key for Slow {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("slow")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        *self.inner.lock().unwrap() = Some(self.queue.start(reporter)?);
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Slow {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        if self.is_slow.wait(Instant::now()) {
            self.is_entered.open();
            // Much less than a clock that is moved waits.
            thread::sleep(SECOND / 4);
        }
        self.inner().spawn(payload)
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.inner().block_on(payload)
    }

    fn cancel(&self) {
        self.inner().cancel();
    }

    fn join(&self, deadline: Instant) -> bool {
        self.inner().join(deadline)
    }
}

/// Another thread is about to hand a payload over, and what falls due has its turn after that.
#[test]
fn v15_the_clock_waits_for_what_falls_due_whoever_does_it() {
    within_a_minute(|| {
        let (clock, runtime) = manual();
        let (slow, flavour) = (Slow::new(), Manual::new());
        up(&runtime, &flavour);
        runtime.adopt(slow.clone(), || async {}).unwrap();
        assert!(slow.queue.step());
        // This one overruns its stop time.
        let dropped = Arc::new(AtomicUsize::new(0));
        let drops = Arc::clone(&dropped);
        let overruns = move || {
            let on_drop = open::awkward(Arc::clone(&drops));
            async move {
                let token = Shutdown::current();
                let _pinned = std::pin::pin!(on_drop);
                token.requested().await;
                pending::<()>().await;
            }
        };
        let unit = runtime.unit().stop_time(SECOND);
        let unit = unit.serve(service(flavour.clone(), overruns)).unwrap();
        step_until(&flavour, "it runs", || unit.state() == UnitState::Running);
        unit.stop();
        flavour.step();
        // The value of this one is handed to its flavour, to be dropped there.
        let fails = || async { Err::<(), _>("at once") };
        let other = runtime.unit().restart(Restart::on_failure());
        let other = other.serve(service(slow.clone(), fails)).unwrap();
        step_until(&slow.queue, "it waits for its next start", || {
            other.state() == UnitState::Delayed
        });
        slow.is_slow.open();
        let stopper = thread::spawn(move || other.stop());
        assert!(slow.is_entered.wait(Instant::now() + SOON));
        assert_eq!(dropped.load(SeqCst), 0);
        clock.advance(SECOND);
        flavour.step();
        assert_eq!(dropped.load(SeqCst), 1, "it was cut short");
        stopper.join().unwrap();
        runtime.shutdown();
        let waiter = thread::spawn(move || runtime.wait());
        expect("the runtime is over", || {
            flavour.step();
            slow.queue.step();
            waiter.is_finished()
        });
        waiter.join().unwrap().unwrap();
    });
}

/// A waker that takes its time once it is slow.
#[derive(Default)]
struct SlowWaker {
    is_slow: Latch,
    is_entered: Latch,
    is_done: Latch,
}

impl Wake for SlowWaker {
    fn wake(self: Arc<Self>) {
        if self.is_slow.wait(Instant::now()) {
            self.is_entered.open();
            // Much less than a clock that is moved waits.
            thread::sleep(SECOND / 4);
            self.is_done.open();
        }
    }
}

/// Another thread moves the clock, and is about to do what has fallen due: nothing is left that waits for its turn.
#[test]
fn v15_the_clock_waits_for_what_another_thread_is_about() {
    within_a_minute(|| {
        let (clock, runtime) = manual();
        let flavour = Open::default();
        runtime.adopt(flavour.clone(), || async {}).unwrap();
        assert!(poll(&mut flavour.take()).is_ready());
        let overruns = || async {
            Shutdown::current().requested().await;
            pending::<()>().await;
        };
        let unit = runtime.unit().stop_time(SECOND);
        let unit = unit.serve(service(flavour.clone(), overruns)).unwrap();
        let mut payload = flavour.take();
        let waker = Arc::<SlowWaker>::default();
        let mut poll = || {
            let waker = Arc::clone(&waker).into();
            Pin::new(&mut payload).poll(&mut Context::from_waker(&waker))
        };
        assert!(poll().is_pending());
        unit.stop();
        assert!(poll().is_pending());
        waker.is_slow.open();
        let mover = {
            let clock = clock.clone();
            thread::spawn(move || clock.advance(SECOND))
        };
        assert!(waker.is_entered.wait(Instant::now() + SOON));
        clock.advance(Duration::ZERO);
        assert!(waker.is_done.wait(Instant::now()), "it has been cut short");
        mover.join().unwrap();
        assert!(poll().is_ready());
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}
