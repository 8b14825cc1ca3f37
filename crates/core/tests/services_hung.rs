//! Services on flavours that panic or never return, and code of the user's that hangs.
// Threads wait for each other in loops, in which Miri is slow; there is no `unsafe` in services.
#![cfg(not(miri))]

mod kit;
mod open;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Coroutine, FailureKind, Flavour, Identifier, Key, Latch, Manual, Rejected, Reporter,
    Restart, Runtime, Shutdown, Signals, UnitState, service,
};

use kit::*;
use open::{Open, poll};

/// A flavour that is not always well: it panics, or never returns, when a payload is handed over.
#[derive(Clone, Default)]
struct Ill {
    open: Open,
    panics: Arc<Latch>,
    hangs: Arc<Latch>,
    is_hanging: Arc<Latch>,
    go: Arc<Latch>,
}

impl PartialEq for Ill {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

impl fmt::Debug for Ill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ill")
    }
}

impl Key for Ill {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("ill")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Ill {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        assert!(!self.panics.wait(Instant::now()), "it is ill");
        if self.hangs.wait(Instant::now()) {
            self.is_hanging.open();
            assert!(self.go.wait(Instant::now() + SOON));
        }
        self.open.spawn(payload)
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.open.block_on(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

/// One whose flavour has been started.
fn ill(runtime: &Runtime) -> Ill {
    let ill = Ill::default();
    runtime.adopt(ill.clone(), || async {}).unwrap();
    assert!(poll(&mut ill.open.take()).is_ready());
    ill
}

/// A runtime that gives nobody much time.
fn hasty() -> Runtime {
    const MOMENT: Duration = Duration::from_millis(50);
    let builder = Runtime::builder().signals(Signals::Leave).quiet();
    let runtime = builder.grace(MOMENT).cancel_timeout(MOMENT).build();
    runtime.start().unwrap();
    runtime
}

#[test]
fn f2_a_flavour_that_panics_at_a_launch_is_a_failure_of_the_service() {
    let runtime = quiet();
    let ill = ill(&runtime);
    ill.panics.open();
    let unit = runtime.serve(service(ill, pending::<()>)).unwrap();
    let error = runtime.wait().unwrap_err();
    let failures = error.failures();
    let told = failures.iter().find(|failure| {
        failure.payload() == unit.name() && failure.message().contains("its flavour panicked")
    });
    assert_eq!(told.map(|failure| failure.kind()), Some(FailureKind::Lost));
    assert_eq!(unit.state(), UnitState::Failed);
}

/// The thread that hands payloads over hangs in a flavour until the end: what waits for its turn never begins, and
/// is dropped nevertheless.
#[test]
fn v3_what_was_never_handed_over_is_dropped_with_the_runtime() {
    within_a_minute(|| {
        let runtime = hasty();
        let (ill, flavour) = (ill(&runtime), Manual::new());
        up(&runtime, &flavour);
        let (never, stopped) = (Arc::<Latch>::default(), Arc::<Latch>::default());
        // The value of this one waits for its next run.
        let on_drop = Opens(Arc::clone(&stopped));
        let fails = move || {
            let _ = &on_drop;
            async { Err::<(), _>("at once") }
        };
        let delayed = runtime.unit();
        let delayed = delayed.restart(Restart::on_failure().delay(Duration::MAX));
        let delayed = delayed.serve(service(flavour.clone(), fails)).unwrap();
        assert!(flavour.step());
        assert_eq!(delayed.state(), UnitState::Delayed);
        ill.hangs.open();
        let server = {
            let (runtime, ill) = (runtime.clone(), ill.clone());
            thread::spawn(move || runtime.serve(service(ill, pending::<()>)).unwrap())
        };
        assert!(ill.is_hanging.wait(Instant::now() + SOON));
        // It is to be dropped on its flavour.
        delayed.stop();
        let on_drop = Opens(Arc::clone(&never));
        let run = move || {
            let _ = &on_drop;
            pending::<()>()
        };
        let unit = runtime.serve(service(flavour.clone(), run)).unwrap();
        assert_eq!(unit.state(), UnitState::Starting);
        runtime.shutdown();
        let _told = runtime.wait();
        assert_eq!(unit.state(), UnitState::Ended);
        assert_eq!(flavour.waiting(), 0);
        for dropped in [never, stopped] {
            assert!(dropped.wait(Instant::now() + SOON));
        }
        ill.go.open();
        server.join().unwrap();
    });
}

/// Opens a latch when it is dropped.
struct Opens(Arc<Latch>);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// The supervisor's own thread hangs in a flavour, which is to be told.
#[test]
fn s3_a_flavour_that_holds_the_supervisor_up_is_told() {
    within_a_minute(|| {
        let runtime = hasty();
        let ill = ill(&runtime);
        let restart = Restart::on_failure().jitter(0.0).delay(SECOND / 20);
        let unit = runtime.unit().restart(restart);
        let fails = || async { Err::<(), _>("at once") };
        let unit = unit.serve(service(ill.clone(), fails)).unwrap();
        let mut first = ill.open.take();
        ill.hangs.open();
        assert!(poll(&mut first).is_ready());
        // Its next start falls due, which the supervisor's thread sees to.
        assert!(ill.is_hanging.wait(Instant::now() + SOON));
        assert_eq!(unit.state(), UnitState::Starting);
        runtime.shutdown();
        let error = runtime.wait().unwrap_err();
        let named = error.stragglers().iter();
        let named: Vec<_> = named.map(foster_core::Straggler::flavour).collect();
        assert!(named.contains(&"foster::supervisor"), "{error}");
        ill.go.open();
    });
}

/// What waits for its token as it is dropped is asked when the grace time is over.
#[test]
fn s1_a_destructor_that_waits_for_its_token_goes_on_after_the_grace_time() {
    #[derive(Default)]
    struct Seen {
        token: Mutex<Option<Shutdown>>,
        is_dropped: Latch,
        is_asked: Latch,
    }
    struct Waits(Arc<Seen>);
    impl Drop for Waits {
        fn drop(&mut self) {
            let token = self.0.token.lock().unwrap().take();
            let token = token.expect("a run took one");
            self.0.is_dropped.open();
            expect("it is asked", || token.is_requested());
            self.0.is_asked.open();
        }
    }
    within_a_minute(|| {
        let runtime = hasty();
        let flavour = Open::default();
        runtime.adopt(flavour.clone(), || async {}).unwrap();
        assert!(poll(&mut flavour.take()).is_ready());
        let seen = Arc::<Seen>::default();
        let value = Waits(Arc::clone(&seen));
        let run = move || {
            *value.0.token.lock().unwrap() = Some(Shutdown::current());
            async {}
        };
        runtime.serve(service(flavour.clone(), run)).unwrap();
        let stops = Arc::clone(&seen);
        let stopper = thread::spawn(move || {
            assert!(stops.is_dropped.wait(Instant::now() + SOON));
            runtime.shutdown();
            // It may be told that it took its time.
            let _told = runtime.wait();
        });
        assert!(poll(&mut flavour.take()).is_ready());
        stopper.join().unwrap();
        assert!(seen.is_asked.wait(Instant::now()));
    });
}

/// A waker, and an error, that hang where they are woken or dropped until they may go on.
#[derive(Debug, Default)]
struct Hangs {
    is_hanging: Latch,
    go: Latch,
}

impl Hangs {
    fn hang(&self) {
        self.is_hanging.open();
        // For longer than any test waits for what must not be held up by it.
        assert!(self.go.wait(Instant::now() + 2 * SOON));
    }
}

impl Wake for Hangs {
    fn wake(self: Arc<Self>) {
        self.hang();
    }
}

/// What hangs is reached by the supervisor's thread alone, which goes on to the next that falls due.
fn goes_on_although(hangs: &Hangs, runtime: &Runtime, flavour: &Manual) {
    step_until(flavour, "it hangs", || {
        hangs.is_hanging.wait(Instant::now())
    });
    let late = runtime.unit().notifies_ready().start_timeout(SECOND / 50);
    let late = late.restart(Restart::on_failure().delay(Duration::MAX));
    let late = late.serve(service(flavour.clone(), pending::<()>)).unwrap();
    step_until(flavour, "it is late", || late.state() == UnitState::Delayed);
    hangs.go.open();
}

#[test]
fn a6_a_waker_that_hangs_does_not_hold_the_supervisor_up() {
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        up(&runtime, &flavour);
        let fails = || async { Err::<(), _>("at once") };
        let restart = Restart::on_failure().jitter(0.0).delay(SECOND / 20);
        let unit = runtime.unit().restart(restart);
        let unit = unit.serve(service(flavour.clone(), fails)).unwrap();
        assert!(flavour.step());
        assert_eq!(unit.state(), UnitState::Delayed);
        let hangs = Arc::<Hangs>::default();
        let mut stopped = Box::pin(unit.stopped());
        let waker = Arc::clone(&hangs).into();
        let polled = stopped.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // Its start falls due, and is a change of its state.
        goes_on_although(&hangs, &runtime, &flavour);
        unit.stop();
        end(runtime, &flavour);
    });
}

#[test]
fn a6_an_error_that_hangs_as_it_is_dropped_does_not_hold_the_supervisor_up() {
    #[derive(Debug)]
    struct DropHangs(Arc<Hangs>);
    impl Drop for DropHangs {
        fn drop(&mut self) {
            self.0.hang();
        }
    }
    impl fmt::Display for DropHangs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("it hangs")
        }
    }
    impl Error for DropHangs {}
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        up(&runtime, &flavour);
        let hangs = Arc::<Hangs>::default();
        let first = Mutex::new(Some(DropHangs(Arc::clone(&hangs))));
        let run = move || {
            let error = first.lock().unwrap().take();
            async move {
                match error {
                    Some(error) => Err::<(), _>(error),
                    None => pending().await,
                }
            }
        };
        // The second run is never ready: that failure takes the place of the first one.
        let restart = Restart::on_failure().jitter(0.0).delay(SECOND / 20);
        let unit = runtime.unit().restart(restart).notifies_ready();
        let unit = unit.start_timeout(SECOND / 20);
        let unit = unit.serve(service(flavour.clone(), run)).unwrap();
        goes_on_although(&hangs, &runtime, &flavour);
        unit.stop();
        step_until(&flavour, "it is over", || unit.state().is_over());
        end(runtime, &flavour);
    });
}

