//! Who is waited for and how long, and who is named. Rows S1, S2, S3 and S5.

use super::*;

on_every_flavour!(s5_a_closure_that_panics_when_dropped_unrun_is_reported);

on_async_flavours!(
    s1_cancel_time_is_the_clocks,
    s3_a_holder_that_ended_in_time_is_not_named,
);

once!(
    s2_a_token_taken_after_the_grace_time_does_not_count,
    s2_a_subroutine_that_has_settled_is_not_waited_for,
    s2_a_subroutine_that_has_just_begun_has_time_to_take_its_token,
    s3_payloads_from_the_same_line_are_told_apart,
);

fn s2_a_token_taken_after_the_grace_time_does_not_count() {
    for somebody_overruns in [false, true] {
        let runtime = builder()
            .grace(Duration::from_millis(if somebody_overruns {
                10
            } else {
                60_000
            }))
            .cancel_timeout(Duration::from_secs(60))
            .build();
        runtime.start().unwrap();
        let flavour = SlowToJoin::default();
        runtime.adopt(flavour.clone(), || async {}).unwrap();
        if somebody_overruns {
            let held = Event::new();
            let is_held = held.clone();
            let overruns = move || async move {
                let _token = Shutdown::current();
                is_held.happen();
                pending::<()>().await;
            };
            runtime.adopt(Smol, overruns).unwrap();
            held.expect("the payload holds a token");
        }
        let (running, too_late, taken) = (Event::new(), Event::new(), Event::new());
        let go = Event::new();
        let (is_running, its_turn) = (running.clone(), too_late.clone());
        let (has_taken, its_go) = (taken.clone(), go.clone());
        runtime
            .named("late")
            .adopt(Thread, move || {
                is_running.happen();
                its_turn.expect("the grace time is over");
                let token = Shutdown::current();
                assert!(token.is_requested());
                has_taken.happen();
                block_until(&its_go);
            })
            .unwrap();
        running.expect("the payload runs");
        runtime.shutdown();
        flavour.joining.expect("the runner joins the flavours");
        too_late.happen();
        taken.expect("the payload has its token");
        flavour.may_end.open();
        assert_eq!(runtime.wait().is_err(), somebody_overruns);
        let left = runtime.left_behind();
        go.happen();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].payload(), Some("late"));
    }
}

