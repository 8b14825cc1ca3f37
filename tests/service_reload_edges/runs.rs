//! Runs that begin, end or are asked to end meanwhile. Rows R1, R3 and R6.

use super::*;

on_every_flavour!(
    r1_those_that_have_not_started_are_left_alone,
    r1_one_that_starts_and_takes_part_is_asked,
    r3_a_run_that_ends_before_its_answer_has_not_reloaded,
    r3_a_panic_is_no_answer,
    r3_one_that_never_answers_holds_up_no_later_reload,
    r6_a_run_that_ends_before_its_turn_is_passed_over,
    r6_one_that_is_asked_to_end_before_its_turn_is_passed_over,
    r6_a_new_run_is_not_asked_what_the_one_before_was,
    r6_a_part_says_when_the_run_is_to_end,
    r6_a_request_waits_for_whoever_looks,
);

once!(r6_a_delayed_service_is_left_alone);

fn r1_those_that_have_not_started_are_left_alone(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let go_on = Event::new();
    let goes_on = go_on.clone();
    let first = move || {
        let goes_on = goes_on.clone();
        async move {
            let (token, ready) = (Shutdown::current(), Ready::current());
            apart(move || {
                goes_on.expect("the test says so");
                ready.notify();
            });
            token.requested().await;
        }
    };
    let first = flavour
        .serve(runtime.unit().name("first").notifies_ready(), first)
        .unwrap();
    let unit = runtime.unit().after("first");
    let asks = Taker::serve(flavour, unit, "asks", &asked);
    let unit = runtime.unit().after("first").restart_on_reload();
    let restarts = Taker::serve(flavour, unit, "restarts", &asked);
    let report = runtime.reload().wait(SOON).unwrap();
    assert!(report.services().is_empty());
    go_on.happen();
    let (asks, restarts) = (asks.ready(), restarts.ready());
    assert_eq!((asks.holds(), restarts.unit.restarts()), (0, 0));
    assert!(first.wait_ready(SOON));
    end(&runtime);
}

fn r1_one_that_starts_and_takes_part_is_asked(flavour: impl Host) {
    let (runtime, took, asked) = (started(), Event::new(), Log::new());
    let (takes, log) = (took.clone(), asked.clone());
    let run = move || {
        let (takes, log) = (takes.clone(), log.clone());
        async move {
            let (_token, reload) = (Shutdown::current(), Reload::current());
            takes.happen();
            // What it read so far is out of date before it is ready.
            while let Some(request) = reload.requested().await {
                log.write(());
                request.done();
                Ready::current().notify();
            }
        }
    };
    let unit = flavour.serve(runtime.unit().notifies_ready(), run).unwrap();
    took.expect("it takes part");
    assert_eq!(unit.state(), UnitState::Starting);
    runtime.reload().wait(SOON).unwrap();
    assert_eq!(asked.read().len(), 1);
    assert!(unit.wait_ready(SOON));
    end(&runtime);
}

/// Takes part, and ends as it is told once it is asked: with a panic or without one.
fn ends_when_asked(flavour: impl Host, runtime: &Runtime, panics: bool) -> Served {
    let took = Event::new();
    let takes = took.clone();
    let run = move || {
        let takes = takes.clone();
        async move {
            let (_token, reload) = (Shutdown::current(), Reload::current());
            takes.happen();
            let request = reload.requested().await;
            // It is over while nobody has answered or dropped its request.
            std::mem::forget(request);
            if panics {
                panic!("on purpose");
            }
        }
    };
    let unit = runtime.unit().name("ends").may_fail();
    let unit = flavour.serve(unit, run).unwrap();
    took.expect("it takes part");
    unit
}

fn r3_a_run_that_ends_before_its_answer_has_not_reloaded(flavour: impl Host) {
    let runtime = started();
    ends_when_asked(flavour, &runtime, false);
    let error = runtime.reload().wait(SOON).unwrap_err();
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Unanswered), "{outcome:?}");
    end(&runtime);
}

