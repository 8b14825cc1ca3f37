//! The grace time and the cancel time. Rows S1, S3 and V15.

use super::*;

on_async_flavours!(
    s1_grace_and_cancel_time_are_the_clocks,
    s1_the_grace_time_counts_from_the_call_that_began_the_stop,
);

once!(
    s3_any_duration_is_allowed,
    v15_what_is_to_happen_never_does_not_at_the_end_of_time,
);

fn s1_grace_and_cancel_time_are_the_clocks<F: AsyncFlavour>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder()
        .clock(clock.clone())
        .grace(Duration::from_secs(3_600))
        // More than the clock moves below.
        .cancel_timeout(Duration::from_secs(1_000_000_000))
        .build();
    runtime.start().unwrap();
    let (held, dropped) = (Event::new(), Event::new());
    let (is_held, is_dropped) = (held.clone(), dropped.clone());
    runtime
        .named("patient")
        .adopt(flavour, move || async move {
            let _token = Shutdown::current();
            let _on_drop = OnDrop(move || is_dropped.happen());
            is_held.happen();
            pending::<()>().await;
        })
        .unwrap();
    held.expect("the payload holds a token");
    runtime.shutdown();
    clock.advance(Duration::from_secs(3_599));
    // Still within grace: executes by outsiders are taken, the payload lives.
    runtime.execute(flavour, || async {}).unwrap();
    assert!(!dropped.has_happened());
    // The grace time began with the stop; how far the runner had come when the clock first moved is
    // its own business, so the clock moves until it has seen enough.
    while !dropped.has_happened() {
        clock.advance(Duration::from_secs(1));
        thread::yield_now();
    }
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers()[0].payload(), Some("patient"));
    assert_eq!(error.stragglers()[0].reason(), StragglerReason::Overran);
}

/// And not from when the runner comes to it, which still starts a flavour here.
fn s1_the_grace_time_counts_from_the_call_that_began_the_stop<F: AsyncFlavour>(flavour: F) {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    let (held, go) = (Event::new(), Event::new());
    let is_held = held.clone();
    let holder = move || async move {
        let _token = Shutdown::current();
        is_held.happen();
        pending::<()>().await;
    };
    runtime.named("holder").adopt(flavour, holder).unwrap();
    runtime.adopt(Odd::after(&go), || async {}).unwrap();
    let starts = runtime.clone();
    let starter = thread::spawn(move || starts.run());
    held.expect("the holder has its token");
    runtime.shutdown();
    clock.advance(Duration::from_secs(10));
    go.happen();
    let error = starter.join().unwrap().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.payload(), Some("holder"));
    assert_eq!(straggler.reason(), StragglerReason::Overran);
}

fn s3_any_duration_is_allowed() {
    for time in [Duration::ZERO, Duration::MAX] {
        let runtime = builder().grace(time).cancel_timeout(time).build();
        runtime.start().unwrap();
        if time > Duration::ZERO {
            let asked =
                runtime.execute(Thread, || Shutdown::current().wait_timeout(Duration::ZERO));
            assert!(!asked.unwrap());
        }
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}

fn v15_what_is_to_happen_never_does_not_at_the_end_of_time() {
    let clock = Clock::manual();
    let runtime = builder()
        .clock(clock.clone())
        .grace(Duration::MAX)
        .cancel_timeout(Duration::MAX)
        .build();
    runtime.start().unwrap();
    let (held, go, ended) = (Event::new(), Event::new(), Event::new());
    let (is_held, its_go, has_ended) = (held.clone(), go.clone(), ended.clone());
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            is_held.happen();
            // Asked to end, and not because the time has come.
            assert!(token.wait_timeout(Duration::MAX));
            block_until(&its_go);
            has_ended.happen();
        })
        .unwrap();
    held.expect("the grace time is held open");
    let before = clock.now();
    // More than once, as that is where a moment would overflow.
    for _ in 0..3 {
        assert!(clock.advance(Duration::MAX));
        assert!(clock.now() > before);
    }
    // All that has a time goes on.
    assert!(!Clock::system().advance(Duration::MAX));
    assert_eq!(runtime.execute(Smol, || async { 1 }).unwrap(), 1);
    let (over, waiter) = wait_apart(runtime.clone());
    runtime.shutdown();
    assert!(clock.advance(Duration::MAX));
    assert!(
        !over.happens_within(Duration::from_millis(100)),
        "grace is never over"
    );
    go.happen();
    waiter.join().unwrap().unwrap();
    assert!(ended.has_happened());
    assert!(format!("{clock:?}").contains("Clock::manual()"));
}
