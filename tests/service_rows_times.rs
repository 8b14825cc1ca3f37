//! From when on times count, and who waits by which clock. Rows V4, V5, V10 and V15.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::endings::*;
use common::services::*;
use common::*;
use foster::{Clock, Ready, Restart, Runtime, Settings, Shutdown, Smol, UnitState};
use futures_lite::future::block_on;
use tokio::sync::Notify;

on_every_flavour!(
    v5_a_run_that_returns_after_a_good_while_resets_its_delay,
    v5_a_run_that_returns_after_a_good_while_resets_its_delay_by_the_systems_clock,
    v10_a_start_timeout_counts_from_the_start,
    v10_a_start_timeout_counts_from_the_start_by_the_systems_clock,
    v10_a_wait_for_others_counts_from_the_start,
    v10_the_time_to_start_of_a_run_goes_with_it,
    v11_the_time_to_stop_of_a_run_goes_with_it,
);
once!(
    v15_waits_before_the_start_wake_on_a_manual_clock,
    v4_the_changes_of_a_runtime_that_is_dropped_unrun_end,
);

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn end_unrun(runtime: &Runtime) {
    runtime.shutdown();
    runtime.run().unwrap();
}

/// A return is as good an end as a failure is a bad one: what counts is how long it ran.
fn v5_a_run_that_returns_after_a_good_while_resets_its_delay<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = Restart::always().jitter(0.0).delay(SECOND);
    let restart = restart.max_delay(8 * SECOND).reset_after(10 * SECOND);
    let settings = Settings::new().restart(restart);
    let ending = Ending::serve(&runtime, flavour, settings, Ok(()));
    for delay in [1, 2, 4] {
        ending.end_and_wait(&clock, delay);
    }
    for _ in 0..2 {
        clock.advance(10 * SECOND);
        for delay in [1, 2] {
            ending.end_and_wait(&clock, delay);
        }
    }
    assert!(ending.unit.last_failure().is_none());
    end(&runtime);
}

fn v5_a_run_that_returns_after_a_good_while_resets_its_delay_by_the_systems_clock<F: Host>(
    flavour: F,
) {
    const DELAY: Duration = Duration::from_millis(100);
    let runtime = started();
    let restart = Restart::always().jitter(0.0).delay(DELAY);
    let settings = Settings::new().restart(restart.reset_after(SECOND));
    let ending = Ending::serve(&runtime, flavour, settings, Ok(()));
    for run in 2..=4 {
        ending.end();
        ending.runs(run);
    }
    // It is this time that passes; eight times the delay would follow without it.
    std::thread::sleep(SECOND * 5 / 4);
    ending.end();
    let status = ending.unit.status();
    let next = status.next_restart().expect("it is delayed");
    let delay = next.duration_since(status.since());
    assert!(delay < 2 * DELAY, "{delay:?}");
    ending.runs(5);
    end(&runtime);
}

/// A runtime that is not started, whose clock moves before it is.
fn unstarted() -> (Clock, Runtime) {
    let clock = Clock::manual();
    (clock.clone(), builder().clock(clock).build())
}

fn v10_a_start_timeout_counts_from_the_start<F: Host>(flavour: F) {
    let (clock, runtime) = unstarted();
    let (unit, begun, go) = getting_ready(flavour, runtime.unit().start_timeout(SECOND));
    clock.advance(10 * SECOND);
    runtime.start().unwrap();
    begun.expect("it is started");
    clock.advance(SECOND * 9 / 10);
    assert_eq!(unit.state(), UnitState::Starting);
    go.notify_one();
    assert!(unit.wait_ready(SOON));
    clock.advance(10 * SECOND);
    end(&runtime);
}

/// It waits for the start for longer than it may take to become ready.
fn v10_a_start_timeout_counts_from_the_start_by_the_systems_clock<F: Host>(flavour: F) {
    let runtime = runtime();
    let unit = runtime.unit().start_timeout(SECOND);
    let (unit, begun, go) = getting_ready(flavour, unit);
    // It is this time that passes.
    std::thread::sleep(SECOND * 5 / 4);
    runtime.start().unwrap();
    begun.expect("it is started");
    assert_eq!(unit.state(), UnitState::Starting);
    go.notify_one();
    assert!(unit.wait_ready(SOON));
    end(&runtime);
}

