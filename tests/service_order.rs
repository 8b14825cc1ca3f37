//! Order: who starts after whom, and readiness. Rows V9, V10 and V12.

mod common;

use std::future::pending;
use std::time::Duration;

use common::*;
use foster::{
    FailureKind, Ready, Restart, RunErrorKind, ServeErrorKind, Settings, Shutdown, Smol, Thread,
    Tokio, TokioMultiThread, UnitState, service,
};

once!(
    v9_a_chain_over_three_flavours_starts_in_order_and_stops_in_reverse,
    v9_after_waits_for_the_notification,
    v9_a_name_may_be_of_one_that_is_handed_in_later,
    v9_a_ring_is_an_error_that_names_it_and_starts_nothing,
    v9_an_unknown_name_is_an_error_that_says_what_there_is,
    v9_while_running_a_name_must_be_known,
    v9_a_unit_of_another_runtime_is_refused,
    v9_a_restart_of_the_other_changes_nothing,
    v10_a_start_that_takes_too_long_names_who_waits,
    v10_a_wait_that_takes_too_long_names_whom_it_is_for,
    v10_one_that_ends_without_saying_that_it_is_ready_has_failed,
    v10_a_slow_start_is_restarted_if_its_policy_says_so,
    v12_a_flavour_that_takes_its_time_holds_up_its_own_units_only,
    v12_a_flavour_that_cannot_start_is_a_failure_of_the_service,
    a_long_chain_starts_and_stops,
);

const SECOND: Duration = Duration::from_secs(1);

type Lines = Log<&'static str>;

