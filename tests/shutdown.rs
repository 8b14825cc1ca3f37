//! Shutdown: the order of the end, tokens, stragglers. Rows S1 to S3, S5, and L7's limit.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{Clock, FailureKind, Shutdown, Smol, StragglerReason, Thread, Tokio};

on_every_flavour!(
    s1_every_token_is_asked,
    s3_what_is_refused_meanwhile_makes_no_straggler,
    s3_a_token_holder_that_overruns_is_a_straggler,
);
on_async_flavours!(
    s1_nothing_is_cancelled_while_a_holder_lives,
    s1_grace_and_cancel_time_are_the_clocks,
    s1_the_grace_time_counts_from_the_call_that_began_the_stop,
    s2_a_coroutine_without_a_token_is_dropped_where_it_awaits,
    s2_a_token_taken_while_stopping_counts,
    s2_a_token_that_was_dropped_still_counts,
    s3_a_payload_that_blocks_its_thread_is_named_and_no_other,
    s3_what_waits_behind_a_blocked_thread_is_dropped_unrun,
    s5_a_destructor_that_panics_is_reported_and_stops_no_other,
);
once!(
    s2_a_subroutine_without_a_token_is_left_behind,
    s3_blocking_jobs_of_tokio_are_left_behind,
    s3_any_duration_is_allowed,
    v15_what_is_to_happen_never_does_not_at_the_end_of_time,
);

fn s1_every_token_is_asked<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let (held, asked) = (Event::new(), Event::new());
    let (is_held, is_asked) = (held.clone(), asked.clone());
    let in_payload = runtime.clone();
    flavour
        .adopt(&runtime, move || {
            let token = Shutdown::current();
            is_held.happen();
            assert!(!token.is_requested());
            in_payload.shutdown();
            assert!(token.is_requested());
            assert!(token.wait_timeout(SOON));
            is_asked.happen();
        })
        .unwrap();
    held.expect("the payload runs");
    runtime.wait().unwrap();
    assert!(
        asked.has_happened(),
        "the runtime waits for the holder's end"
    );
}

fn s1_nothing_is_cancelled_while_a_holder_lives<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let (ready, served) = (Event::new(), log.clone());
    let is_ready = ready.clone();
    // Serves others for as long as they may need it; holds no token.
    runtime
        .adopt(flavour, move || async move {
            let _on_drop = OnDrop(move || served.write("the other is dropped"));
            is_ready.happen();
            pending::<()>().await;
        })
        .unwrap();
    ready.expect("the coroutine runs");
    let (held, is_held) = (Event::new(), Event::new());
    let (its_log, its_held, inner) = (log.clone(), held.clone(), runtime.clone());
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            its_held.happen();
            assert!(token.wait_timeout(SOON));
            // A whole round on the other flavour, while it is still there.
            let value = inner.execute(flavour, || async { 1 });
            its_log.write(if value.is_ok() {
                "the holder cleaned up"
            } else {
                "refused"
            });
        })
        .unwrap();
    held.expect("the thread holds a token");
    is_held.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(
        log.read(),
        ["the holder cleaned up", "the other is dropped"]
    );
}

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

fn s2_a_coroutine_without_a_token_is_dropped_where_it_awaits<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let (polled, its_log) = (Event::new(), log.clone());
    let is_polled = polled.clone();
    runtime
        .adopt(flavour, move || async move {
            let _on_drop = OnDrop(move || its_log.write("dropped"));
            is_polled.happen();
            pending::<()>().await;
            unreachable!("it is dropped at the await");
        })
        .unwrap();
    polled.expect("the payload runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the grace time is not waited for"
    );
    assert_eq!(log.read(), ["dropped"]);
}