fn v10_a_wait_for_others_counts_from_the_start<F: Host>(flavour: F) {
    let (clock, runtime) = unstarted();
    let (base, base_begun, base_goes) = getting_ready(flavour, runtime.unit().name("base"));
    let unit = runtime.unit().after("base").start_timeout(SECOND);
    let (one, begun, goes) = getting_ready(flavour, unit);
    clock.advance(10 * SECOND);
    runtime.start().unwrap();
    base_begun.expect("it is started");
    clock.advance(SECOND * 9 / 10);
    assert_eq!(one.state(), UnitState::Waiting);
    base_goes.notify_one();
    assert!(base.wait_ready(SOON));
    // From here on its time to start counts anew.
    begun.expect("its turn has come");
    clock.advance(SECOND * 9 / 10);
    assert_eq!(one.state(), UnitState::Starting);
    goes.notify_one();
    assert!(one.wait_ready(SOON));
    end(&runtime);
}

/// The first run fails before it is ready, and before its time is over; the second has a time of its own.
fn v10_the_time_to_start_of_a_run_goes_with_it<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let (runs, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (count, told) = (Arc::clone(&runs), Arc::clone(&go));
    let run = move || {
        let is_first = count.fetch_add(1, SeqCst) == 0;
        let told = Arc::clone(&told);
        async move {
            let token = Shutdown::current();
            told.notified().await;
            if is_first {
                return Err("too early");
            }
            Ready::current().notify();
            token.requested().await;
            Ok(())
        }
    };
    let unit = runtime.unit().notifies_ready().start_timeout(10 * SECOND);
    let unit = flavour.serve(unit.restart(exactly()), run).unwrap();
    expect("the first run", || runs.load(SeqCst) == 1);
    clock.advance(5 * SECOND);
    go.notify_one();
    unit.expect(UnitState::Delayed);
    clock.advance(SECOND);
    expect("the second run", || runs.load(SeqCst) == 2);
    // It began at 6 s.
    clock.advance(9 * SECOND);
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Starting, 1));
    go.notify_one();
    assert!(unit.wait_ready(SOON));
    clock.advance(60 * SECOND);
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 1));
    end(&runtime);
}

fn v11_the_time_to_stop_of_a_run_goes_with_it<F: Host>(flavour: F) {
    let stage = Stage::new(60 * SECOND);
    let part = stage.part(flavour, "part", &[], Some(10 * SECOND), End::WhenTold);
    part.unit.restart();
    part.asked.expect("it is asked");
    stage.clock.advance(5 * SECOND);
    part.tell();
    part.over.expect("it ends in time");
    expect("the next run", || part.unit.restarts() == 1);
    assert!(part.unit.wait_ready(SOON));
    stage.clock.advance(60 * SECOND);
    assert_eq!(part.unit.state(), UnitState::Running);
    assert!(part.unit.last_failure().is_none());
    stage.runtime.shutdown();
    part.tell();
    stage.finish().unwrap();
}

/// Whoever waits before the start does so by the runtime's clock.
fn v15_waits_before_the_start_wake_on_a_manual_clock() {
    let (clock, runtime) = unstarted();
    let unit = Smol.serve(runtime.unit(), pending::<()>).unwrap();
    let mut changes = runtime.unit_changes(8);
    std::thread::scope(|scope| {
        let unit = &unit;
        let waits = [
            scope.spawn(move || changes.recv_timeout(SECOND).is_none()),
            scope.spawn(move || !unit.wait_ready(SECOND)),
            scope.spawn(move || !unit.wait_stopped(SECOND)),
        ];
        expect("the time of all is over", || {
            clock.advance(SECOND);
            waits.iter().all(|wait| wait.is_finished())
        });
        for wait in waits {
            assert!(wait.join().unwrap(), "it was not there yet");
        }
    });
    end_unrun(&runtime);
}

fn v4_the_changes_of_a_runtime_that_is_dropped_unrun_end() {
    for (serves, keeps) in [(false, false), (true, false), (true, true)] {
        let runtime = builder().build();
        let mut changes = runtime.unit_changes(8);
        let serve = || Smol.serve(runtime.unit(), pending::<()>).unwrap();
        let unit = serves.then(serve);
        let kept = unit.filter(|_| keeps);
        let over = Event::new();
        let is_over = over.clone();
        std::thread::spawn(move || {
            while block_on(changes.recv()).is_some() {}
            assert!(changes.recv_timeout(Duration::MAX).is_none());
            is_over.happen();
        });
        drop(runtime);
        over.expect("the changes end");
        drop(kept);
    }
}
