//! Ending one service at once, without its stop time. Rows V2 and V3.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::endings::{FAILS, getting_ready};
use common::services::*;
use common::*;
use foster::{FailureKind, Restart, Runtime, Shutdown, Smol, StragglerReason, Thread, UnitState};

on_every_flavour!(
    v3_a_cancel_ends_one_unit_at_once_although_it_holds_a_token,
    v3_a_cancel_cuts_the_time_of_a_stop_or_a_restart_short,
    v3_one_that_waits_or_is_delayed_is_over_when_it_is_cancelled,
    v3_before_the_start_a_cancel_is_as_a_stop,
    v3_one_that_is_cancelled_as_it_begins_comes_to_its_end,
    v3_during_the_stop_a_cancel_cuts_one_unit_short,
    v3_a_thread_that_goes_on_after_a_cancel_is_told_apart,
    v2_an_error_after_a_cancel_is_the_units_alone,
    v2_a_panic_after_a_cancel_ends_the_runtime,
);
on_async_flavours!(
    v3_one_that_has_not_begun_is_dropped_unrun,
    v3_one_that_blocks_as_it_is_cancelled_holds_others_up_for_its_time,
);

const GRACE: Duration = Duration::from_secs(10);

/// A thread cannot be dropped: what is cancelled on one goes on until it ends by itself.
fn is_thread<F: Host>() -> bool {
    F::NAME == <Thread as AnyFlavour>::NAME
}

/// It is over without being told, or a thread that has heard of it, which is told now.
#[track_caller]
fn ends_at_once<F: Host>(part: &Part) {
    if is_thread::<F>() {
        part.asked.expect("its token says so");
        assert_eq!(part.unit.state(), UnitState::Stopping);
        assert!(!part.over.has_happened());
        part.tell();
    }
    part.over.expect("it is dropped");
    assert!(part.unit.wait_stopped(SOON));
    assert_eq!(part.unit.state(), UnitState::Ended);
    assert!(part.unit.last_failure().is_none());
    assert_eq!(part.unit.restarts(), 0);
}

fn v3_a_cancel_ends_one_unit_at_once_although_it_holds_a_token<F: Host>(flavour: F) {
    for stop_time in [None, Some(SECOND), Some(Duration::MAX)] {
        let stage = Stage::new(GRACE);
        let base = stage.part(flavour, "base", &[], None, End::AtOnce);
        let middle = stage.part(flavour, "middle", &["base"], stop_time, End::WhenTold);
        let front = stage.part(flavour, "front", &["middle"], None, End::AtOnce);
        middle.unit.cancel();
        ends_at_once::<F>(&middle);
        // Nothing follows, however often it is asked for.
        middle.unit.cancel();
        middle.unit.restart();
        assert_eq!(middle.unit.state(), UnitState::Ended);
        for other in [base, front] {
            assert_eq!(other.unit.state(), UnitState::Running);
            assert!(!other.asked.has_happened());
        }
        stage.runtime.shutdown();
        stage.finish().unwrap();
    }
}

fn v3_a_cancel_cuts_the_time_of_a_stop_or_a_restart_short<F: Host>(flavour: F) {
    for restarts in [false, true] {
        let stage = Stage::new(GRACE);
        let part = stage.part(flavour, "one", &[], Some(Duration::MAX), End::WhenTold);
        match restarts {
            true => part.unit.restart(),
            false => part.unit.stop(),
        }
        part.asked.expect("it is asked");
        assert!(!part.over.has_happened(), "it has its time");
        part.unit.cancel();
        ends_at_once::<F>(&part);
        stage.runtime.shutdown();
        stage.finish().unwrap();
    }
}