/// A flavour whose start leaves something with its thread that takes its time to go.
#[derive(Clone, Default)]
struct Leaves {
    queue: Open,
    is_gone: Arc<Latch>,
}

impl PartialEq for Leaves {
    fn eq(&self, other: &Self) -> bool {
        self.queue == other.queue
    }
}

impl fmt::Debug for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leaves")
    }
}

struct Lasts(Arc<Latch>);

impl Drop for Lasts {
    fn drop(&mut self) {
        thread::sleep(SECOND / 5);
        self.0.open();
    }
}

thread_local! {
    static LEFT: RefCell<Option<Lasts>> = const { RefCell::new(None) };
}

impl Key for Leaves {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("leaves")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        LEFT.set(Some(Lasts(Arc::clone(&self.is_gone))));
        self.queue.start(reporter)
    }
}

#[test]
fn l6_the_thread_that_started_a_flavour_has_ended_when_the_runtime_has() {
    let (runtime, flavour) = (quiet(), Leaves::default());
    let unit = runtime
        .serve(service(flavour.clone(), || async {}))
        .unwrap();
    let handed_over = || !flavour.queue.payloads.lock().unwrap().is_empty();
    expect("it is handed over", handed_over);
    assert!(poll(&mut flavour.queue.take()).is_ready());
    expect("it is over", || unit.state().is_over());
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(flavour.is_gone.wait(Instant::now()));
}
