//! Runtimes that have not started, that stop, and several of them. Rows R1 and R7.

use super::*;

on_every_flavour!(
    r7_the_stop_ends_a_reload_and_the_next_one,
    r7_answers_while_the_runtime_stops_change_nothing,
);

once!(
    r1_with_nobody_to_ask_it_is_done_at_once,
    r1_two_runtimes_reload_apart,
    r1_a_payload_may_ask_for_it_and_await_it,
    r7_a_runtime_that_was_not_started_says_so,
    r7_a_runtime_that_stops_says_so,
    r7_a_dropped_runtime_ends_a_reload,
);

fn r7_the_stop_ends_a_reload_and_the_next_one(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let done = Taker::serve(flavour, runtime.unit(), "done", &asked).ready();
    let asks = Taker::serve(flavour, runtime.unit().after("done"), "asks", &asked).ready();
    let (first, next) = (runtime.reload(), runtime.reload());
    done.request().done();
    let request = asks.request();
    runtime.shutdown();
    let error = first.wait(SOON).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Stopping);
    assert_eq!(names(error.report()), ["done"]);
    let error = block_on(next).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Stopping);
    assert!(error.report().services().is_empty());
    drop(request);
    runtime.wait().unwrap();
    assert_eq!(asked.read(), ["done", "asks"]);
}

fn r7_answers_while_the_runtime_stops_change_nothing(flavour: impl Host) {
    let (runtime, asked) = (started(), Log::new());
    let first = Taker::serve(flavour, runtime.unit(), "first", &asked).ready();
    let next = Taker::serve(flavour, runtime.unit().after("first"), "next", &asked).ready();
    let reloading = runtime.reload();
    let request = first.request();
    runtime.shutdown();
    request.failed("too late");
    let error = reloading.wait(SOON).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Stopping);
    // Neither a failure of the runtime's nor a reason to go on with it.
    runtime.wait().unwrap();
    assert_eq!(next.holds(), 0);
}

fn r1_with_nobody_to_ask_it_is_done_at_once() {
    // Without services there is no supervisor's thread either.
    let runtime = started();
    for _ in 0..3 {
        let report = runtime.reload().wait(Duration::ZERO).unwrap();
        assert!(report.services().is_empty() && report.is_done());
    }
    let unit = runtime.serve(service(Tokio, || async {
        Shutdown::current().requested().await;
    }));
    assert!(unit.unwrap().wait_ready(SOON));
    let report = block_on(runtime.reload()).unwrap();
    assert!(report.services().is_empty());
    end(&runtime);
}

fn r1_two_runtimes_reload_apart() {
    let (one, other, asked) = (started(), started(), Log::new());
    let of_one = Taker::serve(Smol, one.unit(), "one", &asked).ready();
    let of_other = Taker::serve(Thread, other.unit(), "other", &asked).ready();
    let reloading = one.reload();
    of_one.request().done();
    assert_eq!(names(&reloading.wait(SOON).unwrap()), ["one"]);
    assert_eq!(of_other.holds(), 0);
    let (first, second) = (one.reload(), other.reload());
    one.shutdown();
    assert_eq!(
        first.wait(SOON).unwrap_err().kind(),
        ReloadErrorKind::Stopping
    );
    of_other.request().done();
    second.wait(SOON).unwrap();
    drop(of_one);
    one.wait().unwrap();
    end(&other);
}

fn r1_a_payload_may_ask_for_it_and_await_it() {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(Smol, runtime.unit(), "taker", &asked).ready();
    let handle = runtime.clone();
    // On the very flavour on which the service answers.
    let call = runtime.call(Smol, move || async move { handle.reload().await });
    let answers = apart(move || taker.request().done());
    let report = block_on(call).unwrap().unwrap();
    assert_eq!(names(&report), ["taker"]);
    answers.expect("it has answered");
    end(&runtime);
}

fn r7_a_runtime_that_was_not_started_says_so() {
    let (runtime, asked) = (runtime(), Log::new());
    let taker = Taker::serve(Smol, runtime.unit(), "taker", &asked);
    let error = runtime.reload().wait(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::NotRunning);
    runtime.start().unwrap();
    let taker = taker.ready();
    assert_eq!(taker.holds(), 0);
    end(&runtime);
    // One that was asked to end before its start never ran either.
    let runtime = common::runtime();
    runtime.shutdown();
    let error = block_on(runtime.reload()).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::NotRunning);
}

fn r7_a_runtime_that_stops_says_so() {
    let runtime = started();
    assert!(!runtime.is_stopping());
    runtime.shutdown();
    assert!(runtime.is_stopping());
    for _ in 0..2 {
        let error = runtime.reload().wait(Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ReloadErrorKind::Stopping);
        runtime.wait().unwrap();
    }
}

fn r7_a_dropped_runtime_ends_a_reload() {
    let (runtime, asked) = (started(), Log::new());
    let taker = Taker::serve(Tokio, runtime.unit(), "taker", &asked).ready();
    let reloading = runtime.reload();
    let request = taker.request();
    drop(runtime);
    let error = block_on(reloading).unwrap_err();
    assert_eq!(error.kind(), ReloadErrorKind::Stopping);
    request.done();
}
