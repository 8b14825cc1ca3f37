//! The end of a runtime to the moment: what is waited for and how long, who is named and who is not.
//! Rows A6, S1, S2, S3 and S5.

mod common;

use std::cell::RefCell;
use std::fmt;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    BoxError, Clock, Coroutine, FailureKind, Flavour, Identifier, Key, Latch, Rejected, Reporter,
    Runtime, Shutdown, Smol, StragglerReason, Subroutine, Thread, Tokio,
};

on_every_flavour!(s5_a_closure_that_panics_when_dropped_unrun_is_reported);
on_async_flavours!(
    s1_cancel_time_is_the_clocks,
    s3_a_holder_that_ended_in_time_is_not_named,
);
once!(
    a6_a_failure_that_is_being_told_is_waited_for,
    l5_a_thread_that_tells_its_failure_has_ended,
    s2_a_token_taken_after_the_grace_time_does_not_count,
    s2_a_subroutine_that_has_settled_is_not_waited_for,
    s2_a_subroutine_that_has_just_begun_has_time_to_take_its_token,
    s3_a_holder_that_only_tells_its_failure_has_not_overrun,
    s3_payloads_from_the_same_line_are_told_apart,
    a6_what_is_dropped_unrun_is_told_elsewhere,
);

/// A flavour that polls once, right where payloads are handed in, and takes its time to be joined.
#[derive(Clone, Default)]
struct SlowToJoin {
    cancelled: Event,
    joining: Event,
    may_end: Arc<Latch>,
}

impl PartialEq for SlowToJoin {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.may_end, &other.may_end)
    }
}

impl fmt::Debug for SlowToJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SlowToJoin")
    }
}

impl Key for SlowToJoin {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("slow_to_join")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for SlowToJoin {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let polled = pin!(payload).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {
        self.cancelled.happen();
    }

    fn join(&self, by: Instant) -> bool {
        self.joining.happen();
        self.may_end.wait(by)
    }
}

/// A subscriber's output that has to wait.
#[derive(Clone)]
struct SlowOutput {
    telling: Event,
    may_go_on: Event,
}

thread_local! {
    /// Where what this thread tells goes, if it matters.
    static OUTPUT: RefCell<Option<SlowOutput>> = const { RefCell::new(None) };
    /// Dropped at the end of the thread.
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

type AtEnd = OnDrop<Box<dyn FnMut()>>;

struct OutputOfThread;

impl io::Write for OutputOfThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(output) = OUTPUT.with_borrow(Clone::clone) {
            output.telling.happen();
            output.may_go_on.expect("the failure may be told");
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One subscriber for all, and before the first failure: what comes to be heard while others are told
/// may be missed.
fn subscribe() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt().with_writer(|| OutputOfThread);
        subscriber.init();
    });
}

/// A subroutine that fails when it may, and is long about telling that.
struct Failing {
    running: Event,
    may_fail: Event,
    output: SlowOutput,
    /// Its thread runs destructors, the last of which waits until it may end.
    leaves: Event,
    may_leave: Event,
}

impl Failing {
    fn adopt(runtime: &Runtime, holds: bool) -> Self {
        let this = Self {
            running: Event::new(),
            may_fail: Event::new(),
            output: SlowOutput {
                telling: Event::new(),
                may_go_on: Event::new(),
            },
            leaves: Event::new(),
            may_leave: Event::new(),
        };
        let (is_running, its_turn) = (this.running.clone(), this.may_fail.clone());
        let output = this.output.clone();
        let (leaves, may_leave) = (this.leaves.clone(), this.may_leave.clone());
        let at_end = move || {
            leaves.happen();
            block_until(&may_leave);
        };
        let code = move || {
            let _token = holds.then(Shutdown::current);
            OUTPUT.set(Some(output));
            AT_END.set(Some(OnDrop(Box::new(at_end))));
            is_running.happen();
            its_turn.expect("it is time to fail");
            Err::<(), _>("late")
        };
        runtime.adopt(Thread, code).unwrap();
        this.running.expect("the payload runs");
        this
    }

    fn fail(&self) {
        self.may_fail.happen();
        self.output.telling.expect("the failure is being told");
    }
}

fn a6_a_failure_that_is_being_told_is_waited_for() {
    subscribe();
    let runtime = builder().cancel_timeout(Duration::from_secs(60)).build();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, false);
    failing.may_leave.happen();
    runtime.shutdown();
    // The runner is past all waits but the last one when the payload comes to its end.
    flavour.joining.expect("the runner joins the flavours");
    failing.fail();
    let (ended, waiter) = wait_apart(runtime);
    flavour.may_end.open();
    let at_once = ended.happens_within(Duration::from_millis(100));
    failing.output.may_go_on.happen();
    assert!(!at_once, "the run waits for the failure");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
}

