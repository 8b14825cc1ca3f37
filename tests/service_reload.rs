//! Reload: who is asked, in which order, and what becomes of the answers. Rows R1 to R5.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::reloads::*;
use common::services::*;
use common::*;
use foster::{
    FailureKind, Reload, ReloadErrorKind, ReloadOutcome, ReloadReport, ReloadWait, Runtime,
    ServeErrorKind, Settings, Shutdown, Smol, Thread, Tokio, UnitState, service, service_once,
};
use futures_lite::future::block_on;
use tokio::sync::Notify;

on_every_flavour!(
    r1_a_service_that_takes_part_is_asked_and_answers,
    r1_a_dropped_reload_goes_on,
    r2_a_service_is_asked_when_those_before_it_have_answered,
    r2_an_order_holds_by_way_of_those_that_take_no_part,
    r3_a_failed_reload_is_told_and_changes_nothing,
    r3_a_request_that_is_dropped_has_failed,
    r3_whoever_is_too_slow_has_failed_and_a_late_answer_changes_nothing,
    r4_requests_that_come_meanwhile_cause_exactly_one_more,
    r5_a_service_may_be_restarted_instead,
    r5_a_restart_that_fails_has_not_reloaded,
    r5_a_restart_that_takes_too_long_has_not_reloaded,
);

once!(
    r1_a_thread_waits_for_a_reload_or_the_end,
    r1_each_request_goes_to_one_of_the_clones,
    r1_outside_a_service_there_is_no_part,
    r2_independent_services_are_asked_at_once,
    r5_the_attribute_says_so_as_well,
    r5_one_value_is_not_enough_for_it,
);

/// Names, and whether each has reloaded.
fn outcomes(report: &ReloadReport) -> Vec<(&str, bool)> {
    let services = report.services().iter();
    services.map(|one| (one.name(), one.is_done())).collect()
}

#[track_caller]
fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn r1_a_service_that_takes_part_is_asked_and_answers(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(flavour, runtime.unit(), "taker", &asked).ready();
    let until_asked = || async { Shutdown::current().requested().await };
    let other = flavour.serve(runtime.unit(), until_asked).unwrap();
    assert!(other.wait_ready(SOON));
    for _ in 0..3 {
        let reloading = runtime.reload();
        assert_eq!(
            reloading.wait(Duration::ZERO).unwrap_err().kind(),
            ReloadErrorKind::Late
        );
        taker.request().done();
        let report = block_on(reloading).unwrap();
        assert_eq!(outcomes(&report), [("taker", true)]);
    }
    assert_eq!(asked.read().len(), 3);
    assert_eq!((taker.unit.restarts(), other.restarts()), (0, 0));
    end(&runtime);
}

fn r1_a_dropped_reload_goes_on(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let first = Taker::serve(flavour, runtime.unit(), "first", &asked).ready();
    let second = Taker::serve(flavour, runtime.unit().after("first"), "second", &asked).ready();
    drop(runtime.reload());
    first.request().done();
    second.request().done();
    end(&runtime);
}

fn r1_a_thread_waits_for_a_reload_or_the_end() {
    let (clock, runtime) = manual();
    let seen = Log::new();
    let log = seen.clone();
    let run = move || {
        let (_token, reload) = (Shutdown::current(), Reload::current());
        loop {
            log.write("waits");
            match reload.wait_timeout(SECOND) {
                ReloadWait::Requested(request) => request.done(),
                ReloadWait::Ended => break log.write("ended"),
                ReloadWait::TimedOut => log.write("timed out"),
            }
        }
    };
    let unit = runtime.serve(service(Thread, run)).unwrap();
    let waits = |times| {
        expect("it waits", || {
            seen.read().iter().filter(|what| **what == "waits").count() == times
        });
    };
    assert!(unit.wait_ready(SOON));
    waits(1);
    runtime.reload().wait(SOON).unwrap();
    waits(2);
    clock.advance(SECOND);
    waits(3);
    assert_eq!(seen.read(), ["waits", "waits", "timed out", "waits"]);
    unit.stop();
    expect("it ends", || unit.state() == UnitState::Ended);
    assert_eq!(seen.read().last(), Some(&"ended"));
    end(&runtime);
}

