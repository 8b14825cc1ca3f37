//! A failure that a policy absorbed is never lost: another run follows, or it is told. Rows V5, V7, V10, V12.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::services::*;
use common::*;
use foster::{
    Clock, FailureKind, Ready, Restart, RunError, Runtime, Shutdown, Smol, Thread, UnitState,
};
use futures_lite::future::block_on;

on_every_flavour!(
    v10_a_late_start_that_ends_normally_is_followed_by_a_run,
    v10_a_late_start_that_ends_normally_is_followed_by_a_run_with_a_new_value,
    v5_a_failure_that_follows_an_absorbed_one_is_told_once,
    v5_a_destructor_that_panics_after_a_normal_return_is_told,
    v5_a_destructor_that_panics_after_a_normal_return_is_followed_by_a_run_or_told,
    v5_a_stop_while_it_flaps_ends_the_unit_alone,
    v5_an_absorbed_failure_is_told_if_the_stop_comes_before_a_restart_by_hand,
    v5_a_destructor_that_panics_after_a_stop_in_a_delay_is_the_services,
    v7_a_restart_in_a_delay_after_the_stop_is_none,
);
once!(
    v12_a_flavour_that_cannot_start_at_first_is_tried_again,
    v12_a_flavour_that_cannot_start_at_first_is_tried_again_with_a_new_value,
    v12_a_flavour_that_cannot_start_at_first_is_tried_again_for_what_waited_for_the_start,
    v12_a_flavour_that_never_starts_is_given_up_and_told,
    v12_who_comes_after_one_whose_flavour_cannot_start_at_first_waits,
    v12_a_flavour_that_cannot_start_is_told_without_a_policy,
);

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn at_once() -> Restart {
    Restart::on_failure().delay(Duration::ZERO)
}

fn in_a_second() -> Restart {
    Restart::on_failure().jitter(0.0).delay(SECOND)
}

/// How a service is handed in.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    /// As one value for all runs.
    Same,
    /// With a new value for each run.
    New,
}

/// The first run never says that it is ready, and returns when it is asked to; the second one does say so.
fn late<F: Host>(flavour: F, value: Value) {
    let (clock, runtime) = manual();
    let (runs, held) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (count, holds) = (Arc::clone(&runs), held.clone());
    let run = move || {
        let number = count.fetch_add(1, SeqCst);
        let held = holds.clone();
        async move {
            let token = Shutdown::current();
            if number > 0 {
                Ready::current().notify();
            }
            held.happen();
            token.requested().await;
        }
    };
    let unit = runtime.unit().name("late").notifies_ready();
    let unit = unit.start_timeout(SECOND).restart(in_a_second());
    let unit = match value {
        Value::Same => flavour.serve(unit, run).unwrap(),
        Value::New => flavour.serve_with(unit, move || run.clone()).unwrap(),
    };
    held.expect("the first run holds its token");
    assert_eq!(unit.state(), UnitState::Starting);
    clock.advance(SECOND);
    unit.expect(UnitState::Delayed);
    let failure = unit.last_failure().expect("it is kept");
    assert_eq!(failure.kind(), FailureKind::NotReady);
    clock.advance(SECOND);
    assert!(unit.wait_ready(SOON), "another run follows");
    assert_eq!((unit.restarts(), runs.load(SeqCst)), (1, 2));
    end(&runtime);
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v10_a_late_start_that_ends_normally_is_followed_by_a_run<F: Host>(flavour: F) {
    late(flavour, Value::Same);
}

fn v10_a_late_start_that_ends_normally_is_followed_by_a_run_with_a_new_value<F: Host>(flavour: F) {
    late(flavour, Value::New);
}

/// Something whose destructor panics the first time that there is one.
struct Bomb(Arc<AtomicBool>);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(self.0.swap(true, SeqCst), "as it is dropped");
    }
}

/// The runtime has ended because `name` panicked, and for nothing else.
#[track_caller]
fn panicked(result: Result<(), RunError>, name: &str) {
    let error = result.unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    let seen = (failure.payload(), failure.kind(), failure.message());
    assert_eq!(seen, (name, FailureKind::Panic, "as it is dropped"));
}

/// A unit that was not ready in time and is asked to end for that. Its run does so by `end`, once that may come.
struct Late {
    runtime: Runtime,
    unit: Served,
    may_end: Event,
}

impl Late {
    fn new<F: Host>(flavour: F, end: fn()) -> Self {
        let (clock, runtime) = manual();
        let (held, may_end) = (Event::new(), Event::new());
        let (holds, until) = (held.clone(), may_end.clone());
        let run = move || {
            let (held, may_end) = (holds.clone(), until.clone());
            async move {
                let token = Shutdown::current();
                held.happen();
                token.requested().await;
                block_until(&may_end);
                end();
            }
        };
        let unit = runtime.unit().name("late").notifies_ready();
        let unit = unit.start_timeout(SECOND).restart(at_once());
        let unit = flavour.serve(unit, run).unwrap();
        held.expect("the run holds its token");
        clock.advance(SECOND);
        unit.expect(UnitState::Stopping);
        Self {
            runtime,
            unit,
            may_end,
        }
    }

