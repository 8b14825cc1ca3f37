//! Units one can manage, in the corners: each kind of failure of one that may fail, a start in each state, and values that
//! runs own. Rows L8, V1, V5 and V15 to V19.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::endings::{FAILS, getting_ready};
use common::services::*;
use common::*;
use foster::{
    Clock, Coroutine, FailureKind, OwnedService, Permanent, ReadyErrorKind, Restart, Run,
    ServeErrorKind, Settings, Shutdown, Smol, Thread, UnitState, service_once,
};
use futures_lite::future::block_on;

on_every_flavour!(
    v16_whatever_the_failure_is_it_is_the_services_own,
    v16_others_start_without_one_that_was_stopped,
    v17_a_start_waits_for_those_on_their_way_alone,
    v17_a_start_during_a_stop_follows_it,
    v17_what_nobody_can_start_any_more_is_refused,
    v17_a_start_begins_a_new_count,
    v17_nothing_happens_on_one_that_is_not_over,
    v17_those_that_wait_for_one_that_failed_have_failed,
    v18_the_error_names_those_that_were_not_ready,
    v15_the_wait_for_all_ends_by_the_runtimes_clock,
    l8_foster_says_stopping_by_errors_of_each_kind,
    v5_a_restart_that_was_asked_for_follows_a_permanent_error,
);
on_async_flavours!(v19_a_value_that_a_run_owns_is_dropped_on_its_flavours_thread,);
once!(
    v1_a_service_that_owns_its_value_is_called_after_its_type,
    v16_a_flavour_that_cannot_start_is_the_services_own_failure,
    v16_a_thread_that_cannot_be_restarted_is_its_own_failure,
    v16_those_are_listed_that_are_known,
);

/// What it waits for does not come before it is asked to end.
async fn until_asked() {
    Shutdown::current().requested().await;
}

fn v16_whatever_the_failure_is_it_is_the_services_own<F: Host>(flavour: F) {
    type End = fn() -> Result<(), &'static str>;
    let cases: [(FailureKind, Settings, End); 5] = [
        (FailureKind::Error, Settings::new(), || FAILS),
        (FailureKind::Panic, Settings::new(), || panic!("a bug")),
        (
            FailureKind::NotReady,
            Settings::new().notifies_ready(),
            || Ok(()),
        ),
        (
            FailureKind::Returned,
            Settings::new().return_is_failure(),
            || Ok(()),
        ),
        (
            FailureKind::Returned,
            Settings::new().restart(
                Restart::always()
                    .delay(Duration::ZERO)
                    .limit(3, 60 * SECOND),
            ),
            || Ok(()),
        ),
    ];
    let runtime = runtime();
    let core = flavour.serve(runtime.unit(), until_asked).unwrap();
    let mut units = Vec::new();
    for (kind, settings, end) in cases {
        let unit = runtime.unit().with(settings).may_fail();
        let unit = flavour.serve(unit, move || async move { end() });
        units.push((kind, unit.unwrap()));
    }
    runtime.start().unwrap();
    for (kind, unit) in &units {
        unit.expect(UnitState::Failed);
        assert_eq!(unit.last_failure().unwrap().kind(), *kind);
    }
    core.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    let kinds: Vec<_> = runtime.tolerated().iter().map(|one| one.kind()).collect();
    let expected: Vec<_> = units.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, expected, "in the order in which they were handed in");
    // One that is not ready in time.
    let (clock, runtime) = manual();
    let unit = runtime.unit().start_timeout(SECOND).may_fail();
    let (unit, begun, _go) = getting_ready(flavour, unit);
    begun.expect("it runs");
    clock.advance(SECOND);
    unit.expect(UnitState::Failed);
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::NotReady);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v16_a_flavour_that_cannot_start_is_the_services_own_failure() {
    let runtime = started();
    let unit = runtime.unit().may_fail();
    let unit = Odd::failing(1).serve(unit, until_asked).unwrap();
    unit.expect(UnitState::Failed);
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Lost);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// It goes on, and is over with its run.
fn v16_a_thread_that_cannot_be_restarted_is_its_own_failure() {
    let (clock, runtime) = manual();
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    let deaf = move || {
        let _token = Shutdown::current();
        begins.happen();
        block_until(&goes);
    };
    let unit = runtime.unit().stop_time(SECOND).may_fail();
    let unit = unit.serve(foster::service(Thread, deaf)).unwrap();
    begun.expect("it runs");
    unit.restart();
    clock.advance(SECOND);
    expect("it has failed", || unit.last_failure().is_some());
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Stuck);
    assert_eq!(unit.state(), UnitState::Stopping);
    go.happen();
    assert!(unit.wait_stopped(SOON));
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 0));
    runtime.shutdown();
    finish(&clock, &runtime).unwrap();
}

fn v16_others_start_without_one_that_was_stopped<F: Host>(flavour: F) {
    let runtime = started();
    let (first, begun, _go) = getting_ready(flavour, runtime.unit().may_fail());
    let after = runtime.unit().after(&*first);
    let after = flavour.serve(after, until_asked).unwrap();
    begun.expect("it runs, and is not ready");
    assert_eq!(after.state(), UnitState::Waiting);
    first.stop();
    after.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(runtime.tolerated().is_empty());
}

