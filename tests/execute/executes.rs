//! Execute: values, panics, callers that are let go. Rows E1 to E3 and E5.

use super::*;

on_every_flavour!(
    e1_execute_returns_the_value_and_an_error_is_a_value,
    e1_execute_before_the_start_and_after_the_end_is_an_error,
    e2_a_panic_goes_on_in_the_caller_and_the_runtime_goes_on,
);

on_async_flavours!(
    e5_a_blocked_caller_is_let_go_when_its_payload_is_cancelled,
    e5_a_blocked_caller_is_let_go_when_the_flavour_is_stuck,
);

once!(e3_execute_on_threads_runs_on_the_callers_thread);

fn e1_execute_returns_the_value_and_an_error_is_a_value<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    assert_eq!(flavour.execute(&runtime, || vec![1, 2]).unwrap(), [1, 2]);
    let value = flavour.execute(&runtime, || Err::<(), _>("mine")).unwrap();
    assert_eq!(value, Err("mine"));
    assert_eq!(flavour.execute(&runtime, || Some(1)).unwrap(), Some(1));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e1_execute_before_the_start_and_after_the_end_is_an_error<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::NotRunning);
    assert!(error.to_string().contains("not running"), "{error}");
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::NotRunning);
    runtime.start().unwrap();
    flavour.execute(&runtime, || ()).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    assert_eq!(error.flavour(), F::NAME);
}

fn e2_a_panic_goes_on_in_the_caller_and_the_runtime_goes_on<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let panic = panic_of(|| flavour.execute(&runtime, || -> () { panic!("mine") }));
    assert_eq!(panic, Some("mine"));
    assert_eq!(flavour.execute(&runtime, || 1).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e3_execute_on_threads_runs_on_the_callers_thread() {
    let runtime = started();
    let here = thread::current().id();
    assert_eq!(
        runtime
            .execute(Thread, move || thread::current().id())
            .unwrap(),
        here
    );
    // Also from a thread of the flavour itself, and from a coroutine.
    let inner = runtime.clone();
    let same = runtime.call(Thread, move || {
        let here = thread::current().id();
        inner
            .execute(Thread, move || thread::current().id())
            .unwrap()
            == here
    });
    assert!(block_on(same).unwrap());
    let inner = runtime.clone();
    let same = runtime.execute(Smol, move || async move {
        let here = thread::current().id();
        inner
            .execute(Thread, move || thread::current().id())
            .unwrap()
            == here
    });
    assert!(same.unwrap());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e5_a_blocked_caller_is_let_go_when_its_payload_is_cancelled<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let polled = Event::new();
    let (inner, is_polled) = (runtime.clone(), polled.clone());
    let caller = thread::spawn(move || {
        inner.execute(flavour, move || async move {
            is_polled.happen();
            pending::<()>().await;
        })
    });
    polled.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
    assert!(error.to_string().contains("cancelled"), "{error}");
}

fn e5_a_blocked_caller_is_let_go_when_the_flavour_is_stuck<F: AsyncFlavour>(flavour: F) {
    let (runtime, go) = stuck(flavour);
    let inner = runtime.clone();
    let caller = thread::spawn(move || inner.execute(flavour, || async {}));
    runtime.shutdown();
    runtime.wait().unwrap_err();
    let kind = caller.join().unwrap().unwrap_err().kind();
    // Refused if the stop came first, let go if not; either way it does not hang.
    assert!(matches!(
        kind,
        ExecuteErrorKind::Cancelled | ExecuteErrorKind::Stopping
    ));
    go.happen();
}
