//! Waits that could never end, and those that the end lets go. Rows E4 and E5.

use super::*;

on_async_flavours!(
    e4_a_wait_on_the_own_flavour_is_refused,
    e5_a_waiting_thread_is_let_go_when_the_payload_is_cancelled,
    e5_a_waiting_thread_is_let_go_when_the_flavour_is_stuck,
);

once!(
    e4_a_wait_that_closes_a_ring_is_refused,
    e4_an_execute_that_closes_a_ring_of_waits_is_refused,
    e4_a_wait_for_some_time_is_in_no_ring,
);

fn e4_a_wait_on_the_own_flavour_is_refused<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let inner = runtime.clone();
    let payload = move || async move {
        let child = || inner.call(flavour, || async { 1 });
        let deadlock = ExecuteErrorKind::Deadlock;
        let error = child().wait().unwrap_err();
        assert_eq!(error.kind(), deadlock);
        assert!(error.to_string().contains(F::NAME), "{error}");
        assert_eq!(child().started().wait().unwrap_err().kind(), deadlock);
        let mut call = child();
        let refused = call.wait_timeout(Duration::MAX).unwrap();
        assert_eq!(refused.unwrap_err().kind(), deadlock);
        // To look is no wait.
        let mut call = child();
        assert!(call.wait_timeout(Duration::ZERO).is_none());
        while call.wait_timeout(Duration::ZERO).is_none() {
            yield_now().await;
            if let Some(value) = call.wait_timeout(Duration::ZERO) {
                return value.unwrap();
            }
        }
        unreachable!("a call has one result")
    };
    assert_eq!(runtime.execute(flavour, payload).unwrap(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A thread that waits for a payload of smol's, whose thread waits for it. Whichever of the two comes last is refused.
fn e4_a_wait_that_closes_a_ring_is_refused() {
    let runtime = started();
    let (a, b) = (runtime.clone(), runtime.clone());
    let kind = |error: ExecuteError| error.kind();
    let refused = runtime
        .execute(Smol, move || async move {
            let child = move || b.call(Smol, || async {}).wait().err().map(kind);
            let waited = a.call(Thread, child).wait();
            waited.unwrap_or_else(|refused| Some(refused.kind()))
        })
        .unwrap();
    assert_eq!(refused, Some(ExecuteErrorKind::Deadlock));
    // Without the ring it is fine.
    let (a, b) = (runtime.clone(), runtime.clone());
    let value = runtime
        .execute(Smol, move || async move {
            let child = move || b.call(Tokio, || async { 1 }).wait().unwrap();
            a.call(Thread, child).wait().unwrap()
        })
        .unwrap();
    assert_eq!(value, 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Whichever of the two comes last is refused: the execute, or the wait for the one who executes.
fn e4_an_execute_that_closes_a_ring_of_waits_is_refused() {
    let runtime = started();
    let [a, b, c] = [(); 3].map(|()| runtime.clone());
    let kind = |error: ExecuteError| error.kind();
    let refused = runtime
        .execute(Tokio, move || async move {
            let inner = move || async move {
                let child = move || c.execute(Tokio, || async {}).err().map(kind);
                let waited = b.call(Thread, child).started().wait();
                waited.unwrap_or_else(|refused| Some(refused.kind()))
            };
            a.call(Smol, inner).started().wait().unwrap()
        })
        .unwrap();
    assert_eq!(refused, Some(ExecuteErrorKind::Deadlock));
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// The wait ends by itself, so an execute that waits for the waiting thread is not refused.
fn e4_a_wait_for_some_time_is_in_no_ring() {
    let (clock, runtime) = manual();
    let moving = clock.clone();
    let over = Event::new();
    let is_over = over.clone();
    let moves = thread::spawn(move || {
        while !is_over.happens_within(Duration::from_millis(1)) {
            moving.advance(Duration::from_secs(1));
        }
    });
    let attempt = || {
        let (outer, inner) = (runtime.clone(), runtime.clone());
        let go = Event::new();
        let goes = go.clone();
        let child = move || {
            // Time for the other side to begin its wait.
            goes.happens_within(Duration::from_millis(20));
            inner.execute(Smol, || async { 1 })
        };
        let parent = move || async move {
            let mut child = outer.call(Thread, child).started();
            let waited = child.wait_timeout(Duration::from_secs(100));
            match waited {
                None => Some(child.await.unwrap()),
                // The execute came first, and this was the wait that closed the ring.
                Some(refused) => {
                    assert_eq!(refused.unwrap_err().kind(), ExecuteErrorKind::Deadlock);
                    None
                }
            }
        };
        let value = runtime.execute(Smol, parent).unwrap();
        go.happen();
        value
    };
    let value = (0..100).find_map(|_| attempt()).expect("one was in time");
    assert_eq!(value.unwrap(), 1);
    over.happen();
    moves.join().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn e5_a_waiting_thread_is_let_go_when_the_payload_is_cancelled<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let begun = [Event::new(), Event::new()];
    let waiters = begun.clone().map(|begins| {
        let payload = move || async move {
            begins.happen();
            pending::<()>().await;
        };
        runtime.call(flavour, payload)
    });
    let [forever, mut timed] = waiters;
    let forever = thread::spawn(move || forever.wait());
    let timed = thread::spawn(move || timed.wait_timeout(Duration::MAX).unwrap());
    for begun in begun {
        begun.expect("the payload runs");
    }
    runtime.shutdown();
    runtime.wait().unwrap();
    for waiter in [forever, timed] {
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
    }
}

fn e5_a_waiting_thread_is_let_go_when_the_flavour_is_stuck<F: AsyncFlavour>(flavour: F) {
    let runtime = builder()
        .grace(Duration::from_millis(20))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let go = busy(&runtime, flavour);
    let calls = [(); 2].map(|()| runtime.call(flavour, || async {}).started());
    let [forever, mut timed] = calls;
    let forever = thread::spawn(move || forever.wait());
    let timed = thread::spawn(move || timed.wait_timeout(Duration::MAX).unwrap());
    runtime.shutdown();
    runtime.wait().unwrap_err();
    for waiter in [forever, timed] {
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
    }
    go.happen();
}