fn s2_a_token_taken_while_stopping_counts<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (held, asked, taken) = (Event::new(), Event::new(), Event::new());
    let (running, dropped, go, over) = (Event::new(), Event::new(), Event::new(), Event::new());
    // Holds the grace time open until the other has its token.
    let (is_held, is_asked, has_taken) = (held.clone(), asked.clone(), taken.clone());
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            is_held.happen();
            assert!(token.wait_timeout(SOON));
            is_asked.happen();
            has_taken.expect("the other takes a token");
        })
        .unwrap();
    let (is_running, is_dropped, is_taken) = (running.clone(), dropped.clone(), taken);
    let (its_go, is_over) = (go.clone(), over.clone());
    runtime
        .adopt(flavour, move || async move {
            let _on_drop = OnDrop(move || is_dropped.happen());
            is_running.happen();
            while !asked.has_happened() {
                futures_lite::future::yield_now().await;
            }
            let _token = Shutdown::current();
            is_taken.happen();
            while !its_go.has_happened() {
                futures_lite::future::yield_now().await;
            }
            is_over.happen();
        })
        .unwrap();
    held.expect("the first has a token");
    running.expect("the second runs");
    runtime.shutdown();
    // Now it alone is waited for.
    assert!(!dropped.happens_within(Duration::from_millis(50)));
    go.happen();
    runtime.wait().unwrap();
    assert!(over.has_happened());
}

fn s2_a_token_that_was_dropped_still_counts<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (ready, done) = (Event::new(), Event::new());
    let (is_ready, is_done) = (ready.clone(), done.clone());
    runtime
        .adopt(flavour, move || async move {
            // The shortest way to write such a loop keeps no token.
            while !Shutdown::current().is_requested() {
                is_ready.happen();
                futures_lite::future::yield_now().await;
            }
            for _ in 0..100 {
                futures_lite::future::yield_now().await;
            }
            is_done.happen();
        })
        .unwrap();
    ready.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(done.has_happened());
}