fn r3_a_panic_is_no_answer(flavour: impl Host) {
    let runtime = started();
    let unit = ends_when_asked(flavour, &runtime, true);
    let error = block_on(runtime.reload()).unwrap_err();
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Unanswered), "{outcome:?}");
    assert!(unit.wait_stopped(SOON));
    end(&runtime);
}

fn r3_one_that_never_answers_holds_up_no_later_reload(flavour: impl Host) {
    let clock = foster::Clock::manual();
    let builder = builder().clock(clock.clone()).reload_timeout(SECOND);
    let runtime = builder.build();
    runtime.start().unwrap();
    // It takes part, and never looks.
    let took = Event::new();
    let takes = took.clone();
    let deaf = move || {
        let takes = takes.clone();
        async move {
            let (token, _reload) = (Shutdown::current(), Reload::current());
            takes.happen();
            token.requested().await;
        }
    };
    let unit = flavour.serve(runtime.unit().name("deaf"), deaf).unwrap();
    took.expect("it takes part");
    for _ in 0..3 {
        let (first, next) = (runtime.reload(), runtime.reload());
        clock.advance(SECOND);
        first.wait(SOON).unwrap_err();
        // The time of the next one counts from when it begins.
        assert_eq!(
            next.wait(Duration::ZERO).unwrap_err().kind(),
            ReloadErrorKind::Late
        );
        clock.advance(SECOND);
        let error = next.wait(SOON).unwrap_err();
        let outcome = error.report().services()[0].outcome();
        assert!(matches!(outcome, ReloadOutcome::Late), "{outcome:?}");
    }
    assert_eq!(unit.state(), UnitState::Running);
    end(&runtime);
}

fn r6_a_run_that_ends_before_its_turn_is_passed_over(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let first = Taker::serve(flavour, runtime.unit(), "first", &asked).ready();
    let unit = runtime.unit().after("first");
    let ends = Taker::serve(flavour, unit, "ends", &asked).ready();
    let last = Taker::serve(flavour, runtime.unit().after("ends"), "last", &asked).ready();
    let reloading = runtime.reload();
    let request = first.request();
    ends.unit.stop();
    assert!(ends.unit.wait_stopped(SOON));
    // The order is the same without it.
    assert_eq!(last.holds(), 0);
    request.done();
    last.request().done();
    let report = reloading.wait(SOON).unwrap();
    assert_eq!(names(&report), ["first", "last"]);
    end(&runtime);
}

fn r6_one_that_is_asked_to_end_before_its_turn_is_passed_over(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let (is_asked, go_on) = (Event::new(), Arc::new(Notify::new()));
    let first = Taker::serve(flavour, runtime.unit(), "first", &asked).ready();
    let stubborn = {
        let (is_asked, go_on) = (is_asked.clone(), Arc::clone(&go_on));
        move || {
            let (is_asked, go_on) = (is_asked.clone(), Arc::clone(&go_on));
            async move {
                let (token, _reload) = (Shutdown::current(), Reload::current());
                token.requested().await;
                is_asked.happen();
                go_on.notified().await;
            }
        }
    };
    let unit = runtime.unit().name("stubborn").after("first");
    let stubborn = flavour.serve(unit, stubborn).unwrap();
    assert!(stubborn.wait_ready(SOON));
    let reloading = runtime.reload();
    let request = first.request();
    stubborn.restart();
    is_asked.expect("it is asked to end");
    request.done();
    let report = reloading.wait(SOON).unwrap();
    assert_eq!(names(&report), ["first"]);
    go_on.notify_one();
    expect("it starts again", || stubborn.restarts() == 1);
    go_on.notify_one();
    end(&runtime);
}