fn v16_those_are_listed_that_are_known() {
    const MANY: usize = 1_600;
    let runtime = builder().quiet().build();
    runtime.start().unwrap();
    for _ in 0..MANY {
        let unit = runtime.unit().may_fail();
        let unit = unit.serve(service_once(Smol, || async { FAILS })).unwrap();
        unit.wait_stopped(SOON);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let known = runtime.units();
    assert!(known.len() < MANY, "some are forgotten");
    let known: Vec<_> = known.iter().map(|unit| unit.name().to_owned()).collect();
    let listed: Vec<_> = runtime
        .tolerated()
        .iter()
        .map(|one| one.payload())
        .collect();
    assert_eq!(listed, known);
}

fn v17_a_start_waits_for_those_on_their_way_alone<F: Host>(flavour: F) {
    let runtime = started();
    let (slow, begun, go) = getting_ready(flavour, runtime.unit().startable());
    let off = runtime.unit().startable().notifies_ready();
    let off = flavour.serve(off, until_asked).unwrap();
    off.stop();
    assert!(off.wait_stopped(SOON));
    let unit = runtime.unit().startable().after(&*slow).after(&*off);
    let unit = flavour.serve(unit, until_asked).unwrap();
    begun.expect("it runs, and is not ready");
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    unit.start().unwrap();
    assert_eq!(unit.state(), UnitState::Waiting);
    go.notify_one();
    unit.expect(UnitState::Running);
    assert_eq!(off.state(), UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v17_a_start_during_a_stop_follows_it<F: Host>(flavour: F) {
    let runtime = started();
    let (asked, go) = (Event::new(), Arc::new(tokio::sync::Notify::new()));
    let (is_asked, goes) = (asked.clone(), Arc::clone(&go));
    let run = move || {
        let (asked, go) = (is_asked.clone(), Arc::clone(&goes));
        async move {
            until_asked().await;
            asked.happen();
            go.notified().await;
        }
    };
    let unit = flavour.serve(runtime.unit().startable(), run).unwrap();
    unit.expect(UnitState::Running);
    unit.stop();
    asked.expect("it is asked to end");
    unit.start().unwrap();
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Stopping, 0));
    go.notify_one();
    expect("it runs again", || unit.restarts() == 1);
    unit.expect(UnitState::Running);
    go.notify_one();
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// One that rests in a group of which nobody has a handle any more, and that goes on for others.
fn v17_what_nobody_can_start_any_more_is_refused<F: Host>(flavour: F) {
    let runtime = started();
    let group = runtime.group("closing").create().unwrap();
    let held = || async { Shutdown::current().requested().await };
    let other = flavour.serve(group.unit().name("other"), held).unwrap();
    let unit = flavour
        .serve(group.unit().name("unit").startable(), held)
        .unwrap();
    expect("both run", || {
        [&other, &unit]
            .iter()
            .all(|unit| unit.state() == UnitState::Running)
    });
    drop(group);
    unit.stop();
    expect("it has ended", || unit.state() == UnitState::Ended);
    let refused = unit.start().unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Over);
    other.stop();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v17_a_start_begins_a_new_count<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = Restart::on_failure()
        .delay(SECOND)
        .jitter(0.0)
        .limit(2, 600 * SECOND);
    let unit = runtime.unit().restart(restart).startable().may_fail();
    let unit = flavour.serve(unit, || async { FAILS }).unwrap();
    for round in 1..=3 {
        // Its first start, a delay, its second, and the limit is reached.
        unit.expect(UnitState::Delayed);
        let next = unit.status().next_restart();
        assert_eq!(next, Some(clock.now() + SECOND), "the first delay again");
        clock.advance(SECOND);
        unit.expect(UnitState::Failed);
        assert_eq!(unit.last_failure().unwrap().starts(), Some(2));
        assert_eq!(unit.restarts(), 2 * round - 1);
        unit.start().unwrap();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v17_nothing_happens_on_one_that_is_not_over<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let running = flavour.serve(runtime.unit().startable(), until_asked);
    let running = running.unwrap();
    running.expect(UnitState::Running);
    let restart = Restart::on_failure().delay(SECOND).jitter(0.0);
    let delayed = runtime.unit().startable().restart(restart);
    let delayed = flavour.serve(delayed, || async { FAILS }).unwrap();
    delayed.expect(UnitState::Delayed);
    let next = delayed.status().next_restart();
    for unit in [&running, &delayed] {
        unit.start().unwrap();
    }
    assert_eq!(running.state(), UnitState::Running);
    assert_eq!(delayed.state(), UnitState::Delayed);
    assert_eq!(delayed.status().next_restart(), next);
    for unit in [&running, &delayed] {
        assert_eq!(unit.restarts(), 0);
    }
    delayed.stop();
    clock.advance(SECOND);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Only those that wait for one that was stopped wait on.
fn v17_those_that_wait_for_one_that_failed_have_failed<F: Host>(flavour: F) {
    let runtime = runtime();
    let first = runtime.unit().startable().may_fail().notifies_ready();
    let first = flavour.serve(first, || async { FAILS }).unwrap();
    let needs = runtime.unit().requires(&*first).may_fail();
    let needs = flavour.serve(needs, until_asked).unwrap();
    let without = flavour.serve(runtime.unit().after(&*first), until_asked);
    let without = without.unwrap();
    runtime.start().unwrap();
    needs.expect(UnitState::Failed);
    without.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v18_the_error_names_those_that_were_not_ready<F: Host>(flavour: F) {
    let runtime = runtime();
    let quick = flavour.serve(runtime.unit(), until_asked).unwrap();
    let (slow, begun, _go) = getting_ready(flavour, runtime.unit().name("slow"));
    let ready = runtime.ready();
    runtime.start().unwrap();
    quick.expect(UnitState::Running);
    begun.expect("it runs, and is not ready");
    runtime.shutdown();
    // Also when all of them are over.
    runtime.wait().unwrap();
    assert!(slow.state().is_over());
    for error in [
        block_on(ready).unwrap_err(),
        runtime.wait_ready(SOON).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ReadyErrorKind::Stopping);
        assert_eq!(error.unready(), ["slow"]);
    }
}

fn v15_the_wait_for_all_ends_by_the_runtimes_clock<F: Host>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    let (_slow, begun, _go) = getting_ready(flavour, runtime.unit());
    runtime.start().unwrap();
    begun.expect("it runs, and is not ready");
    let waiter = {
        let runtime = runtime.clone();
        std::thread::spawn(move || runtime.wait_ready(SECOND))
    };
    // Whenever it has begun to wait.
    expect("its time is over", || {
        clock.advance(SECOND);
        waiter.is_finished()
    });
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ReadyErrorKind::Late);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// By the wait for all that comes too late, and by what a service calls permanent.
fn l8_foster_says_stopping_by_errors_of_each_kind<F: Host>(flavour: F) {
    let runtime = runtime();
    let inside = runtime.clone();
    let ready = move || inside.ready();
    flavour.serve(runtime.unit(), ready).unwrap();
    let inside = runtime.clone();
    let adopts = move || {
        let runtime = inside.clone();
        async move {
            until_asked().await;
            let adopted = runtime.adopt(Thread, || {});
            adopted.map_err(Permanent::new)
        }
    };
    let adopts = flavour.serve(runtime.unit(), adopts).unwrap();
    let (_slow, begun, _go) = getting_ready(flavour, runtime.unit());
    runtime.start().unwrap();
    begun.expect("it is not ready");
    adopts.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v5_a_restart_that_was_asked_for_follows_a_permanent_error<F: Host>(flavour: F) {
    let runtime = started();
    let run = || async {
        until_asked().await;
        Err::<(), _>(Permanent::new("as it ends"))
    };
    let unit = flavour.serve(runtime.unit(), run).unwrap();
    unit.expect(UnitState::Running);
    unit.restart();
    expect("it runs again", || unit.restarts() == 1);
    unit.expect(UnitState::Running);
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Failed);
    runtime.shutdown();
    runtime.wait().unwrap();
}

struct Import(Arc<AtomicUsize>);

impl OwnedService for Import {
    type Flavour = Smol;

    fn flavour(&self) -> Smol {
        Smol
    }

    fn run(self) -> impl Run<Coroutine> {
        async move {
            self.0.fetch_add(1, SeqCst);
        }
    }
}

fn v1_a_service_that_owns_its_value_is_called_after_its_type() {
    let (runtime, count) = (builder().until_idle().build(), Arc::default());
    let unit = runtime.serve(Import(Arc::clone(&count))).unwrap();
    assert_eq!(unit.name(), "import");
    let next = runtime.serve_with(move || Import(Arc::clone(&count)));
    assert_eq!(next.unwrap().name(), "import#2");
    let line = line!() + 1;
    let unit = runtime.serve(service_once(Smol, || async {})).unwrap();
    assert_eq!(unit.name(), format!("tests/service_managed.rs:{line}"));
    runtime.run().unwrap();
}

/// Ended by itself, or dropped where it awaits.
fn v19_a_value_that_a_run_owns_is_dropped_on_its_flavours_thread<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let home = runtime.execute(flavour, || async { std::thread::current().id() });
    let home = home.unwrap();
    for ends in [true, false] {
        let places = Log::new();
        let (log, begun) = (places.clone(), Event::new());
        let (value, begins) = (
            OnDrop(move || log.write(std::thread::current().id())),
            begun.clone(),
        );
        let run = move || async move {
            let _value = &value;
            begins.happen();
            if !ends {
                std::future::pending::<()>().await;
            }
        };
        let unit = runtime.serve(service_once(flavour, run)).unwrap();
        begun.expect("it runs");
        if !ends {
            unit.cancel();
        }
        assert!(unit.wait_stopped(SOON));
        assert_eq!(places.read(), [home]);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}
