//! What is dropped at the end, where it awaits or unrun, and what is left behind. Rows S2, S3 and S5.

use super::*;

on_async_flavours!(
    s2_a_coroutine_without_a_token_is_dropped_where_it_awaits,
    s3_what_waits_behind_a_blocked_thread_is_dropped_unrun,
    s5_a_destructor_that_panics_is_reported_and_stops_no_other,
);

once!(
    s2_a_subroutine_without_a_token_is_left_behind,
    s3_blocking_jobs_of_tokio_are_left_behind,
);

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