fn v3_one_that_waits_or_is_delayed_is_over_when_it_is_cancelled<F: Host>(flavour: F) {
    let (_clock, runtime) = manual();
    let (first, begun, _go) = getting_ready(flavour, runtime.unit().name("first"));
    begun.expect("it runs, and is not ready");
    let waits = runtime.unit().name("waits").after("first");
    let waits = flavour
        .serve(waits, || async { unreachable!("its turn never comes") })
        .unwrap();
    assert_eq!(waits.state(), UnitState::Waiting);
    waits.cancel();
    assert_eq!(waits.state(), UnitState::Ended);
    let runs = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&runs);
    let delayed = runtime
        .unit()
        .name("delayed")
        .restart(Restart::on_failure().delay(SECOND));
    let fails = move || {
        count.fetch_add(1, SeqCst);
        async { FAILS }
    };
    let delayed = flavour.serve(delayed, fails).unwrap();
    delayed.expect(UnitState::Delayed);
    delayed.cancel();
    assert_eq!(delayed.state(), UnitState::Ended);
    assert_eq!(runs.load(SeqCst), 1);
    assert_eq!(first.state(), UnitState::Starting);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v3_before_the_start_a_cancel_is_as_a_stop<F: Host>(flavour: F) {
    let runtime = runtime();
    let unit = runtime.unit().name("early");
    let unit = flavour
        .serve(unit, || async { unreachable!("it never starts") })
        .unwrap();
    unit.cancel();
    assert_eq!(unit.state(), UnitState::Waiting);
    runtime.start().unwrap();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Cancelled at any moment of its start, what it is made of is dropped once, and no run follows.
fn v3_one_that_is_cancelled_as_it_begins_comes_to_its_end<F: Host>(flavour: F) {
    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let (runtime, mut values) = (builder().quiet().build(), Vec::new());
    runtime.start().unwrap();
    for round in 0..200 {
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let dropped = Arc::new(AtomicUsize::new(0));
        let value = Counts(Arc::clone(&dropped));
        let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
        let run = move || {
            let _value = &value;
            begins.fetch_add(1, SeqCst);
            let end = Counts(Arc::clone(&ends));
            async move {
                let _end = end;
                let token = Shutdown::current();
                token.requested().await;
                // A coroutine may hear of it before it is dropped.
            }
        };
        let unit = runtime
            .unit()
            .restart(Restart::always().delay(Duration::ZERO));
        let unit = flavour.serve(unit, run).unwrap();
        for _ in 0..round * 20 {
            std::hint::spin_loop();
        }
        unit.cancel();
        assert!(unit.wait_stopped(SOON), "round {round}");
        assert_eq!(unit.state(), UnitState::Ended);
        assert_eq!(begun.load(SeqCst), ended.load(SeqCst));
        assert!(begun.load(SeqCst) <= 1);
        if begun.load(SeqCst) == 1 {
            expect("its value is dropped", || dropped.load(SeqCst) == 1);
        }
        values.push(dropped);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    // One that never ran has been the runtime's to drop.
    assert!(values.iter().all(|dropped| dropped.load(SeqCst) == 1));
}

/// It has its turn, or not yet; either way it is no straggler, and those before it go on with the stop.
fn v3_during_the_stop_a_cancel_cuts_one_unit_short<F: Host>(flavour: F) {
    for has_turn in [true, false] {
        let stage = Stage::new(GRACE);
        let base = stage.part(Smol, "base", &[], None, End::WhenTold);
        let slow = stage.part(flavour, "slow", &["base"], None, End::WhenTold);
        let front = stage.part(Smol, "front", &["slow"], None, End::WhenTold);
        stage.stop();
        stage.come_first(&[&front]);
        if has_turn {
            front.tell();
            slow.asked.expect("its turn is next");
        }
        slow.unit.cancel();
        // Also where it is a thread that goes on.
        base.asked.expect("its turn is next");
        ends_at_once::<F>(&slow);
        front.tell();
        base.tell();
        stage.finish().unwrap();
    }
}

/// Before the stop or during it: it is named, as it holds a token, but has not overrun a time. A coroutine is dropped.
fn v3_a_thread_that_goes_on_after_a_cancel_is_told_apart<F: Host>(flavour: F) {
    for is_during in [false, true] {
        let stage = Stage::new(GRACE);
        let base = stage.part(Smol, "base", &[], None, End::AtOnce);
        let slow = stage.part(flavour, "slow", &["base"], None, End::WhenTold);
        if is_during {
            stage.stop();
            slow.asked.expect("its turn is the first");
            slow.unit.cancel();
        } else {
            slow.unit.cancel();
            stage.stop();
        }
        base.asked.expect("nobody is held up");
        let unit = slow.unit.clone();
        let result = stage.finish();
        slow.tell();
        if !is_thread::<F>() {
            assert_eq!(unit.state(), UnitState::Ended);
            result.unwrap();
            continue;
        }
        let error = result.unwrap_err();
        let [straggler] = error.stragglers() else {
            panic!("{error}")
        };
        assert_eq!(
            (straggler.payload(), straggler.reason()),
            (Some("slow"), StragglerReason::CutShort)
        );
        assert!(straggler.to_string().contains("cancelled"), "{straggler}");
        assert!(error.left_behind().is_empty(), "{error}");
        assert_eq!(unit.state(), UnitState::LeftBehind);
    }
}

/// A service that cancels itself, and then ends as `end` says, in the same poll.
fn cancels_itself<F: Host>(
    flavour: F,
    runtime: &Runtime,
    end: fn() -> Result<(), &'static str>,
) -> Served {
    let inside = runtime.clone();
    let run = move || {
        let runtime = inside.clone();
        async move {
            let unit = runtime.unit_named("one").expect("it is there");
            unit.cancel();
            end()
        }
    };
    let unit = runtime.unit().name("one");
    let restart = Restart::always().delay(Duration::ZERO);
    let unit = flavour.serve(unit.restart(restart), run).unwrap();
    assert!(unit.wait_stopped(SOON));
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 0));
    unit
}

