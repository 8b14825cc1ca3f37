//! The drain: what goes on, and what ends it. Row S8.

#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
mod signals;

use std::future::pending;
use std::time::Duration;

use common::services::*;
use common::*;
use foster::status::{RuntimeState, StopCause};
use foster::{
    Clock, RunErrorKind, Runtime, RuntimeChange, Shutdown, Smol, StragglerReason, Unit, UnitState,
};

on_every_flavour!(
    s8_while_it_drains_all_goes_on_and_tokens_are_silent,
    s8_the_stop_begins_when_the_time_is_over_with_the_whole_grace_time,
    s8_shutdown_ends_it_and_cuts_no_grace,
    s8_a_failure_ends_it,
);
once!(
    s8_the_stop_begins_at_the_very_moment,
    s8_by_the_systems_clock_as_well,
    s8_without_a_time_for_it_the_runtime_stops,
    s8_before_the_start_the_runtime_stops,
    s8_an_idle_runtime_need_not_wait,
    s8_a_second_call_changes_nothing,
    s8_a_drain_without_end,
    s8_a_runtime_that_stops_does_not_drain,
    s8_nobody_hears_of_a_drain_behind_the_stop,
);

/// The child's side of the tests of signals.
#[cfg(unix)]
#[test]
fn as_child() {
    common::child::be_child(|scenario| match scenario {
        "long" => signals::daemon(Duration::from_secs(3_600)),
        "short" => signals::daemon(Duration::from_millis(400)),
        other => panic!("no scenario `{other}`"),
    });
}

const DRAIN: Duration = Duration::from_secs(30);

/// A runtime that drains, and its clock.
fn draining() -> (Runtime, Clock) {
    let clock = Clock::manual();
    let runtime = builder().drain(DRAIN).clock(clock.clone()).build();
    runtime.start().unwrap();
    (runtime, clock)
}

/// A payload that holds a token; what happens when it is asked to end.
fn holder<F: Host>(flavour: F, runtime: &Runtime) -> (Unit, Event) {
    let asked = Event::new();
    let asks = asked.clone();
    let run = move || {
        let asks = asks.clone();
        async move {
            Shutdown::current().requested().await;
            asks.happen();
        }
    };
    let unit = flavour.serve(runtime.unit().name("holder"), run).unwrap();
    unit.expect(UnitState::Running);
    (Unit::clone(&unit), asked)
}

fn s8_while_it_drains_all_goes_on_and_tokens_are_silent<F: Host>(flavour: F) {
    let (runtime, clock) = draining();
    let (_unit, asked) = holder(flavour, &runtime);
    let mut changes = runtime.changes(8);
    assert!(!runtime.is_draining());
    runtime.drain();
    assert!(runtime.is_draining() && !runtime.is_stopping());
    assert_eq!(changes.recv_timeout(SOON), Some(RuntimeChange::Draining));
    clock.advance(DRAIN - SECOND);
    let status = runtime.status();
    assert_eq!(status.state, RuntimeState::Draining);
    assert_eq!(status.state_age, DRAIN - SECOND);
    let drain = status.drain.expect("it drains");
    assert_eq!((drain.age, drain.left), (DRAIN - SECOND, SECOND));
    assert_eq!(status.stop, None);
    // Payloads of all kinds are taken in, and run.
    let ran = Event::new();
    let runs = ran.clone();
    flavour.adopt(&runtime, move || runs.happen()).unwrap();
    ran.expect("what is adopted runs");
    assert_eq!(flavour.execute(&runtime, || 7).unwrap(), 7);
    let served = flavour.serve(runtime.unit(), || async {}).unwrap();
    served.expect(UnitState::Ended);
    runtime.group("late").create().unwrap().shutdown();
    assert!(!asked.has_happened());
    assert_eq!(changes.try_recv(), None);
    clock.advance(SECOND);
    asked.expect("the stop has begun");
    assert_eq!(changes.recv_timeout(SOON), Some(RuntimeChange::Stopping));
    runtime.wait().unwrap();
}

fn s8_the_stop_begins_when_the_time_is_over_with_the_whole_grace_time<F: Host>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder().drain(DRAIN).grace(DRAIN);
    let runtime = runtime.clock(clock.clone()).build();
    runtime.start().unwrap();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let holder = move || {
        let _token = Shutdown::current();
        blocks.block();
    };
    flavour.adopt_named(&runtime, "holder", holder).unwrap();
    blocker.expect_blocked();
    runtime.drain();
    clock.advance(DRAIN);
    assert!(runtime.is_stopping() && !runtime.is_draining());
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.cause, StopCause::Call);
    assert_eq!((stop.age, stop.grace_left), (Duration::ZERO, DRAIN));
    clock.advance(DRAIN);
    expect("the grace time is over", || {
        let state = runtime.status().state;
        matches!(state, RuntimeState::Cancelling | RuntimeState::Over)
    });
    blocker.go_on();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers()[0].reason(), StragglerReason::Overran);
}

fn s8_shutdown_ends_it_and_cuts_no_grace<F: Host>(flavour: F) {
    let (runtime, clock) = draining();
    let (unit, asked) = holder(flavour, &runtime);
    runtime.drain();
    runtime.shutdown();
    asked.expect("the stop has begun");
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.cause, StopCause::Call);
    assert_eq!(stop.age, Duration::ZERO);
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
    clock.advance(DRAIN);
    assert_eq!(runtime.status().state, RuntimeState::Over);
}

