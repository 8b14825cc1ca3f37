//! Services on a flavour that the test steps: what the supervisor owes code of the user's.
// Threads wait for each other in loops, in which Miri is slow; there is no `unsafe` in services.
#![cfg(not(miri))]

mod kit;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use foster_core::{Manual, Restart, Runtime, ServeErrorKind, UnitState, service};

use kit::*;

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

/// A value that waits for its next run is dropped when its service is over already.
#[test]
fn v4_a_value_that_panics_after_the_end_is_a_change_like_any_other() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("as it is dropped");
        }
    }
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        up(&runtime, &flavour);
        let value = Panics;
        let run = move || {
            let _ = &value;
            async { Err::<(), _>("once") }
        };
        let restart = Restart::on_failure().delay(Duration::MAX);
        let unit = runtime.unit().restart(restart);
        let unit = unit.serve(service(flavour.clone(), run)).unwrap();
        step_until(&flavour, "it waits", || unit.state() == UnitState::Delayed);
        let mut changes = runtime.unit_changes(10);
        unit.stop();
        step_until(&flavour, "it has failed", || {
            unit.state() == UnitState::Failed
        });
        let told: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
        let told: Vec<_> = told.iter().map(|change| change.state()).collect();
        assert_eq!(told, [UnitState::Ended, UnitState::Failed]);
        let waiter = thread::spawn(move || runtime.wait());
        step_until(&flavour, "the runtime is over", || waiter.is_finished());
        assert_eq!(waiter.join().unwrap().unwrap_err().failures().len(), 1);
    });
}

/// Whatever the reason is.
#[test]
fn v1_a_service_that_is_refused_is_dropped_where_nothing_is_locked() {
    within_a_minute(|| {
        let (runtime, flavour) = (quiet(), Manual::new());
        let dropped = Arc::new(AtomicUsize::new(0));
        let waits = || {
            let looks = Looks {
                runtime: runtime.clone(),
                dropped: Arc::clone(&dropped),
            };
            service(flavour.clone(), move || {
                let _ = &looks;
                pending::<()>()
            })
        };
        let unit = runtime.unit().name("one").serve(waits()).unwrap();
        let refused = [
            runtime.unit().name("one").serve(waits()),
            runtime.unit().after("nobody").serve(waits()),
            runtime.unit().name("").serve(waits()),
        ];
        let kinds = refused.map(|unit| unit.unwrap_err().kind());
        let expected = [
            ServeErrorKind::Name,
            ServeErrorKind::Order,
            ServeErrorKind::Name,
        ];
        assert_eq!(kinds, expected);
        assert_eq!(dropped.load(SeqCst), 3);
        drop(unit);
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