fn v9_a_chain_over_three_flavours_starts_in_order_and_stops_in_reverse() {
    let runtime = runtime();
    let log: Lines = Log::new();
    let lines = log.clone();
    let first = runtime
        .unit()
        .name("first")
        .serve(service(Smol, move || {
            let log = lines.clone();
            async move {
                let token = Shutdown::current();
                log.write("first");
                token.requested().await;
                log.write("first ends");
            }
        }))
        .unwrap();
    let lines = log.clone();
    let second = runtime
        .unit()
        .after(&first)
        .serve(service(Thread, move || {
            let token = Shutdown::current();
            lines.write("second");
            token.wait_timeout(SOON);
            lines.write("second ends");
        }))
        .unwrap();
    let lines = log.clone();
    let third = runtime
        .unit()
        .after(second.clone())
        .after("first")
        .serve(service(Tokio, move || {
            let log = lines.clone();
            async move {
                log.write("third");
                let _on_drop = OnDrop(|| log.write("third ends"));
                pending::<()>().await;
            }
        }))
        .unwrap();
    runtime.start().unwrap();
    assert!(third.wait_ready(SOON));
    // A thread is ready when it runs, which may be before its first line has.
    while log.read().len() < 3 {
        std::thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut lines = log.read();
    lines[..3].sort_unstable();
    assert_eq!(
        lines,
        [
            "first",
            "second",
            "third",
            "third ends",
            "second ends",
            "first ends"
        ]
    );
}

fn v9_after_waits_for_the_notification() {
    let runtime = started();
    let (go, started) = (Event::new(), Event::new());
    let (may_go, has_started) = (go.clone(), started.clone());
    let began = Event::new();
    let begins = began.clone();
    let other = runtime
        .unit()
        .name("other")
        .notifies_ready()
        .serve(service(Thread, move || {
            let (token, ready) = (Shutdown::current(), Ready::current());
            begins.happen();
            may_go.expect("the test says so");
            ready.notify();
            ready.notify();
            token.wait_timeout(SOON);
        }))
        .unwrap();
    let waiting = runtime
        .unit()
        .after("other")
        .serve(service(TokioMultiThread::new(), move || {
            has_started.happen();
            pending::<()>()
        }))
        .unwrap();
    began.expect("it waits for nobody");
    // On another flavour something came to its end meanwhile.
    runtime.execute(Smol, || async {}).unwrap();
    assert_eq!(
        (waiting.state(), started.has_happened()),
        (UnitState::Waiting, false)
    );
    assert_eq!(other.state(), UnitState::Starting);
    go.happen();
    started.expect("it starts when the other is ready");
    assert!(other.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v9_a_name_may_be_of_one_that_is_handed_in_later() {
    let runtime = builder().until_idle().build();
    let log: Lines = Log::new();
    for (name, after) in [("c", Some("b")), ("b", Some("a")), ("a", None)] {
        let log = log.clone();
        let mut unit = runtime.unit().name(name);
        if let Some(after) = after {
            unit = unit.after(after);
        }
        unit.serve(service(Smol, move || {
            log.write(name);
            async {}
        }))
        .unwrap();
    }
    runtime.run().unwrap();
    assert_eq!(log.read(), ["a", "b", "c"]);
}

fn v9_a_ring_is_an_error_that_names_it_and_starts_nothing() {
    let runtime = runtime();
    let serve = |name: &'static str, after: &'static str| {
        runtime
            .unit()
            .name(name)
            .after(after)
            .serve(service(Smol, || -> std::future::Ready<()> {
                panic!("it must not run")
            }))
    };
    serve("a", "b").unwrap();
    serve("b", "c").unwrap();
    serve("c", "a").unwrap();
    serve("d", "a").unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Order);
    assert_eq!(
        error.to_string(),
        "services wait for each other: `a` comes after `b` comes after `c` comes after `a`"
    );
    assert!(error.failures().is_empty());
    assert_eq!(runtime.start().unwrap_err().kind(), RunErrorKind::Order);
}

fn v9_an_unknown_name_is_an_error_that_says_what_there_is() {
    let runtime = builder().until_idle().build();
    runtime
        .unit()
        .name("a")
        .after("z")
        .serve(service(Smol, || async {}))
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Order);
    assert_eq!(
        error.to_string(),
        "service `a` comes after `z`, which is no service or group here (there are: a)"
    );
    // Nothing was started, so it can be put right.
    runtime
        .unit()
        .name("z")
        .serve(service(Thread, || ()))
        .unwrap();
    runtime.run().unwrap();
    assert_eq!(
        runtime.run().unwrap_err().kind(),
        RunErrorKind::AlreadyStarted
    );
}

fn v9_while_running_a_name_must_be_known() {
    let runtime = started();
    let refused = runtime.unit().after("z").serve(service(Smol, || async {}));
    let error = refused.map(drop).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Order);
    assert!(
        error
            .to_string()
            .contains("`z`, which is no service or group here (there are: none)"),
        "{error}"
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v9_a_unit_of_another_runtime_is_refused() {
    let (one, other) = (runtime(), runtime());
    let unit = one.serve(service(Smol, || async {})).unwrap();
    let refused = other.unit().after(&unit).serve(service(Smol, || async {}));
    assert_eq!(refused.map(drop).unwrap_err().kind(), ServeErrorKind::Order);
}

fn v9_a_restart_of_the_other_changes_nothing() {
    let runtime = started();
    let other = runtime.serve(service(Smol, pending::<()>)).unwrap();
    let unit = runtime
        .unit()
        .after(&other)
        .serve(service(Tokio, pending::<()>))
        .unwrap();
    assert!(unit.wait_ready(SOON));
    other.restart();
    assert!(other.wait_ready(SOON));
    assert_eq!(
        (other.restarts(), unit.restarts(), unit.state()),
        (1, 0, UnitState::Running)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v10_a_start_that_takes_too_long_names_who_waits() {
    let (clock, runtime) = manual();
    let slow = Settings::new()
        .name("slow")
        .notifies_ready()
        .start_timeout(5 * SECOND);
    runtime
        .serve(service(Smol, pending::<()>).with(slow))
        .unwrap();
    for name in ["one", "two"] {
        runtime
            .unit()
            .name(name)
            .after("slow")
            .serve(service(Smol, pending::<()>))
            .unwrap();
    }
    clock.advance(5 * SECOND - Duration::from_nanos(1));
    assert!(
        runtime
            .units()
            .iter()
            .all(|unit| unit.last_failure().is_none())
    );
    clock.advance(Duration::from_nanos(1));
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.kind(), failure.payload()),
        (FailureKind::NotReady, "slow")
    );
    assert_eq!(
        failure.message(),
        "it did not say that it is ready within 5s; `one`, `two` wait for it"
    );
}

fn v10_a_wait_that_takes_too_long_names_whom_it_is_for() {
    let (clock, runtime) = manual();
    runtime
        .unit()
        .name("slow")
        .notifies_ready()
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let waiting = runtime
        .unit()
        .name("waiting")
        .after("slow")
        .start_timeout(SECOND)
        .serve(service(Smol, pending::<()>))
        .unwrap();
    clock.advance(SECOND);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].payload(), "waiting");
    assert_eq!(
        error.failures()[0].message(),
        "it waited for 1s, for `slow`, which is starting"
    );
    assert_eq!(waiting.state(), UnitState::Failed);
}

