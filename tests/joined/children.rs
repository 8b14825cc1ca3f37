//! Calls that are started, waited for, and dropped. Row E7.

use super::*;

on_every_flavour!(
    e7_a_started_call_runs_by_itself,
    e7_a_thread_waits_for_the_value,
    e7_a_refusal_is_the_result,
    e7_a_panic_goes_on_in_whoever_waits,
    e7_a_caught_panic_is_an_error,
    e7_a_caught_panic_that_nobody_takes_is_a_failure,
    e7_a_wait_ends_with_its_time,
    e7_the_first_error_cancels_the_others,
    e7_a_payload_that_returns_a_caught_panic_has_failed,
);

on_async_flavours!(
    e7_dropping_a_started_call_cancels_the_coroutine,
    e7_children_that_are_started_run_beside_each_other,
);

once!(e7_threads_that_are_started_run_beside_each_other);

fn e7_a_started_call_runs_by_itself<F: AnyFlavour>(flavour: F) {
    let (runtime, ran) = (started(), Event::new());
    let runs = ran.clone();
    let call = flavour.call(&runtime, move || {
        runs.happen();
        1
    });
    assert!(format!("{call:?}").contains("not handed in"));
    let call = call.started();
    ran.expect("nobody polls the call");
    // A second time nothing happens.
    let call = call.started();
    assert!(format!("{call:?}").contains("under way"));
    assert_eq!(block_on(call).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_a_thread_waits_for_the_value<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    assert_eq!(flavour.call(&runtime, || 1).wait().unwrap(), 1);
    assert_eq!(flavour.call(&runtime, || 2).started().wait().unwrap(), 2);
    let mut call = flavour.call(&runtime, || 3);
    assert_eq!(call.wait_timeout(SOON).unwrap().unwrap(), 3);
    let again = catch_unwind(AssertUnwindSafe(|| call.wait_timeout(SOON)));
    assert!(again.is_err());
    // While it blocks, and not only afterwards.
    let (go, waits) = (Event::new(), Event::new());
    let (its_go, waiting) = (go.clone(), waits.clone());
    let call = flavour.call(&runtime, move || {
        waiting.happen();
        block_until(&its_go);
        4
    });
    let waiter = thread::spawn(move || call.wait());
    waits.expect("the payload runs");
    go.happen();
    assert_eq!(waiter.join().unwrap().unwrap(), 4);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_a_refusal_is_the_result<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let kind = |call: Call<()>| call.started().wait().unwrap_err().kind();
    let not_running = ExecuteErrorKind::NotRunning;
    assert_eq!(kind(flavour.call(&runtime, || ())), not_running);
    let mut early = flavour.call(&runtime, || ()).started();
    runtime.start().unwrap();
    // It was refused when it was handed in.
    let error = early.wait_timeout(Duration::ZERO).unwrap().unwrap_err();
    assert_eq!(error.kind(), not_running);
    let error = block_on(flavour.call_named(&runtime, "", || ()).started()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Name);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(
        kind(flavour.call(&runtime, || ())),
        ExecuteErrorKind::Stopping
    );
}

fn e7_a_panic_goes_on_in_whoever_waits<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let panics = || flavour.call(&runtime, || -> u32 { panic!("mine") });
    let panic = catch_unwind(AssertUnwindSafe(|| panics().wait())).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"mine"));
    let mut call = panics();
    let timed = AssertUnwindSafe(|| call.wait_timeout(SOON));
    let panic = catch_unwind(timed).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"mine"));
    drop(call);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[derive(Debug, PartialEq)]
struct Odd(u32);

fn e7_a_caught_panic_is_an_error<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let panics = |name| {
        let code = || -> u32 { panic!("no such page") };
        flavour.call_named(&runtime, name, code).catch_panic()
    };
    let results = [
        panics("child").wait(),
        block_on(panics("child").started()),
        panics("child").wait_timeout(SOON).unwrap(),
    ];
    for error in results.map(Result::unwrap_err) {
        assert_eq!(error.kind(), ExecuteErrorKind::Panicked);
        assert_eq!((error.payload(), error.flavour()), ("child", F::NAME));
        let text = format!("payload `child` on {} panicked: no such page", F::NAME);
        assert_eq!(error.to_string(), text);
        let value = error.into_panic().unwrap();
        assert_eq!(value.downcast_ref(), Some(&"no such page"));
    }
    // Values that are no text, and errors that are no panics.
    let odd = || -> u32 { std::panic::panic_any(Odd(7)) };
    let error = flavour
        .call(&runtime, odd)
        .catch_panic()
        .wait()
        .unwrap_err();
    assert!(error.to_string().contains("no text"), "{error}");
    assert_eq!(error.into_panic().unwrap().downcast_ref(), Some(&Odd(7)));
    let value = flavour.call(&runtime, || 1).catch_panic().wait();
    assert_eq!(value.unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
    let error = panics("late").wait().unwrap_err().into_panic().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);

    fn _is_send_and_sync<T: Send + Sync + 'static>() {}
    _is_send_and_sync::<ExecuteError>();
}