fn r1_each_request_goes_to_one_of_the_clones() {
    let (runtime, seen) = (started(), Log::new());
    let log = seen.clone();
    let run = move || {
        let log = log.clone();
        async move {
            let (_token, reload) = (Shutdown::current(), Reload::current());
            let helper = reload.clone();
            let written = log.clone();
            let over = apart(move || {
                // A helper hears of the end, too: nobody is left behind.
                while let ReloadWait::Requested(request) = helper.wait_timeout(SOON) {
                    written.write("asked");
                    request.done();
                }
            });
            while let Some(request) = reload.requested().await {
                log.write("asked");
                request.done();
            }
            over.expect("the helper ends");
        }
    };
    let unit = runtime.serve(service(Smol, run)).unwrap();
    assert!(unit.wait_ready(SOON));
    for times in 1..=5 {
        runtime.reload().wait(SOON).unwrap();
        assert_eq!(seen.read().len(), times);
    }
    end(&runtime);
}

fn r1_outside_a_service_there_is_no_part() {
    assert!(Reload::try_current().is_none());
    let runtime = started();
    let inside = runtime.execute(Smol, || async { Reload::try_current().is_none() });
    assert!(inside.unwrap());
    let panic = std::panic::catch_unwind(Reload::current).unwrap_err();
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    assert!(text.unwrap().contains("try_current"));
    end(&runtime);
}

fn r2_a_service_is_asked_when_those_before_it_have_answered(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let unit = || runtime.unit();
    let a = Taker::serve(flavour, unit(), "a", &asked).ready();
    let b = Taker::serve(Tokio, unit().after("a"), "b", &asked).ready();
    let c = Taker::serve(flavour, unit().after("a").after("b"), "c", &asked).ready();
    let reloading = runtime.reload();
    let first = a.request();
    assert_eq!(asked.read(), ["a"]);
    // Whatever the answer is.
    first.failed("on purpose");
    let second = b.request();
    assert_eq!(asked.read(), ["a", "b"]);
    drop(second);
    c.request().done();
    let error = reloading.wait(SOON).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Failed);
    let expected = [("a", false), ("b", false), ("c", true)];
    assert_eq!(outcomes(error.report()), expected);
    end(&runtime);
}

fn r2_an_order_holds_by_way_of_those_that_take_no_part(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let a = Taker::serve(flavour, runtime.unit(), "a", &asked).ready();
    let until_asked = || async { Shutdown::current().requested().await };
    let between = runtime.unit().name("between").after("a");
    let between = flavour.serve(between, until_asked).unwrap();
    // One that has ended, too, and is gone when the reload comes.
    let once = runtime.unit().name("once").after("between");
    let go_on = Arc::new(Notify::new());
    let goes_on = Arc::clone(&go_on);
    let run = move || {
        let goes_on = Arc::clone(&goes_on);
        async move { goes_on.notified().await }
    };
    let once = flavour.serve(once, run).unwrap();
    let unit = runtime.unit().after(&*once);
    let c = Taker::serve(flavour, unit, "c", &asked);
    assert!(between.wait_ready(SOON));
    let c = c.ready();
    go_on.notify_one();
    assert!(once.wait_stopped(SOON));
    let reloading = runtime.reload();
    let first = a.request();
    assert_eq!((asked.read(), c.holds()), (vec!["a"], 0));
    first.done();
    c.request().done();
    reloading.wait(SOON).unwrap();
    end(&runtime);
}

fn r2_independent_services_are_asked_at_once() {
    let (runtime, asked) = (started(), Log::new());
    let one = Taker::serve(Smol, runtime.unit(), "one", &asked).ready();
    let two = Taker::serve(Tokio, runtime.unit(), "two", &asked).ready();
    let three = Taker::serve(Thread, runtime.unit(), "three", &asked).ready();
    let reloading = runtime.reload();
    let requests = [two.request(), one.request(), three.request()];
    requests.into_iter().for_each(|request| request.done());
    reloading.wait(SOON).unwrap();
    end(&runtime);
}