fn l5_a_thread_that_tells_its_failure_has_ended() {
    subscribe();
    let runtime = runtime();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    flavour.may_end.open();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, false);
    failing.fail();
    runtime.shutdown();
    flavour
        .joining
        .expect("nothing but the thread is waited for");
    assert!(!failing.leaves.has_happened(), "it still tells its failure");
    failing.output.may_go_on.happen();
    failing.leaves.expect("its thread comes to its end");
    let (ended, waiter) = wait_apart(runtime);
    let at_once = ended.happens_within(Duration::from_millis(100));
    failing.may_leave.happen();
    assert!(!at_once, "its thread is still there");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
    assert!(error.stragglers().is_empty(), "{error}");
}

fn s3_a_holder_that_only_tells_its_failure_has_not_overrun() {
    subscribe();
    let runtime = builder().grace(Duration::from_millis(10)).build();
    runtime.start().unwrap();
    let flavour = SlowToJoin::default();
    flavour.may_end.open();
    runtime.adopt(flavour.clone(), || async {}).unwrap();
    let failing = Failing::adopt(&runtime, true);
    failing.may_leave.happen();
    failing.fail();
    runtime.shutdown();
    flavour.cancelled.expect("the grace time is over");
    failing.output.may_go_on.happen();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].message(), "late");
    assert!(error.stragglers().is_empty(), "{error}");
}

fn s2_a_token_taken_after_the_grace_time_does_not_count() {
    for somebody_overruns in [false, true] {
        let runtime = builder()
            .grace(Duration::from_millis(if somebody_overruns {
                10
            } else {
                60_000
            }))
            .cancel_timeout(Duration::from_secs(60))
            .build();
        runtime.start().unwrap();
        let flavour = SlowToJoin::default();
        runtime.adopt(flavour.clone(), || async {}).unwrap();
        if somebody_overruns {
            let held = Event::new();
            let is_held = held.clone();
            let overruns = move || async move {
                let _token = Shutdown::current();
                is_held.happen();
                pending::<()>().await;
            };
            runtime.adopt(Smol, overruns).unwrap();
            held.expect("the payload holds a token");
        }
        let (running, too_late, taken) = (Event::new(), Event::new(), Event::new());
        let go = Event::new();
        let (is_running, its_turn) = (running.clone(), too_late.clone());
        let (has_taken, its_go) = (taken.clone(), go.clone());
        runtime
            .named("late")
            .adopt(Thread, move || {
                is_running.happen();
                its_turn.expect("the grace time is over");
                let token = Shutdown::current();
                assert!(token.is_requested());
                has_taken.happen();
                block_until(&its_go);
            })
            .unwrap();
        running.expect("the payload runs");
        runtime.shutdown();
        flavour.joining.expect("the runner joins the flavours");
        too_late.happen();
        taken.expect("the payload has its token");
        flavour.may_end.open();
        assert_eq!(runtime.wait().is_err(), somebody_overruns);
        let left = runtime.left_behind();
        go.happen();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].payload(), Some("late"));
    }
}