    /// Stops the runtime while the run goes on; what its failures are then.
    fn stop(&self) -> Vec<FailureKind> {
        self.runtime.shutdown();
        self.may_end.happen();
        let error = self.runtime.wait().unwrap_err();
        error.failures().iter().map(|one| one.kind()).collect()
    }
}

fn v5_an_absorbed_failure_is_told_if_the_stop_comes_before_a_restart_by_hand<F: Host>(flavour: F) {
    let late = Late::new(flavour, || {});
    late.unit.restart();
    assert_eq!(late.stop(), [FailureKind::NotReady]);
    let unit = &late.unit;
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 0));
}

/// The runtime was told of the panic, so what was kept before is no news any more.
fn v5_a_failure_that_follows_an_absorbed_one_is_told_once<F: Host>(flavour: F) {
    let late = Late::new(flavour, || panic!("as it ends"));
    assert_eq!(late.stop(), [FailureKind::Panic]);
    assert_eq!(late.unit.state(), UnitState::Failed);
}

fn v5_a_destructor_that_panics_after_a_stop_in_a_delay_is_the_services<F: Host>(flavour: F) {
    let (_clock, runtime) = manual();
    let bomb = Bomb(Arc::default());
    let run = move || {
        let _ = &bomb;
        async { Err::<(), _>("flaps") }
    };
    let unit = runtime.unit().name("fragile").restart(in_a_second());
    let unit = flavour.serve(unit, run).unwrap();
    unit.expect(UnitState::Delayed);
    unit.stop();
    let result = runtime.wait();
    let text = result.as_ref().unwrap_err().to_string();
    assert!(text.starts_with("service `fragile`"), "{text}");
    panicked(result, "fragile");
    assert_eq!(unit.state(), UnitState::Failed);
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Panic);
}

fn v5_a_destructor_that_panics_after_a_normal_return_is_told<F: Host>(flavour: F) {
    for policy in [Restart::never(), at_once()] {
        let runtime = started();
        let bomb = Bomb(Arc::default());
        let run = move || {
            let _ = &bomb;
            async {}
        };
        let unit = runtime.unit().name("fragile").restart(policy);
        let unit = flavour.serve(unit, run).unwrap();
        // There is no value for another run.
        panicked(runtime.wait(), "fragile");
        assert_eq!(unit.state(), UnitState::Failed);
        assert!(unit.last_failure().is_some());
    }
}

fn v5_a_destructor_that_panics_after_a_normal_return_is_followed_by_a_run_or_told<F: Host>(
    flavour: F,
) {
    let runtime = started();
    let (runs, has_dropped) = (Arc::new(AtomicUsize::new(0)), Arc::default());
    let count = Arc::clone(&runs);
    let make = move || {
        let (bomb, count) = (Bomb(Arc::clone(&has_dropped)), Arc::clone(&count));
        move || {
            let _ = &bomb;
            let is_first = count.fetch_add(1, SeqCst) == 0;
            async move {
                if !is_first {
                    Shutdown::current().requested().await;
                }
            }
        }
    };
    let unit = runtime.unit().name("fragile").restart(at_once());
    let unit = flavour.serve_with(unit, make).unwrap();
    expect("it runs again, or is over", || {
        runs.load(SeqCst) == 2 || unit.state().is_over()
    });
    if unit.state().is_over() {
        panicked(runtime.wait(), "fragile");
    } else {
        assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Panic);
        end(&runtime);
    }
}

/// Whatever it is doing right then.
fn v5_a_stop_while_it_flaps_ends_the_unit_alone<F: Host>(flavour: F) {
    let runtime = started();
    let mut stopped = Vec::new();
    for round in 0..100 {
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let run = move || {
            count.fetch_add(1, SeqCst);
            async { Err::<(), _>("again") }
        };
        let delay = Duration::from_micros(50 * (round % 3));
        let restart = Restart::on_failure().delay(delay).max_delay(delay);
        let unit = runtime.unit().restart(restart);
        let unit = flavour.serve(unit, run).unwrap();
        let before = usize::try_from(round % 5).unwrap();
        expect("it flaps", || runs.load(SeqCst) >= before);
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        stopped.push((runs.load(SeqCst), runs, unit));
    }
    // None comes back, and the runtime goes on.
    flavour.execute(&runtime, || ()).unwrap();
    for (number, runs, unit) in stopped {
        assert_eq!(runs.load(SeqCst), number);
        assert!(unit.state().is_over());
    }
    end(&runtime);
}

