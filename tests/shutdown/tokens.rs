//! Payloads with a token are asked, and waited for. Rows S1 and S2.

use super::*;

on_every_flavour!(s1_every_token_is_asked);

on_async_flavours!(
    s1_nothing_is_cancelled_while_a_holder_lives,
    s2_a_token_taken_while_stopping_counts,
    s2_a_token_that_was_dropped_still_counts,
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
