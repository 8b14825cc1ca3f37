//! When a runtime is ready. Row V18.

use super::*;

on_every_flavour!(
    v18_a_runtime_is_ready_when_its_services_are,
    v18_one_that_failed_alone_is_passed_over,
    v18_a_stop_that_comes_first_is_an_error,
    v18_the_failure_that_comes_first_is_told,
);

fn v18_a_runtime_is_ready_when_its_services_are<F: Host>(flavour: F) {
    let (clock, runtime) = (Clock::manual(), builder());
    let runtime = runtime.clock(clock.clone()).build();
    let go = Event::new();
    let gone = go.clone();
    let slow = runtime.unit().name("slow").notifies_ready();
    let slow = flavour.serve(slow, move || {
        let (go, ready) = (gone.clone(), Ready::current());
        std::thread::spawn(move || {
            go.expect("the test says so");
            ready.notify();
        });
        until_asked()
    });
    let slow = slow.unwrap();
    let quick = flavour.serve(runtime.unit(), until_asked).unwrap();
    let early = runtime.ready();
    let error = runtime.wait_ready(Duration::ZERO).unwrap_err();
    assert_eq!(error.kind(), ReadyErrorKind::Late);
    assert_eq!(error.unready().len(), 2);
    assert!(
        error.to_string().ends_with("; it was not started"),
        "{error}"
    );
    runtime.start().unwrap();
    quick.expect(UnitState::Running);
    slow.expect(UnitState::Starting);
    // One that comes after the start is not waited for.
    let late = runtime.unit().notifies_ready();
    let late = flavour.serve(late, until_asked).unwrap();
    let error = runtime.wait_ready(Duration::ZERO).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the runtime is not ready in time: not ready are `slow`"
    );
    go.happen();
    block_on(early).unwrap();
    runtime.wait_ready(Duration::ZERO).unwrap();
    assert!(!late.wait_ready(Duration::ZERO));
    runtime.shutdown();
    let _ = runtime.wait();
    block_on(runtime.ready()).unwrap();
}

fn v18_one_that_failed_alone_is_passed_over<F: Host>(flavour: F) {
    let runtime = runtime();
    let cache = runtime.unit().notifies_ready().may_fail();
    flavour
        .serve(cache, || async { Err::<(), _>("no cache") })
        .unwrap();
    let off = flavour
        .serve(runtime.unit().startable(), until_asked)
        .unwrap();
    off.stop();
    flavour.serve(runtime.unit(), until_asked).unwrap();
    runtime.start().unwrap();
    runtime.wait_ready(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    // Without services it is ready at once.
    let runtime = common::runtime();
    let ready = runtime.ready();
    runtime.start().unwrap();
    block_on(ready).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v18_a_stop_that_comes_first_is_an_error<F: Host>(flavour: F) {
    let runtime = runtime();
    let slow = runtime.unit().name("slow").notifies_ready();
    let slow = flavour.serve(slow, until_asked).unwrap();
    runtime.start().unwrap();
    slow.expect(UnitState::Starting);
    let ready = runtime.ready();
    runtime.shutdown();
    let error = block_on(ready).unwrap_err();
    assert_eq!(error.kind(), ReadyErrorKind::Stopping);
    let _ = runtime.wait();
    assert!(runtime.wait_ready(SOON).is_err());
    // Before the start, as well.
    let runtime = common::runtime();
    flavour
        .serve(runtime.unit().name("never"), until_asked)
        .unwrap();
    let ready = runtime.ready();
    runtime.shutdown();
    runtime.run().unwrap();
    let error = block_on(ready).unwrap_err();
    assert_eq!(error.kind(), ReadyErrorKind::Stopping);
}

/// A program that returns the error of the wait says all that there is to say.
fn v18_the_failure_that_comes_first_is_told<F: Host>(flavour: F) {
    let runtime = runtime();
    let db = runtime.unit().name("db").notifies_ready();
    let db = flavour.serve(db, || async { Err::<(), _>("no such host") });
    let api = flavour.serve(runtime.unit().name("api").after("db"), until_asked);
    db.unwrap();
    api.unwrap();
    runtime.start().unwrap();
    let error = runtime.wait_ready(SOON).unwrap_err();
    assert_eq!(error.kind(), ReadyErrorKind::Stopping);
    assert_eq!(error.cause().unwrap().message(), "no such host");
    let text = error.to_string();
    assert!(
        text.starts_with("the runtime stops before it was ready: not ready are "),
        "{text}"
    );
    assert!(text.contains("; it stops as service `db` on "), "{text}");
    assert!(text.ends_with(": no such host"), "{text}");
    runtime.wait().unwrap_err();
}
