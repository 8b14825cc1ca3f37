//! Which clock a payload has, sleeps and time limits. Rows T1 and T2.

use super::*;

on_every_flavour!(
    t1_a_payload_has_the_clock_of_its_runtime,
    t1_a_run_of_a_service_has_the_clock_of_its_runtime,
);

once!(
    t1_there_is_no_clock_outside_of_payloads,
    t2_a_sleep_counts_from_its_first_poll,
    t2_a_sleep_until_a_moment_does_not_drift,
    t2_a_sleep_of_nothing_is_ready_at_once,
    t2_a_time_limit_gives_the_value_or_says_that_it_was_late,
);

fn t1_a_payload_has_the_clock_of_its_runtime<F: AnyFlavour>(flavour: F) {
    let (clock, runtime) = manual();
    clock.advance(7 * SECOND);
    let (now, at) = (clock.now(), |()| Clock::current().now());
    assert_eq!(flavour.execute(&runtime, move || at(())).unwrap(), now);
    assert!(is_clock_at(runtime.clock(), now));
    let (sender, receiver) = std::sync::mpsc::channel();
    flavour
        .adopt(&runtime, move || {
            sender
                .send(Clock::try_current().map(|clock| clock.now()))
                .unwrap();
        })
        .unwrap();
    assert_eq!(receiver.recv_timeout(SOON).unwrap(), Some(now));
    end(&runtime);
}

fn t1_a_run_of_a_service_has_the_clock_of_its_runtime<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    clock.advance(7 * SECOND);
    let (now, is_it) = (clock.now(), Event::new());
    let found = is_it.clone();
    let run = move || {
        let found = found.clone();
        async move {
            if Clock::current().now() == now {
                found.happen();
            }
        }
    };
    flavour.serve(runtime.unit(), run).unwrap();
    is_it.expect("the run has this clock");
    end(&runtime);
}

fn t1_there_is_no_clock_outside_of_payloads() {
    assert!(Clock::try_current().is_none());
    let panic = std::panic::catch_unwind(Clock::current).unwrap_err();
    let text = panic.downcast_ref::<&str>().unwrap();
    assert!(text.contains("Clock::try_current"), "{text}");
    let (clock, runtime) = manual();
    let spawned = async { tokio::spawn(async { Clock::try_current().is_none() }).await };
    assert!(runtime.execute(Tokio, || spawned).unwrap().unwrap());
    drop(clock);
    end(&runtime);
}

fn t2_a_sleep_counts_from_its_first_poll() {
    for moves in [false, true] {
        let clock = Clock::manual();
        let mut sleep = clock.sleep(2 * SECOND);
        clock.advance(if moves { 5 * SECOND } else { Duration::ZERO });
        block_on(async {
            assert!(poll_once(&mut sleep).await.is_none());
            clock.advance(SECOND);
            assert!(poll_once(&mut sleep).await.is_none());
            assert_eq!(format!("{sleep:?}"), "Sleep for another 1s");
            clock.advance(SECOND);
            assert!(poll_once(&mut sleep).await.is_some());
            // It stays so.
            assert!(poll_once(&mut sleep).await.is_some());
        });
    }
}

fn t2_a_sleep_until_a_moment_does_not_drift() {
    let clock = Clock::manual();
    let moment = clock.now() + 3 * SECOND;
    let mut sleep = clock.sleep_until(moment);
    clock.advance(2 * SECOND);
    block_on(async {
        assert!(poll_once(&mut sleep).await.is_none());
        clock.advance(SECOND);
        assert!(poll_once(&mut sleep).await.is_some());
        // What is over is ready at once.
        assert!(poll_once(clock.sleep_until(moment)).await.is_some());
    });
}

fn t2_a_sleep_of_nothing_is_ready_at_once() {
    for clock in [Clock::manual(), Clock::system()] {
        assert!(block_on(poll_once(clock.sleep(Duration::ZERO))).is_some());
        clock.wait(Duration::ZERO);
        let late = block_on(clock.timeout(Duration::ZERO, pending::<()>()));
        assert!(late.is_err());
    }
}

fn t2_a_time_limit_gives_the_value_or_says_that_it_was_late() {
    block_on(async {
        let clock = Clock::manual();
        assert_eq!(clock.timeout(SECOND, ready(7)).await, Ok(7));
        // Both at once: it is there, so it counts.
        assert_eq!(clock.timeout(Duration::ZERO, ready(7)).await, Ok(7));
        let dropped = Event::new();
        let is_dropped = dropped.clone();
        let late = async move {
            let _dropped = OnDrop(|| is_dropped.happen());
            pending::<()>().await;
        };
        let mut limited = std::pin::pin!(clock.timeout(2 * SECOND, late));
        assert!(poll_once(limited.as_mut()).await.is_none());
        clock.advance(2 * SECOND);
        assert!(!dropped.has_happened());
        let late = poll_once(limited.as_mut()).await.unwrap().unwrap_err();
        assert!(dropped.has_happened(), "it is dropped at once");
        assert_eq!(late.time(), 2 * SECOND);
        assert_eq!(late.to_string(), "it took longer than 2s");
        // The value comes in the last moment.
        let both = clock.sleep(SECOND);
        let mut limited = std::pin::pin!(clock.timeout(SECOND, both));
        assert!(poll_once(limited.as_mut()).await.is_none());
        clock.advance(SECOND);
        assert_eq!(poll_once(limited.as_mut()).await, Some(Ok(())));
    });
}