fn r3_a_failed_reload_is_told_and_changes_nothing(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(flavour, runtime.unit(), "taker", &asked).ready();
    let reloading = runtime.reload();
    let error = std::io::Error::other("no such port");
    taker.request().failed(error);
    let error = block_on(reloading).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Failed);
    assert!(
        error.to_string().contains("`taker` (no such port)"),
        "{error}"
    );
    let service = &error.report().services()[0];
    let ReloadOutcome::Failed(failure) = service.outcome() else {
        panic!("{service:?}");
    };
    assert_eq!(failure.kind(), FailureKind::NotReloaded);
    assert!(failure.error().unwrap().is::<std::io::Error>());
    assert_eq!(taker.unit.state(), UnitState::Running);
    assert!(taker.unit.last_failure().is_none());
    // The next one is asked for itself.
    let reloading = runtime.reload();
    taker.request().done();
    reloading.wait(SOON).unwrap();
    end(&runtime);
}

fn r3_a_request_that_is_dropped_has_failed(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(flavour, runtime.unit(), "taker", &asked).ready();
    let reloading = runtime.reload();
    drop(taker.request());
    let error = reloading.wait(SOON).unwrap_err();
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Unanswered), "{outcome:?}");
    assert_eq!(taker.unit.state(), UnitState::Running);
    end(&runtime);
}

/// A runtime whose services have ten seconds to answer.
fn ten_seconds() -> (foster::Clock, Runtime) {
    let clock = foster::Clock::manual();
    let builder = builder().clock(clock.clone()).reload_timeout(10 * SECOND);
    let runtime = builder.build();
    runtime.start().unwrap();
    (clock, runtime)
}

fn r3_whoever_is_too_slow_has_failed_and_a_late_answer_changes_nothing(flavour: impl Host) {
    let (clock, runtime) = ten_seconds();
    let asked = Log::new();
    let slow = Taker::serve(flavour, runtime.unit(), "slow", &asked).ready();
    let next = Taker::serve(flavour, runtime.unit().after("slow"), "next", &asked).ready();
    let reloading = runtime.reload();
    let late = slow.request();
    clock.advance(10 * SECOND - Duration::from_millis(1));
    assert_eq!(next.holds(), 0);
    clock.advance(Duration::from_millis(1));
    // Each has its own time from when it is asked.
    let request = next.request();
    clock.advance(9 * SECOND);
    request.done();
    let error = reloading.wait(SOON).unwrap_err();
    assert_eq!(outcomes(error.report()), [("slow", false), ("next", true)]);
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Late), "{outcome:?}");
    // In the next reload the old request is no answer.
    let reloading = runtime.reload();
    let in_time = slow.request();
    late.failed("too late");
    assert_eq!(next.holds(), 0);
    in_time.done();
    next.request().done();
    assert!(reloading.wait(SOON).unwrap().is_done());
    assert!(slow.unit.last_failure().is_none());
    end(&runtime);
}

fn r4_requests_that_come_meanwhile_cause_exactly_one_more(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(flavour, runtime.unit(), "taker", &asked).ready();
    let first = runtime.reload();
    let request = taker.request();
    let meanwhile: Vec<_> = (0..5).map(|_| runtime.reload()).collect();
    request.failed("the first one alone");
    first.wait(SOON).unwrap_err();
    let request = taker.request();
    for other in &meanwhile {
        let error = other.wait(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ReloadErrorKind::Late);
    }
    request.done();
    for other in meanwhile {
        other.wait(SOON).unwrap();
    }
    // There is none after that: the next one is asked for itself.
    let next = runtime.reload();
    taker.request().done();
    next.wait(SOON).unwrap();
    assert_eq!(asked.read().len(), 3);
    end(&runtime);
}