fn s2_a_subroutine_that_has_settled_is_not_waited_for() {
    let runtime = builder().grace(Duration::from_secs(60)).build();
    runtime.start().unwrap();
    let (running, go) = (Event::new(), Event::new());
    let (is_running, its_go) = (running.clone(), go.clone());
    runtime
        .adopt(Thread, move || {
            // By now it would have taken a token.
            thread::sleep(Duration::from_millis(50));
            is_running.happen();
            block_until(&its_go);
        })
        .unwrap();
    running.expect("the subroutine runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    go.happen();
    assert!(start.elapsed() < SOON, "it is not waited for");
    assert_eq!(runtime.left_behind().len(), 1);
}

fn s2_a_subroutine_that_has_just_begun_has_time_to_take_its_token() {
    // The settling time is real time, of which a loaded machine may leave nothing: once will do.
    let was_waited_for = (0..50).any(|_| {
        let runtime = builder().grace(Duration::from_secs(60)).build();
        runtime.start().unwrap();
        let (running, go) = (Event::new(), Event::new());
        let (is_running, its_go) = (running.clone(), go.clone());
        runtime
            .adopt(Thread, move || {
                is_running.happen();
                block_until(&its_go);
                assert!(Shutdown::current().is_requested());
            })
            .unwrap();
        running.expect("the subroutine runs");
        runtime.shutdown();
        thread::sleep(Duration::from_millis(5));
        go.happen();
        runtime.wait().unwrap();
        runtime.left_behind().is_empty()
    });
    assert!(was_waited_for);
}

fn s1_cancel_time_is_the_clocks<F: AsyncFlavour>(flavour: F) {
    let clock = Clock::manual();
    let hour = Duration::from_secs(3_600);
    let runtime = builder().clock(clock.clone()).cancel_timeout(hour).build();
    runtime.start().unwrap();
    let slow = SlowToJoin::default();
    slow.may_end.open();
    runtime.adopt(slow.clone(), || async {}).unwrap();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .adopt(flavour, move || async move {
            // Its first poll is over when it blocks its thread.
            futures_lite::future::yield_now().await;
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour's thread is blocked");
    runtime.shutdown();
    slow.cancelled.expect("the cancel time has begun");
    let waiter = thread::spawn(move || runtime.wait());
    let joined = slow.joining.happens_within(Duration::from_millis(100));
    assert!(
        !joined,
        "a join is no matter of the clock, so it comes last"
    );
    clock.advance(hour);
    slow.joining.expect("the cancel time is over");
    let error = waiter.join().unwrap().unwrap_err();
    go.happen();
    let blocking = StragglerReason::Blocking { others: 0 };
    assert_eq!(error.stragglers()[0].reason(), blocking);
}

fn s5_a_closure_that_panics_when_dropped_unrun_is_reported<F: AnyFlavour>(flavour: F) {
    subscribe();
    let runtime = runtime();
    let loud = OnDrop(|| panic!("dropped unrun"));
    flavour.adopt(&runtime, move || drop(loud)).unwrap();
    runtime.shutdown();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.kind(), FailureKind::Panic);
    assert_eq!(failure.message(), "dropped unrun");
}

fn s3_a_holder_that_ended_in_time_is_not_named<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_millis(50)).build();
    runtime.start().unwrap();
    let (held, ended, go) = (Event::new(), Event::new(), Event::new());
    let (is_held, has_ended) = (held.clone(), ended.clone());
    runtime
        .named("quick")
        .adopt(flavour, move || async move {
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            has_ended.happen();
        })
        .unwrap();
    held.expect("the first payload holds a token");
    runtime.named("idle").adopt(flavour, pending::<()>).unwrap();
    let (held, its_go) = (Event::new(), go.clone());
    let is_held = held.clone();
    runtime
        .named("slow")
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the second payload holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    ended.expect("the first payload was asked");
    let named: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
    assert_eq!(named, [Some("slow")], "{error}");
    assert!(error.left_behind().is_empty(), "it was asked: {error}");
}

fn s3_payloads_from_the_same_line_are_told_apart() {
    let short = Duration::from_millis(50);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    let (blocked, held, go) = (Event::new(), Event::new(), Event::new());
    for blocks in [true, false] {
        let (is_blocked, is_held, its_go) = (blocked.clone(), held.clone(), go.clone());
        let payload = move || async move {
            let _token = Shutdown::current();
            if blocks {
                is_blocked.happen();
                block_until(&its_go);
            }
            is_held.happen();
            pending::<()>().await;
        };
        let adopt = |flavour: &str| match flavour {
            "smol" => runtime.named("worker").adopt(Smol, payload),
            _ => runtime.named("worker").adopt(Tokio, payload),
        };
        adopt(if blocks { "smol" } else { "tokio" }).unwrap();
    }
    blocked.expect("the one blocks its thread");
    held.expect("the other holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    let mut named: Vec<_> = error
        .stragglers()
        .iter()
        .map(|one| (one.flavour(), one.reason()))
        .collect();
    named.sort_by_key(|(flavour, _)| *flavour);
    let blocking = StragglerReason::Blocking { others: 0 };
    let expected = [("smol", blocking), ("tokio", StragglerReason::Overran)];
    assert_eq!(named, expected, "{error}");
}

/// Drops its payloads unrun, where they are handed in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Drops;

impl Key for Drops {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("drops")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(*self))
    }
}

impl Flavour for Drops {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        drop(payload);
        Ok(())
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        self.spawn(payload)
    }

    fn cancel(&self) {}

    fn join(&self, _: Instant) -> bool {
        true
    }
}

/// Only a subroutine that has run has a thread that may hang in a subscriber.
fn a6_what_is_dropped_unrun_is_told_elsewhere() {
    subscribe();
    let output = SlowOutput {
        telling: Event::new(),
        may_go_on: Event::new(),
    };
    output.may_go_on.happen();
    OUTPUT.set(Some(output.clone()));
    let runtime = builder().build();
    runtime.start().unwrap();
    runtime.adopt(Drops, || ()).unwrap();
    let error = runtime.wait().unwrap_err();
    OUTPUT.set(None);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert!(!output.telling.has_happened(), "the adopter tells nothing");
}