fn e7_a_caught_panic_that_nobody_takes_is_a_failure<F: AnyFlavour>(flavour: F) {
    let (runtime, over) = (started(), Event::new());
    let code = {
        let over = over.clone();
        move || -> u32 {
            let _over = OnDrop(move || over.happen());
            panic!("unheard")
        }
    };
    let call = flavour.call(&runtime, code).catch_panic().started();
    over.expect("it panics");
    drop(call);
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(error.failures()[0].message(), "unheard");
}

fn e7_a_payload_that_returns_a_caught_panic_has_failed<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let inner = runtime.clone();
    let parent = move || {
        let child = inner
            .named("child")
            .call(Thread, || -> u32 { panic!("boom") });
        child.catch_panic().wait().map(drop)
    };
    flavour.adopt_named(&runtime, "parent", parent).unwrap();
    let error = runtime.wait().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("parent", FailureKind::Error)
    );
    assert!(failure.message().ends_with("panicked: boom"), "{failure:#}");
}

fn e7_a_wait_ends_with_its_time<F: AnyFlavour>(flavour: F) {
    let (clock, runtime) = manual();
    let (go, waits) = (Event::new(), Event::new());
    let (its_go, waiting) = (go.clone(), waits.clone());
    let code = move || {
        waiting.happen();
        block_until(&its_go);
        1
    };
    let mut call = flavour.call(&runtime, code).started();
    waits.expect("the payload runs");
    assert!(call.wait_timeout(Duration::ZERO).is_none());
    let waiter = thread::spawn(move || {
        let waited = call.wait_timeout(Duration::from_secs(60));
        (waited.is_none(), call)
    });
    let deadline = clock.now() + Duration::from_secs(60);
    while !waiter.is_finished() {
        assert!(clock.advance(Duration::from_secs(20)));
        thread::yield_now();
    }
    assert!(clock.now() >= deadline);
    let (timed_out, mut call) = waiter.join().unwrap();
    assert!(timed_out);
    go.happen();
    // The payload goes on, and so may the wait.
    assert_eq!(call.wait_timeout(Duration::MAX).unwrap().unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_the_first_error_cancels_the_others<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let over = Event::new();
    let is_over = over.clone();
    let dropped = OnDrop(move || is_over.happen());
    let sleeps = move || async move {
        let _dropped = dropped;
        pending::<u32>().await
    };
    let panics = || -> u32 { panic!("the first") };
    let children = vec![
        flavour.call(&runtime, || 1).started(),
        flavour.call(&runtime, panics).catch_panic().started(),
        runtime.call(Smol, sleeps).started(),
    ];
    let values: Result<Vec<_>, _> = children.into_iter().map(Call::wait).collect();
    assert_eq!(values.unwrap_err().kind(), ExecuteErrorKind::Panicked);
    over.expect("it is cancelled");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_dropping_a_started_call_cancels_the_coroutine<F: AsyncFlavour>(flavour: F) {
    let (runtime, begun, over) = (started(), Event::new(), Event::new());
    let (begins, ends) = (begun.clone(), over.clone());
    let payload = move || async move {
        let _over = OnDrop(move || ends.happen());
        begins.happen();
        pending::<()>().await;
    };
    let call = runtime.call(flavour, payload).started();
    begun.expect("it runs");
    assert!(!over.has_happened());
    drop(call);
    over.expect("it is cancelled");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_children_that_are_started_run_beside_each_other<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (inner, outer) = (runtime.clone(), runtime.clone());
    let parent = move || async move {
        let (one, other) = (flume::bounded(0), flume::bounded(0));
        let (to_other, from_other) = (one.0, other.1);
        let first = inner.call(flavour, move || async move {
            to_other.send_async(1).await.unwrap();
            from_other.recv_async().await.unwrap()
        });
        let second = inner.call(flavour, move || async move {
            let got: u32 = one.1.recv_async().await.unwrap();
            other.0.send_async(got + 1).await.unwrap();
            got
        });
        let children = [first.started(), second.started()];
        let mut values = Vec::new();
        for child in children {
            values.push(child.await.unwrap());
        }
        values
    };
    assert_eq!(outer.execute(flavour, parent).unwrap(), [2, 1]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e7_threads_that_are_started_run_beside_each_other() {
    let (runtime, meet) = (started(), Arc::new(Barrier::new(3)));
    let child = |number| {
        let meet = Arc::clone(&meet);
        let code = move || {
            meet.wait();
            number
        };
        runtime.call(Thread, code).started()
    };
    let children: Vec<_> = (0..3).map(child).collect();
    let values: Result<Vec<_>, _> = children.into_iter().map(Call::wait).collect();
    assert_eq!(values.unwrap(), [0, 1, 2]);
    runtime.shutdown();
    runtime.wait().unwrap();
}
