//! What is accepted before the stop begins, and after. Row L7.

use super::*;

on_every_flavour!(
    l7_adopt_is_refused_once_the_stop_has_begun,
    l7_the_stop_begins_inside_the_failing_payload,
);

on_async_flavours!(
    l7_what_was_accepted_gets_its_first_poll,
    l7_the_first_poll_is_waited_for_to_its_end,
    l7_the_stop_goes_on_when_the_last_first_poll_is_over,
    l7_any_payload_may_execute_while_stopping,
);

once!(l7_a_subroutine_accepted_before_the_stop_gets_its_thread);

fn l7_adopt_is_refused_once_the_stop_has_begun<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    runtime.shutdown();
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
    runtime.wait().unwrap();
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
}

fn l7_the_stop_begins_inside_the_failing_payload<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let refused = Event::new();
    let (adopter, was_refused) = (runtime.clone(), refused.clone());
    // A second payload, adopted after the first, sees the stop at its first poll.
    runtime
        .adopt(Smol, {
            let runtime = runtime.clone();
            move || async move {
                let token = Shutdown::current();
                flavour.adopt(&runtime, || Err::<(), _>("first")).unwrap();
                token.requested().await;
                if adopter.adopt(Thread, || ()).is_err() {
                    was_refused.happen();
                }
            }
        })
        .unwrap();
    runtime.run().unwrap_err();
    assert!(refused.has_happened());
}

fn l7_what_was_accepted_gets_its_first_poll<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let polled = Arc::new(AtomicUsize::new(0));
    let outer = runtime.clone();
    let count = Arc::clone(&polled);
    runtime
        .adopt(flavour, move || async move {
            // All of them are in the queue of the very thread that stops the runtime.
            for _ in 0..1_000 {
                let count = Arc::clone(&count);
                outer
                    .adopt(flavour, move || async move {
                        count.fetch_add(1, SeqCst);
                        pending::<()>().await;
                    })
                    .unwrap();
            }
            outer.shutdown();
        })
        .unwrap();
    runtime.wait().unwrap();
    assert_eq!(polled.load(SeqCst), 1_000);
}

/// A token that is taken in its last lines counts as one in its first.
fn l7_the_first_poll_is_waited_for_to_its_end<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (polled, go, ended) = (Event::new(), Event::new(), Event::new());
    let (is_polled, its_go, has_ended) = (polled.clone(), go.clone(), ended.clone());
    let payload = move || async move {
        is_polled.happen();
        block_until(&its_go);
        let token = Shutdown::current();
        futures_lite::future::yield_now().await;
        token.requested().await;
        has_ended.happen();
    };
    runtime.adopt(flavour, payload).unwrap();
    polled.expect("the payload has its first poll");
    runtime.shutdown();
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("the payload ends, and the runtime with it");
    waiter.join().unwrap().unwrap();
    assert!(ended.has_happened(), "it was not dropped where it awaits");
}

/// Nothing ends then that the stop could hear of, and nobody holds it up any more.
fn l7_the_stop_goes_on_when_the_last_first_poll_is_over<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let (polled, go) = (Event::new(), Event::new());
    let (is_polled, its_go) = (polled.clone(), go.clone());
    let payload = move || async move {
        is_polled.happen();
        block_until(&its_go);
        pending::<()>().await;
    };
    runtime.adopt(flavour, payload).unwrap();
    polled.expect("the payload has its first poll");
    runtime.shutdown();
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("the stop goes on");
    waiter.join().unwrap().unwrap();
}

fn l7_a_subroutine_accepted_before_the_stop_gets_its_thread() {
    for _ in 0..20 {
        let runtime = started();
        let ran = Event::new();
        let thread_ran = ran.clone();
        runtime.adopt(Thread, move || thread_ran.happen()).unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        ran.expect("its thread runs it");
    }
}

fn l7_any_payload_may_execute_while_stopping<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let ready = Event::new();
    let log = Log::new();
    for holds in [true, false] {
        let (inner, ready, log) = (runtime.clone(), ready.clone(), log.clone());
        runtime
            .adopt(Thread, move || {
                let token = holds.then(Shutdown::current);
                ready.happen();
                if let Some(token) = &token {
                    assert!(token.wait_timeout(SOON));
                } else {
                    while inner.adopt(Thread, || ()).is_ok() {
                        thread::yield_now();
                    }
                }
                let value = inner.execute(flavour, || async { 7 });
                log.write((holds, value.map_err(|error| error.kind())));
            })
            .unwrap();
    }
    ready.expect("a payload holds a token");
    // Keeps the grace time open until both have tried.
    let (seen, held) = (log.clone(), Event::new());
    runtime
        .adopt(Thread, {
            let held = held.clone();
            move || {
                let _token = Shutdown::current();
                held.happen();
                while seen.read().len() < 2 {
                    thread::yield_now();
                }
            }
        })
        .unwrap();
    held.expect("the keeper holds a token");
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut seen = log.read();
    seen.sort_by_key(|(holds, _)| *holds);
    assert_eq!(seen, [(false, Ok(7)), (true, Ok(7))]);
}