fn v2_an_error_after_a_cancel_is_the_units_alone<F: Host>(flavour: F) {
    let runtime = started();
    let unit = cancels_itself(flavour, &runtime, || FAILS);
    let failure = unit.last_failure().expect("it is kept");
    assert_eq!(failure.kind(), FailureKind::Error);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v2_a_panic_after_a_cancel_ends_the_runtime<F: Host>(flavour: F) {
    let runtime = started();
    cancels_itself(flavour, &runtime, || panic!("after it"));
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("one", FailureKind::Panic)
    );
}

fn v3_one_that_has_not_begun_is_dropped_unrun<F: Host + AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let go_on = busy(&runtime, flavour);
    let unit = flavour.serve(runtime.unit(), || async { unreachable!("it never begins") });
    let unit = unit.unwrap();
    unit.cancel();
    assert_eq!(unit.state(), UnitState::Stopping);
    go_on.happen();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// It is dropped at the end of its poll. That it blocks is found when its time is over, as of any other.
fn v3_one_that_blocks_as_it_is_cancelled_holds_others_up_for_its_time<F: Host + AsyncFlavour>(
    flavour: F,
) {
    let stage = Stage::new(GRACE);
    let base = stage.part(Thread, "base", &[], None, End::AtOnce);
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    let run = move || {
        let (begun, go) = (begins.clone(), goes.clone());
        async move {
            let _token = Shutdown::current();
            futures_lite::future::yield_now().await;
            begun.happen();
            block_until(&go);
            pending::<()>().await;
        }
    };
    let unit = stage.runtime.unit().name("deaf").after("base");
    let unit = flavour.serve(unit.stop_time(SECOND), run).unwrap();
    begun.expect("it runs");
    stage.stop();
    unit.cancel();
    stage.have_their_turn_at(&[&base], SECOND);
    go.happen();
    assert!(unit.wait_stopped(SOON));
    let error = stage.finish().unwrap_err();
    assert_eq!(overran(&error), ["deaf"], "{error}");
    assert_eq!(error.stragglers().len(), 1, "{error}");
}