fn r5_a_service_may_be_restarted_instead(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let first = Taker::serve(flavour, runtime.unit(), "first", &asked).ready();
    let unit = runtime.unit().after("first").restart_on_reload();
    let restarted = Taker::serve(flavour, unit, "restarted", &asked).ready();
    let last = Taker::serve(flavour, runtime.unit().after("restarted"), "last", &asked).ready();
    let reloading = runtime.reload();
    let request = first.request();
    assert_eq!(restarted.unit.restarts(), 0);
    request.done();
    // It is ready again by then.
    let request = last.request();
    assert_eq!(restarted.unit.restarts(), 1);
    assert_eq!(restarted.unit.state(), UnitState::Running);
    request.done();
    let report = reloading.wait(SOON).unwrap();
    let expected = [("first", true), ("restarted", true), ("last", true)];
    assert_eq!(outcomes(&report), expected);
    // It was asked for nothing.
    assert_eq!(asked.read(), ["first", "last"]);
    end(&runtime);
}

fn r5_a_restart_that_fails_has_not_reloaded(flavour: impl Host) {
    let runtime = started();
    let runs = Log::new();
    let log = runs.clone();
    let run = move || {
        log.write(());
        let is_first = log.read().len() == 1;
        async move {
            let token = Shutdown::current();
            if !is_first {
                return Err("no such file");
            }
            foster::Ready::current().notify();
            token.requested().await;
            Ok(())
        }
    };
    let unit = runtime.unit().name("unlucky").restart_on_reload();
    let unit = unit.notifies_ready().may_fail();
    let unit = flavour.serve(unit, run).unwrap();
    assert!(unit.wait_ready(SOON));
    let error = runtime.reload().wait(SOON).unwrap_err();
    let ReloadOutcome::Failed(failure) = error.report().services()[0].outcome() else {
        panic!("{error:?}");
    };
    assert_eq!(failure.message(), "no such file");
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Failed);
    end(&runtime);
}

fn r5_a_restart_that_takes_too_long_has_not_reloaded(flavour: impl Host) {
    let (clock, runtime) = ten_seconds();
    let (runs, go_on) = (Log::new(), Event::new());
    let (log, goes_on) = (runs.clone(), go_on.clone());
    let run = move || {
        log.write(());
        let (is_first, goes_on) = (log.read().len() == 1, goes_on.clone());
        async move {
            let (token, ready) = (Shutdown::current(), foster::Ready::current());
            if is_first {
                ready.notify();
            } else {
                let ready = ready.clone();
                apart(move || {
                    goes_on.expect("the test says so");
                    ready.notify();
                });
            }
            token.requested().await;
        }
    };
    let unit = runtime.unit().notifies_ready().restart_on_reload();
    let unit = flavour.serve(unit, run).unwrap();
    assert!(unit.wait_ready(SOON));
    let reloading = runtime.reload();
    expect("it starts again", || runs.read().len() == 2);
    clock.advance(10 * SECOND);
    let error = reloading.wait(SOON).unwrap_err();
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Late), "{outcome:?}");
    // It goes on with its start.
    go_on.happen();
    assert!(unit.wait_ready(SOON));
    end(&runtime);
}

/// By the attribute.
#[foster::service(flavour = Tokio, restart_on_reload)]
async fn attributed() {
    Shutdown::current().requested().await;
}

fn r5_the_attribute_says_so_as_well() {
    let runtime = started();
    let unit = runtime.serve(attributed).unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.reload().wait(SOON).unwrap();
    assert_eq!(unit.restarts(), 1);
    end(&runtime);
}

fn r5_one_value_is_not_enough_for_it() {
    let runtime = started();
    let once = || service_once(Smol, || async { Shutdown::current().requested().await });
    let unit = runtime.unit().restart_on_reload();
    let error = unit.serve(once()).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Settings);
    assert!(error.to_string().contains("`restart_on_reload`"), "{error}");
    let settings = Settings::new().restart_on_reload();
    let unit = runtime.unit().with(settings).serve_with(once).unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.reload().wait(SOON).unwrap();
    assert_eq!(unit.restarts(), 1);
    end(&runtime);
}
