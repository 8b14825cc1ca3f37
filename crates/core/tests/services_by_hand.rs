//! Services on flavours that poll nothing by themselves, or that block where they are called: what the supervisor
//! owes them, and what it owes code of the user's.

mod open;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{
    BoxError, Clock, Coroutine, FailureKind, Flavour, Identifier, Key, Latch, Manual, Ready,
    Rejected, Reporter, Restart, Runtime, ServeErrorKind, Shutdown, Signals, Unit, UnitState,
    service,
};

use open::{Open, poll, started};

const SOON: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);

/// Runs `test` on a thread of its own, and fails if that hangs.
fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        test();
        let _ = sender.send(());
    });
    let over = receiver.recv_timeout(3 * SOON);
    assert!(over.is_ok() || thread.is_finished(), "the test hangs");
    thread.join().unwrap();
}

/// Waits until `is_it`, and fails the test if it does not come soon.
#[track_caller]
fn expect(what: &str, mut is_it: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_it() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        thread::yield_now();
    }
}

/// Steps `flavour` until `is_it`.
#[track_caller]
fn step_until(flavour: &Manual, what: &str, mut is_it: impl FnMut() -> bool) {
    expect(what, || {
        flavour.step();
        is_it()
    });
}

/// A runtime whose clock the test moves.
fn manual() -> (Clock, Runtime) {
    let clock = Clock::manual();
    let builder = Runtime::builder().signals(Signals::Leave).quiet();
    let runtime = builder.clock(clock.clone()).build();
    runtime.start().unwrap();
    (clock, runtime)
}

/// Starts `flavour`, so that services wait for nothing.
fn up(runtime: &Runtime, flavour: &Manual) {
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    assert!(flavour.step());
}

/// Stops the runtime, and steps `flavour` until it is over.
fn end(runtime: Runtime, flavour: &Manual) {
    runtime.shutdown();
    let waiter = thread::spawn(move || runtime.wait());
    step_until(flavour, "the runtime is over", || waiter.is_finished());
    waiter.join().unwrap().unwrap();
}

/// An error that looks at services when it is dropped, which is no good under their lock.
struct Looks {
    runtime: Runtime,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Looks {
    fn drop(&mut self) {
        drop(self.runtime.unit_changes(1));
        self.dropped.fetch_add(1, SeqCst);
    }
}

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looks")
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it looks at services")
    }
}

impl Error for Looks {}

/// Hands in a service that fails over and over, and returns when its first errors have been dropped.
fn fails_over_and_over(runtime: &Runtime, flavour: &Manual) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (inside, drops) = (runtime.clone(), Arc::clone(&dropped));
    let run = move || {
        let (runtime, dropped) = (inside.clone(), Arc::clone(&drops));
        async move { Err::<(), _>(Looks { runtime, dropped }) }
    };
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = runtime.unit().restart(restart);
    let unit = unit.serve(service(flavour.clone(), run)).unwrap();
    step_until(flavour, "old errors are dropped", || {
        dropped.load(SeqCst) >= 20
    });
    unit.stop();
    step_until(flavour, "it is over", || unit.state().is_over());
}

/// Each failure of a service takes the place of the one before.
#[test]
fn a6_an_old_error_is_dropped_where_nothing_is_locked() {
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        up(&runtime, &flavour);
        fails_over_and_over(&runtime, &flavour);
        end(runtime, &flavour);
    });
}

/// The last that holds an error is the change that a slow reader did not take out.
#[test]
fn v4_a_change_that_makes_room_is_dropped_where_nothing_is_locked() {
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        up(&runtime, &flavour);
        let changes = runtime.unit_changes(1);
        fails_over_and_over(&runtime, &flavour);
        assert!(changes.missed() > 20);
        end(runtime, &flavour);
    });
}

fn quiet() -> Runtime {
    let builder = Runtime::builder().signals(Signals::Leave).quiet();
    let runtime = builder.build();
    runtime.start().unwrap();
    runtime
}

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
#[cfg_attr(miri, ignore = "slow there, and nothing in it is unsafe")]
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
    let is_running = |unit: &Unit<_>| unit.state() == UnitState::Running;
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

#[test]
fn v9_whoever_comes_after_one_twice_is_named_once() {
    let (clock, runtime) = manual();
    let flavour = Manual::new();
    up(&runtime, &flavour);
    let first = runtime.unit().name("first").notifies_ready();
    let first = first.start_timeout(SECOND);
    let first = first.serve(service(flavour.clone(), pending::<()>));
    let first = first.unwrap();
    assert!(flavour.step());
    let second = runtime.unit().name("second").after(&first).after("first");
    second
        .serve(service(flavour.clone(), pending::<()>))
        .unwrap();
    clock.advance(SECOND);
    let waiter = thread::spawn(move || runtime.wait());
    step_until(&flavour, "the runtime is over", || waiter.is_finished());
    let error = waiter.join().unwrap().unwrap_err();
    let text = error.failures()[0].message();
    assert!(text.contains("; `second` waits for it"), "{text}");
}

#[test]
fn v9_one_that_is_over_without_having_been_ready_cannot_be_waited_for() {
    let (runtime, flavour) = (quiet(), Manual::new());
    up(&runtime, &flavour);
    let run = || pending::<()>();
    let never = runtime.unit().name("never").notifies_ready();
    let never = never.serve(service(flavour.clone(), run)).unwrap();
    never.stop();
    step_until(&flavour, "it is over", || never.state().is_over());
    for other in [foster_core::Dependency::from(&never), "never".into()] {
        let after = runtime.unit().after(other);
        let refused = after.serve(service(flavour.clone(), run)).unwrap_err();
        assert_eq!(refused.kind(), ServeErrorKind::Order);
    }
    end(runtime, &flavour);
}

#[test]
fn v6_a_delay_for_ever_has_no_end_to_show() {
    let (runtime, flavour) = (quiet(), Manual::new());
    up(&runtime, &flavour);
    let fails = || async { Err::<(), _>("at once") };
    let restart = Restart::on_failure().delay(Duration::MAX);
    let unit = runtime.unit().restart(restart);
    let unit = unit.serve(service(flavour.clone(), fails)).unwrap();
    assert!(flavour.step());
    assert_eq!(unit.state(), UnitState::Delayed);
    assert_eq!(unit.status().next_restart(), None);
    end(runtime, &flavour);
}

#[test]
fn v4_who_looks_on_without_room_sees_the_last_change() {
    let (runtime, flavour) = (quiet(), Manual::new());
    up(&runtime, &flavour);
    let mut changes = runtime.unit_changes(0);
    let unit = runtime.serve(service(flavour.clone(), pending::<()>));
    let unit = unit.unwrap();
    assert!(flavour.step());
    let change = changes.try_recv().expect("there is room for one");
    assert_eq!(
        (change.name(), change.state()),
        (unit.name(), UnitState::Running)
    );
    assert_eq!(changes.missed(), 1);
    end(runtime, &flavour);
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
