//! Executes and calls while the runtime stops. Row L7.

use super::*;

on_every_flavour!(
    l7_while_stopping_executes_and_calls_are_taken_from_anywhere,
    l7_where_nothing_was_started_executes_and_calls_are_refused,
    l7_a_late_call_with_a_token_is_waited_for,
    l7_a_stream_of_calls_does_not_hold_the_stop_open,
);

/// Holds the grace time of `runtime` open until the event that it returns.
fn hold_open(runtime: &foster::Runtime) -> Event {
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    let holder = move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&its_go);
    };
    runtime.named("holder").adopt(Thread, holder).unwrap();
    held.expect("the grace time is held open");
    go
}

fn l7_while_stopping_executes_and_calls_are_taken_from_anywhere<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let go = hold_open(&runtime);
    runtime.shutdown();
    // Not one of them comes from a payload, nor is the flavour started already.
    for _ in 0..64 {
        assert_eq!(flavour.execute(&runtime, || 1).unwrap(), 1);
        assert_eq!(block_on(flavour.call(&runtime, || 2)).unwrap(), 2);
    }
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), foster::AdoptErrorKind::Stopping);
    go.happen();
    runtime.wait().unwrap();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
}

fn l7_where_nothing_was_started_executes_and_calls_are_refused<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    runtime.shutdown();
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    let error = block_on(flavour.call(&runtime, || ())).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
    runtime.run().unwrap();
}

fn l7_a_late_call_with_a_token_is_waited_for<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let go = hold_open(&runtime);
    runtime.shutdown();
    let (held, on) = (Event::new(), Event::new());
    let (is_held, goes_on) = (held.clone(), on.clone());
    let call = flavour.call(&runtime, move || {
        let _token = Shutdown::current();
        is_held.happen();
        block_until(&goes_on);
        3
    });
    let caller = thread::spawn(move || block_on(call));
    held.expect("the late call holds a token");
    let (over, waiter) = wait_apart(runtime);
    go.happen();
    assert!(!over.happens_within(Duration::from_millis(100)));
    on.happen();
    assert_eq!(caller.join().unwrap().unwrap(), 3);
    waiter.join().unwrap().unwrap();
}

fn l7_a_stream_of_calls_does_not_hold_the_stop_open<F: AnyFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let go = hold_open(&runtime);
    runtime.shutdown();
    // So many that at any moment some are under way, and some have not begun where they come in turn.
    let callers: Vec<_> = (0..16)
        .map(|number| {
            // All different, so that they do not end together.
            let time = Duration::from_millis(4 + number);
            let (runtime, called) = (runtime.clone(), Event::new());
            let has_called = called.clone();
            let caller = thread::spawn(move || {
                loop {
                    let takes_time = move || thread::sleep(time);
                    match block_on(flavour.call(&runtime, takes_time)) {
                        Ok(()) => has_called.happen(),
                        Err(error) => return error.kind(),
                    }
                }
            });
            (caller, called)
        })
        .collect();
    for (_, called) in &callers {
        called.expect("all of them call");
    }
    let (over, waiter) = wait_apart(runtime);
    go.happen();
    over.expect("the stop comes to its end");
    waiter.join().unwrap().unwrap();
    for (caller, _) in callers {
        let kind = caller.join().unwrap();
        let kinds = [ExecuteErrorKind::Stopping, ExecuteErrorKind::Cancelled];
        assert!(kinds.contains(&kind), "{kind:?}");
    }
}