fn v10_one_that_ends_without_saying_that_it_is_ready_has_failed() {
    let runtime = runtime();
    let unit = runtime
        .unit()
        .notifies_ready()
        .serve(service(Thread, || ()))
        .unwrap();
    runtime
        .unit()
        .after(&unit)
        .serve(service(Thread, || panic!("it must not run")))
        .unwrap();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(failure.kind(), FailureKind::NotReady);
}

fn v10_a_slow_start_is_restarted_if_its_policy_says_so() {
    let (clock, runtime) = manual();
    let unit = runtime
        .unit()
        .notifies_ready()
        .start_timeout(SECOND)
        .restart(Restart::on_failure().jitter(0.0).delay(SECOND))
        .serve(service(Smol, pending::<()>))
        .unwrap();
    clock.advance(SECOND);
    // It was cancelled; that it has ended is seen to with the next move.
    while unit.state() != UnitState::Delayed {
        std::thread::yield_now();
    }
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::NotReady);
    clock.advance(SECOND);
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Starting, 1));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v12_a_flavour_that_takes_its_time_holds_up_its_own_units_only() {
    let runtime = runtime();
    let go = Event::new();
    let odd = Odd::after(&go);
    let slow: Vec<_> = (0..3)
        .map(|_| runtime.serve(service(odd.clone(), pending::<()>)).unwrap())
        .collect();
    let stopped = runtime
        .serve(service(odd, || async { panic!("it must not run") }))
        .unwrap();
    let quick = runtime.serve(service(Smol, pending::<()>)).unwrap();
    runtime.start().unwrap();
    assert!(quick.wait_ready(SOON));
    assert!(slow.iter().all(|unit| unit.state() == UnitState::Starting));
    stopped.stop();
    assert!(stopped.wait_stopped(SOON));
    go.happen();
    assert!(slow.iter().all(|unit| unit.wait_ready(SOON)));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v12_a_flavour_that_cannot_start_is_a_failure_of_the_service() {
    let runtime = runtime();
    let restart = Restart::on_failure()
        .jitter(0.0)
        .delay(Duration::ZERO)
        .limit(3, 60 * SECOND);
    for _ in 0..2 {
        let unit = runtime.unit().name("unlucky").restart(restart.clone());
        let _ = unit.serve(service(Odd::failing(usize::MAX), || async {}));
    }
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(
        (failure.kind(), failure.payload()),
        (FailureKind::Lost, "unlucky")
    );
    assert_eq!(failure.starts(), Some(3));
    assert!(error.to_string().contains("no such luck"), "{error}");
}

fn a_long_chain_starts_and_stops() {
    let runtime = runtime();
    let mut last = runtime.serve(service(Smol, pending::<()>)).unwrap();
    for _ in 0..2000 {
        last = runtime
            .unit()
            .after(&last)
            .serve(service(Smol, pending::<()>))
            .unwrap();
    }
    runtime.start().unwrap();
    assert!(last.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    // And one that never gets that far.
    let runtime = builder().build();
    let mut last = runtime
        .unit()
        .notifies_ready()
        .serve(service(Smol, pending::<()>))
        .unwrap();
    for _ in 0..2000 {
        last = runtime
            .unit()
            .after(&last)
            .serve(service(Smol, pending::<()>))
            .unwrap();
    }
    runtime.start().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(last.state(), UnitState::Ended);
}