fn r6_a_new_run_is_not_asked_what_the_one_before_was(flavour: impl Host) {
    let (runtime, seen) = (started(), Log::new());
    let took = Log::new();
    let (log, takes) = (seen.clone(), took.clone());
    let run = move || {
        let (log, takes) = (log.clone(), takes.clone());
        async move {
            let (token, reload) = (Shutdown::current(), Reload::current());
            takes.write(());
            if takes.read().len() == 1 {
                // It never looks.
                return token.requested().await;
            }
            while let Some(request) = reload.requested().await {
                log.write(());
                request.done();
            }
        }
    };
    let unit = flavour.serve(runtime.unit(), run).unwrap();
    assert!(unit.wait_ready(SOON));
    expect("it takes part", || took.read().len() == 1);
    let reloading = runtime.reload();
    unit.restart();
    let error = reloading.wait(SOON).unwrap_err();
    let outcome = error.report().services()[0].outcome();
    assert!(matches!(outcome, ReloadOutcome::Unanswered), "{outcome:?}");
    expect("it takes part again", || took.read().len() == 2);
    assert!(unit.wait_ready(SOON));
    assert!(seen.read().is_empty());
    runtime.reload().wait(SOON).unwrap();
    assert_eq!(seen.read().len(), 1);
    end(&runtime);
}

fn r6_a_part_says_when_the_run_is_to_end(flavour: impl Host) {
    let (runtime, kept) = (started(), Log::new());
    let log = kept.clone();
    let run = move || {
        let log = log.clone();
        async move {
            let (_token, reload) = (Shutdown::current(), Reload::current());
            log.write(reload.clone());
            while let Some(request) = reload.requested().await {
                request.done();
            }
        }
    };
    let unit = flavour.serve(runtime.unit(), run).unwrap();
    expect("it takes part", || !kept.read().is_empty());
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    // For good: whoever keeps it hears nothing else.
    let reload = kept.read().remove(0);
    assert!(block_on(reload.requested()).is_none());
    assert!(matches!(
        reload.wait_timeout(SOON),
        foster::ReloadWait::Ended
    ));
    end(&runtime);
    assert!(block_on(reload.requested()).is_none());
}

fn r6_a_request_waits_for_whoever_looks(flavour: impl Host) {
    let (runtime, took, go_on) = (started(), Event::new(), Arc::new(Notify::new()));
    let (takes, goes_on) = (took.clone(), Arc::clone(&go_on));
    let run = move || {
        let (takes, goes_on) = (takes.clone(), Arc::clone(&goes_on));
        async move {
            let (token, reload) = (Shutdown::current(), Reload::current());
            // Dropped midway, it loses nothing.
            drop(reload.requested());
            takes.happen();
            goes_on.notified().await;
            drop(reload.requested());
            let request = reload.requested().await;
            request.expect("it was asked meanwhile").done();
            token.requested().await;
        }
    };
    flavour.serve(runtime.unit(), run).unwrap();
    took.expect("it takes part");
    let reloading = runtime.reload();
    go_on.notify_one();
    reloading.wait(SOON).unwrap();
    end(&runtime);
}

fn r6_a_delayed_service_is_left_alone() {
    let clock = foster::Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    runtime.start().unwrap();
    let runs = Log::new();
    let log = runs.clone();
    let run = move || {
        log.write(());
        let is_first = log.read().len() == 1;
        async move {
            let (token, _reload) = (Shutdown::current(), Reload::current());
            match is_first {
                true => Err("on purpose"),
                false => {
                    token.requested().await;
                    Ok(())
                }
            }
        }
    };
    let restart = Restart::on_failure().delay(10 * SECOND);
    let unit = runtime.unit().restart(restart).restart_on_reload();
    let unit = unit.serve(service(Smol, run)).unwrap();
    expect("it waits", || unit.state() == UnitState::Delayed);
    let report = runtime.reload().wait(SOON).unwrap();
    assert!(report.services().is_empty());
    assert_eq!(unit.state(), UnitState::Delayed);
    clock.advance(10 * SECOND);
    assert!(unit.wait_ready(SOON));
    end(&runtime);
}