fn s2_a_subroutine_without_a_token_is_left_behind() {
    let runtime = started();
    let (running, go, over) = (Event::new(), Event::new(), Event::new());
    let (is_running, its_go, is_over) = (running.clone(), go.clone(), over.clone());
    runtime
        .named("deaf")
        .adopt(Thread, move || {
            is_running.happen();
            block_until(&its_go);
            is_over.happen();
        })
        .unwrap();
    running.expect("the subroutine runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it is not waited for"
    );
    let [left] = runtime.left_behind() else {
        panic!("one is left behind, not {:?}", runtime.left_behind());
    };
    assert_eq!(left.payload(), Some("deaf"));
    assert_eq!(left.flavour(), "std::thread");
    assert_eq!(left.reason(), StragglerReason::LeftBehind);
    assert!(!over.has_happened());
    go.happen();
    over.expect("it goes on by itself");

    // In a report it is listed, but does not make one by itself.
    let runtime = started();
    let (running, go) = (Event::new(), Event::new());
    let (is_running, its_go) = (running.clone(), go.clone());
    runtime
        .named("deaf")
        .adopt(Thread, move || {
            is_running.happen();
            block_until(&its_go);
        })
        .unwrap();
    running.expect("the subroutine runs");
    runtime
        .adopt(Smol, || async { Err::<(), _>("cause") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.left_behind().len(), 1);
    assert!(error.stragglers().is_empty());
    assert!(error.to_string().contains("left behind"), "{error}");
    go.happen();
}

fn s3_what_is_refused_meanwhile_makes_no_straggler<F: AnyFlavour>(flavour: F) {
    for _ in 0..100 {
        let runtime = started();
        flavour.execute(&runtime, || ()).unwrap();
        // Hand in payloads before, while and after the runtime stops.
        let over = Event::new();
        let others: Vec<_> = [true, true, false, false]
            .into_iter()
            .map(|adopts| {
                let (runtime, over) = (runtime.clone(), over.clone());
                thread::spawn(move || {
                    while !over.has_happened() {
                        match adopts {
                            true => drop(flavour.adopt(&runtime, || ())),
                            false => drop(flavour.execute(&runtime, || ())),
                        }
                    }
                })
            })
            .collect();
        runtime.shutdown();
        let result = runtime.wait();
        over.happen();
        for other in others {
            other.join().unwrap();
        }
        result.unwrap();
    }
}

fn s3_a_token_holder_that_overruns_is_a_straggler<F: AnyFlavour>(flavour: F) {
    let grace = Duration::from_millis(50);
    let runtime = builder().grace(grace).cancel_timeout(grace).build();
    runtime.start().unwrap();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    flavour
        .adopt_named(&runtime, "slow", move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the payload holds a token");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() >= grace);
    assert!(start.elapsed() < SOON);
    let [slow] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(slow.payload(), Some("slow"));
    assert_eq!(slow.flavour(), F::NAME);
    assert!(error.failures().is_empty());
    assert!(error.to_string().contains("slow"), "{error}");
    go.happen();
}

fn s3_a_payload_that_blocks_its_thread_is_named_and_no_other<F: AsyncFlavour>(flavour: F) {
    let runtime = builder()
        .grace(Duration::from_millis(30))
        .cancel_timeout(Duration::from_millis(100))
        .build();
    runtime.start().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let ready = Event::new();
    // Healthy neighbours on all flavours.
    let count = Arc::clone(&dropped);
    runtime
        .adopt(Smol, move || async move {
            let _on_drop = OnDrop(|| {
                count.fetch_add(1, SeqCst);
            });
            pending::<()>().await;
        })
        .unwrap();
    let count = Arc::clone(&dropped);
    runtime
        .adopt(Tokio, move || async move {
            let _on_drop = OnDrop(|| {
                count.fetch_add(1, SeqCst);
            });
            pending::<()>().await;
        })
        .unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    runtime.execute(Tokio, || async {}).unwrap();
    let (is_ready, go) = (ready.clone(), Event::new());
    let its_go = go.clone();
    runtime
        .named("blocker")
        .adopt(flavour, move || async move {
            is_ready.happen();
            block_until(&its_go);
        })
        .unwrap();
    ready.expect("the blocker blocks");
    let start = Instant::now();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(start.elapsed() < SOON);
    let [blocker] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(blocker.payload(), Some("blocker"));
    assert_eq!(blocker.reason(), StragglerReason::Blocking { others: 1 });
    assert_eq!(
        dropped.load(SeqCst),
        1,
        "the healthy flavour dropped its own"
    );
    go.happen();
}

fn s3_what_waits_behind_a_blocked_thread_is_dropped_unrun<F: AsyncFlavour>(flavour: F) {
    let runtime = builder()
        .grace(Duration::from_millis(30))
        .cancel_timeout(Duration::from_millis(30))
        .build();
    runtime.start().unwrap();
    let (blocked, go, ran, dropped) = (Event::new(), Event::new(), Event::new(), Event::new());
    let (is_blocked, its_go) = (blocked.clone(), go.clone());
    runtime
        .adopt(flavour, move || async move {
            is_blocked.happen();
            block_until(&its_go);
        })
        .unwrap();
    blocked.expect("the flavour is blocked");
    let (has_run, is_dropped) = (ran.clone(), dropped.clone());
    let on_drop = OnDrop(move || is_dropped.happen());
    runtime
        .adopt(flavour, move || async move {
            let _on_drop = on_drop;
            has_run.happen();
        })
        .unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(
        error.stragglers()[0].reason(),
        StragglerReason::Blocking { others: 1 }
    );
    go.happen();
    dropped.expect("it is dropped when the thread comes to it");
    assert!(
        !ran.has_happened(),
        "accepted, but grace was over before its first poll"
    );
}

fn s3_blocking_jobs_of_tokio_are_left_behind() {
    let runtime = started();
    let (running, go) = (Event::new(), Event::new());
    let (is_running, its_go) = (running.clone(), go.clone());
    runtime
        .adopt(Tokio, move || async move {
            tokio::task::spawn_blocking(move || {
                is_running.happen();
                block_until(&its_go);
            });
            pending::<()>().await;
        })
        .unwrap();
    running.expect("the job runs");
    let start = Instant::now();
    runtime.shutdown();
    runtime.wait().unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "it is not waited for"
    );
    go.happen();
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

fn s5_a_destructor_that_panics_is_reported_and_stops_no_other<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let dropped = Arc::new(AtomicUsize::new(0));
    for number in 0..10 {
        let count = Arc::clone(&dropped);
        runtime
            .adopt(flavour, move || async move {
                let _on_drop = OnDrop(move || {
                    assert!(
                        Shutdown::try_current().is_some(),
                        "the token is still there"
                    );
                    count.fetch_add(1, SeqCst);
                    if number % 2 == 0 {
                        panic!("destructor {number}");
                    }
                });
                pending::<()>().await;
            })
            .unwrap();
    }
    runtime.execute(flavour, || async {}).unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(dropped.load(SeqCst), 10);
    assert_eq!(error.failures().len(), 5);
    for failure in error.failures() {
        assert_eq!(failure.kind(), FailureKind::Panic);
        assert!(failure.during_shutdown());
        assert!(failure.message().starts_with("destructor"));
    }
    assert!(error.stragglers().is_empty());
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