/// By either clock: it is in a long delay when the runtime stops, which takes a while.
fn v7_a_restart_in_a_delay_after_the_stop_is_none<F: Host>(flavour: F) {
    for clock in [Clock::manual(), Clock::system()] {
        let runtime = builder().clock(clock.clone()).build();
        runtime.start().unwrap();
        let (held, asked, go) = (Event::new(), Event::new(), Event::new());
        let (holds, is_asked, goes) = (held.clone(), asked.clone(), go.clone());
        let hold = move || {
            let token = Shutdown::current();
            holds.happen();
            block_on(token.requested());
            is_asked.happen();
            block_until(&goes);
        };
        runtime.adopt(Thread, hold).unwrap();
        held.expect("it holds a token");
        let runs = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&runs);
        let run = move || {
            count.fetch_add(1, SeqCst);
            async { Err::<(), _>("once") }
        };
        let restart = Restart::on_failure().delay(3600 * SECOND);
        let unit = runtime.unit().name("late").restart(restart);
        let unit = flavour.serve(unit, run).unwrap();
        unit.expect(UnitState::Delayed);
        let mut changes = runtime.unit_changes(100);
        runtime.shutdown();
        unit.restart();
        asked.expect("the runtime stops");
        unit.restart();
        assert!(unit.wait_stopped(SOON), "no run follows");
        unit.restart();
        go.happen();
        let _ = runtime.wait();
        assert_eq!((unit.restarts(), runs.load(SeqCst)), (0, 1));
        while let Some(change) = changes.recv_timeout(SOON) {
            let started = change.name() == "late" && change.state() == UnitState::Starting;
            assert!(!started && change.restarts() == 0, "{change:?}");
        }
    }
}

/// Serves what runs until it is cancelled, on a flavour whose start fails a number of times.
fn odd(runtime: &Runtime, failures: usize, restart: Restart, value: Value) -> Served {
    let key = Odd::failing(failures);
    let unit = runtime.unit().name("odd").restart(restart);
    let run = pending::<()>;
    match value {
        Value::Same => key.serve(unit, run),
        Value::New => key.serve_with(unit, move || run),
    }
    .unwrap()
}

/// It is started again until its flavour has been.
#[track_caller]
fn runs_in_the_end(runtime: &Runtime, unit: &Served, failures: usize) {
    assert!(unit.wait_ready(SOON), "another run follows");
    assert_eq!(unit.restarts(), failures as u64);
    let failure = unit.last_failure().expect("it is kept");
    assert_eq!(failure.kind(), FailureKind::Lost);
    end(runtime);
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v12_a_flavour_that_cannot_start_at_first_is_tried_again() {
    for failures in [1, 3] {
        let runtime = started();
        let unit = odd(&runtime, failures, at_once(), Value::Same);
        runs_in_the_end(&runtime, &unit, failures);
    }
}

fn v12_a_flavour_that_cannot_start_at_first_is_tried_again_with_a_new_value() {
    let runtime = started();
    let unit = odd(&runtime, 2, at_once(), Value::New);
    runs_in_the_end(&runtime, &unit, 2);
}

fn v12_a_flavour_that_cannot_start_at_first_is_tried_again_for_what_waited_for_the_start() {
    for value in [Value::Same, Value::New] {
        let runtime = runtime();
        let unit = odd(&runtime, 2, at_once(), value);
        runtime.start().unwrap();
        runs_in_the_end(&runtime, &unit, 2);
    }
}

fn v12_who_comes_after_one_whose_flavour_cannot_start_at_first_waits() {
    for is_started in [false, true] {
        let runtime = runtime();
        if is_started {
            runtime.start().unwrap();
        }
        let base = odd(&runtime, 2, at_once(), Value::Same);
        let unit = runtime.unit().name("after").after("odd");
        let after = Smol.serve(unit, pending::<()>).unwrap();
        if !is_started {
            runtime.start().unwrap();
        }
        assert!(after.wait_ready(SOON), "its turn comes");
        assert!(base.wait_ready(SOON));
        assert_eq!(base.restarts(), 2);
        end(&runtime);
    }
}

fn v12_a_flavour_that_never_starts_is_given_up_and_told() {
    for value in [Value::New, Value::Same] {
        let runtime = started();
        let restart = at_once().limit(3, 60 * SECOND);
        let unit = odd(&runtime, usize::MAX, restart, value);
        let error = runtime.wait().unwrap_err();
        let [failure] = error.failures() else {
            panic!("{error}")
        };
        let seen = (failure.payload(), failure.kind(), failure.starts());
        assert_eq!(seen, ("odd", FailureKind::Lost, Some(3)));
        assert!(error.to_string().contains("no such luck"), "{error}");
        assert_eq!(unit.state(), UnitState::Failed);
    }
}

fn v12_a_flavour_that_cannot_start_is_told_without_a_policy() {
    for is_started in [true, false] {
        let runtime = runtime();
        if is_started {
            runtime.start().unwrap();
        }
        let unit = odd(&runtime, 1, Restart::never(), Value::Same);
        if !is_started {
            runtime.start().unwrap();
        }
        let error = runtime.wait().unwrap_err();
        let [failure] = error.failures() else {
            panic!("{error}")
        };
        assert_eq!(
            (failure.payload(), failure.kind()),
            ("odd", FailureKind::Lost)
        );
        assert_eq!(unit.state(), UnitState::Failed);
    }
}