fn s8_a_failure_ends_it<F: Host>(flavour: F) {
    let (runtime, _clock) = draining();
    let (_unit, asked) = holder(flavour, &runtime);
    runtime.drain();
    flavour
        .adopt(&runtime, || Err::<(), _>("on purpose"))
        .unwrap();
    asked.expect("the stop has begun");
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Failed);
    assert!(error.stragglers().is_empty(), "{error}");
    assert!(matches!(
        runtime.status().stop.unwrap().cause,
        StopCause::Failure(_)
    ));
}

/// Also if the clock is moved far beyond it.
fn s8_the_stop_begins_at_the_very_moment() {
    let clock = Clock::manual();
    let runtime = builder().drain(DRAIN).cancel_timeout(100 * DRAIN);
    let runtime = runtime.clock(clock.clone()).build();
    runtime.start().unwrap();
    runtime.adopt(Smol, pending::<()>).unwrap();
    let began = clock.now();
    runtime.drain();
    clock.advance(4 * DRAIN);
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.age, 3 * DRAIN);
    assert_eq!(clock.now(), began + 4 * DRAIN);
    runtime.wait().unwrap();
}

fn s8_by_the_systems_clock_as_well() {
    let drain = Duration::from_millis(50);
    let runtime = builder().drain(drain).build();
    // Without a flavour nobody else wakes the runner, once it has nothing more to do with the start.
    runtime.start().unwrap();
    runtime.wait_ready(SOON).unwrap();
    let mut changes = runtime.changes(8);
    assert_eq!(changes.recv_timeout(2 * drain), None);
    let began = std::time::Instant::now();
    runtime.drain();
    assert_eq!(changes.recv_timeout(SOON), Some(RuntimeChange::Draining));
    assert_eq!(changes.recv_timeout(SOON), Some(RuntimeChange::Stopping));
    assert!(began.elapsed() >= drain);
    runtime.wait().unwrap();
}

fn s8_without_a_time_for_it_the_runtime_stops() {
    let runtime = started();
    runtime.drain();
    assert!(runtime.is_stopping() && !runtime.is_draining());
    runtime.wait().unwrap();
}

fn s8_before_the_start_the_runtime_stops() {
    let runtime = builder().drain(DRAIN).build();
    let dropped = Event::new();
    let drops = dropped.clone();
    let on_drop = OnDrop(move || drops.happen());
    let payload = move || async move {
        let _on_drop = on_drop;
        pending::<()>().await;
    };
    runtime.adopt(Smol, payload).unwrap();
    runtime.drain();
    assert!(runtime.is_stopping() && !runtime.is_draining());
    runtime.run().unwrap();
    assert!(dropped.has_happened());
}

fn s8_an_idle_runtime_need_not_wait() {
    let clock = Clock::manual();
    let runtime = builder().drain(DRAIN).until_idle();
    let runtime = runtime.clock(clock).build();
    let (go, goes) = (Event::new(), Event::new());
    let going = goes.clone();
    let went = go.clone();
    let payload = move || {
        going.happen();
        block_until(&went);
    };
    runtime.adopt(foster::Thread, payload).unwrap();
    runtime.start().unwrap();
    goes.expect("it runs");
    runtime.drain();
    go.happen();
    runtime.wait().unwrap();
    assert_eq!(runtime.status().stop.unwrap().cause, StopCause::Idle);
}

fn s8_a_second_call_changes_nothing() {
    let (runtime, clock) = draining();
    let mut changes = runtime.changes(8);
    runtime.drain();
    clock.advance(DRAIN / 2);
    runtime.drain();
    assert_eq!(runtime.status().drain.unwrap().left, DRAIN / 2);
    clock.advance(DRAIN / 2);
    assert!(runtime.is_stopping());
    runtime.drain();
    runtime.wait().unwrap();
    assert_eq!(changes.try_recv(), Some(RuntimeChange::Draining));
    assert_eq!(changes.try_recv(), Some(RuntimeChange::Stopping));
    assert_eq!(changes.try_recv(), None);
}

fn s8_a_drain_without_end() {
    let clock = Clock::manual();
    let runtime = builder().drain(Duration::MAX);
    let runtime = runtime.clock(clock.clone()).build();
    runtime.start().unwrap();
    runtime.drain();
    clock.advance(Duration::from_secs(1_000_000_000));
    assert!(runtime.is_draining());
    assert_eq!(runtime.status().drain.unwrap().left, Duration::MAX);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s8_a_runtime_that_stops_does_not_drain() {
    let (runtime, _clock) = draining();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let holder = move || {
        let _token = Shutdown::current();
        blocks.block();
    };
    runtime.adopt(foster::Thread, holder).unwrap();
    blocker.expect_blocked();
    let mut changes = runtime.changes(8);
    runtime.shutdown();
    runtime.drain();
    assert!(!runtime.is_draining());
    assert_eq!(runtime.status().drain, None);
    blocker.go_on();
    runtime.wait().unwrap();
    let told: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
    assert_eq!(told, [RuntimeChange::Stopping]);
}

/// Also if both begin in the same moment.
fn s8_nobody_hears_of_a_drain_behind_the_stop() {
    for _ in 0..500 {
        let (runtime, _clock) = draining();
        let mut changes = runtime.changes(8);
        let drains = runtime.clone();
        let draining = std::thread::spawn(move || drains.drain());
        runtime.shutdown();
        draining.join().unwrap();
        runtime.wait().unwrap();
        let mut last = None;
        while let Some(change) = changes.try_recv() {
            last = Some(change);
        }
        assert_eq!(last, Some(RuntimeChange::Stopping));
    }
}