fn s2_a_subroutine_that_has_settled_is_not_waited_for() {
    let runtime = builder().grace(Duration::from_secs(60)).build();
    runtime.start().unwrap();
    let (running, go) = (Event::new(), Event::new());
    let (is_running, its_go) = (running.clone(), go.clone());
    runtime
        .adopt(Thread, move || {
            // By now it would have taken a token.
            thread::sleep(Duration::from_millis(50));
            is_running.happen();
            block_until(&its_go);
        })
        .unwrap();
    running.expect("the subroutine runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    go.happen();
    assert!(start.elapsed() < SOON, "it is not waited for");
    assert_eq!(runtime.left_behind().len(), 1);
}

fn s2_a_subroutine_that_has_just_begun_has_time_to_take_its_token() {
    // The settling time is real time, of which a loaded machine may leave nothing: once will do.
    let was_waited_for = (0..50).any(|_| {
        let runtime = builder().grace(Duration::from_secs(60)).build();
        runtime.start().unwrap();
        let (running, go) = (Event::new(), Event::new());
        let (is_running, its_go) = (running.clone(), go.clone());
        runtime
            .adopt(Thread, move || {
                is_running.happen();
                block_until(&its_go);
                assert!(Shutdown::current().is_requested());
            })
            .unwrap();
        running.expect("the subroutine runs");
        runtime.shutdown();
        thread::sleep(Duration::from_millis(5));
        go.happen();
        runtime.wait().unwrap();
        runtime.left_behind().is_empty()
    });
    assert!(was_waited_for);
}

fn s1_cancel_time_is_the_clocks<F: AsyncFlavour>(flavour: F) {
    let clock = Clock::manual();
    let hour = Duration::from_secs(3_600);
    let runtime = builder().clock(clock.clone()).cancel_timeout(hour).build();
    runtime.start().unwrap();
    let slow = SlowToJoin::default();
    slow.may_end.open();
    runtime.adopt(slow.clone(), || async {}).unwrap();
    let (blocked, go) = (Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .adopt(flavour, move || async move {
            // Its first poll is over when it blocks its thread.
            futures_lite::future::yield_now().await;
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour's thread is blocked");
    runtime.shutdown();
    slow.cancelled.expect("the cancel time has begun");
    let waiter = thread::spawn(move || runtime.wait());
    let joined = slow.joining.happens_within(Duration::from_millis(100));
    assert!(
        !joined,
        "a join is no matter of the clock, so it comes last"
    );
    clock.advance(hour);
    slow.joining.expect("the cancel time is over");
    let error = waiter.join().unwrap().unwrap_err();
    go.happen();
    let blocking = StragglerReason::Blocking { others: 0 };
    assert_eq!(error.stragglers()[0].reason(), blocking);
}

fn s5_a_closure_that_panics_when_dropped_unrun_is_reported<F: AnyFlavour>(flavour: F) {
    subscribe();
    let runtime = runtime();
    let loud = OnDrop(|| panic!("dropped unrun"));
    flavour.adopt(&runtime, move || drop(loud)).unwrap();
    runtime.shutdown();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.kind(), FailureKind::Panic);
    assert_eq!(failure.message(), "dropped unrun");
}

fn s3_a_holder_that_ended_in_time_is_not_named<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_millis(50)).build();
    runtime.start().unwrap();
    let (held, ended, go) = (Event::new(), Event::new(), Event::new());
    let (is_held, has_ended) = (held.clone(), ended.clone());
    runtime
        .named("quick")
        .adopt(flavour, move || async move {
            let token = Shutdown::current();
            is_held.happen();
            token.requested().await;
            has_ended.happen();
        })
        .unwrap();
    held.expect("the first payload holds a token");
    runtime.named("idle").adopt(flavour, pending::<()>).unwrap();
    let (held, its_go) = (Event::new(), go.clone());
    let is_held = held.clone();
    runtime
        .named("slow")
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the second payload holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    ended.expect("the first payload was asked");
    let named: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
    assert_eq!(named, [Some("slow")], "{error}");
    assert!(error.left_behind().is_empty(), "it was asked: {error}");
}

fn s3_payloads_from_the_same_line_are_told_apart() {
    let short = Duration::from_millis(50);
    let runtime = builder().grace(short).cancel_timeout(short).build();
    runtime.start().unwrap();
    let (blocked, held, go) = (Event::new(), Event::new(), Event::new());
    for blocks in [true, false] {
        let (is_blocked, is_held, its_go) = (blocked.clone(), held.clone(), go.clone());
        let payload = move || async move {
            let _token = Shutdown::current();
            if blocks {
                is_blocked.happen();
                block_until(&its_go);
            }
            is_held.happen();
            pending::<()>().await;
        };
        let adopt = |flavour: &str| match flavour {
            "smol" => runtime.named("worker").adopt(Smol, payload),
            _ => runtime.named("worker").adopt(Tokio, payload),
        };
        adopt(if blocks { "smol" } else { "tokio" }).unwrap();
    }
    blocked.expect("the one blocks its thread");
    held.expect("the other holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    let mut named: Vec<_> = error
        .stragglers()
        .iter()
        .map(|one| (one.flavour(), one.reason()))
        .collect();
    named.sort_by_key(|(flavour, _)| *flavour);
    let blocking = StragglerReason::Blocking { others: 0 };
    let expected = [("smol", blocking), ("tokio", StragglerReason::Overran)];
    assert_eq!(named, expected, "{error}");
}
