//! Policies, delays and limits. Rows V5 and V6.

use super::*;

once!(
    v5_it_fails_three_times_and_then_holds,
    v5_a_failure_that_a_restart_follows_is_none_of_the_runtimes,
    v5_delays_grow_and_are_reset_by_a_good_run,
    v5_always_restarts_after_a_normal_return_unless_told_not_to,
    v5_one_advance_passes_through_all_that_falls_due,
    v5_chance_keeps_to_its_bounds,
    v6_past_its_limit_it_is_given_up_with_its_last_cause,
    v6_one_that_flaps_does_not_delay_its_siblings,
    v6_settings_that_cannot_work_are_refused,
);

fn v5_it_fails_three_times_and_then_holds() {
    // By the system's clock, as a program would.
    let runtime = started();
    let restart = Restart::on_failure().delay(Duration::from_millis(1));
    let starts = Arc::new(AtomicUsize::new(0));
    let (count, held) = (Arc::clone(&starts), Event::new());
    let is_held = held.clone();
    let unit = runtime
        .unit()
        .restart(restart)
        .serve(service(Thread, move || {
            if count.fetch_add(1, SeqCst) < 3 {
                return Err("not yet");
            }
            let token = Shutdown::current();
            is_held.happen();
            token.wait_timeout(SOON);
            Ok(())
        }))
        .unwrap();
    held.expect("it holds in the end");
    assert!(unit.wait_ready(SOON));
    assert_eq!((unit.restarts(), unit.state()), (3, UnitState::Running));
    assert_eq!(unit.last_failure().unwrap().message(), "not yet");
    end(&runtime);
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v5_a_failure_that_a_restart_follows_is_none_of_the_runtimes() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let (unit, starts) = failing(&runtime, Settings::new().restart(exactly()), 1);
    clock.advance(Duration::ZERO);
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Delayed, 1));
    assert_eq!(unit.status().next_restart(), Some(clock.now() + SECOND));
    clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(starts.load(SeqCst), 1);
    clock.advance(Duration::from_nanos(1));
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Running, 2));
    assert_eq!((unit.restarts(), unit.status().next_restart()), (1, None));
    end(&runtime);
}

fn v5_delays_grow_and_are_reset_by_a_good_run() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let fail = smol_signal();
    let (receiver, starts) = (fail.1, Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&starts);
    let unit = runtime
        .unit()
        .restart(exactly().reset_after(10 * SECOND))
        .serve(service(Tokio, move || {
            count.fetch_add(1, SeqCst);
            let receiver = Arc::clone(&receiver);
            async move {
                receiver.notified().await;
                Err::<(), _>("told to")
            }
        }))
        .unwrap();
    let fail_and_wait = |delay: u32| {
        assert!(unit.wait_ready(SOON));
        fail.0.notify_one();
        while unit.state() != UnitState::Delayed {
            thread::yield_now();
        }
        assert_eq!(
            unit.status().next_restart(),
            Some(clock.now() + delay * SECOND)
        );
        clock.advance(delay * SECOND);
        assert_eq!(unit.state(), UnitState::Running);
    };
    for delay in [1, 2, 4, 8, 8] {
        fail_and_wait(delay);
    }
    clock.advance(10 * SECOND);
    for delay in [1, 2] {
        fail_and_wait(delay);
    }
    assert_eq!(starts.load(SeqCst), 8);
    end(&runtime);
}

fn smol_signal() -> (Arc<tokio::sync::Notify>, Arc<tokio::sync::Notify>) {
    let notify = Arc::new(tokio::sync::Notify::new());
    (Arc::clone(&notify), notify)
}

fn v5_always_restarts_after_a_normal_return_unless_told_not_to() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let starts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&starts);
    let serve = |restart: Restart| {
        let count = Arc::clone(&count);
        let run = move || {
            let start = count.fetch_add(1, SeqCst);
            async move {
                if start >= 2 {
                    pending::<()>().await;
                }
            }
        };
        runtime
            .unit()
            .restart(restart.jitter(0.0).delay(SECOND))
            .serve(service(Smol, run))
            .unwrap()
    };
    let once = serve(Restart::on_failure());
    clock.advance(10 * SECOND);
    assert_eq!((once.state(), starts.load(SeqCst)), (UnitState::Ended, 1));
    let always = serve(Restart::always());
    clock.advance(10 * SECOND);
    assert_eq!((always.state(), always.restarts()), (UnitState::Running, 1));
    let done = runtime
        .unit()
        .restart(Restart::always())
        .serve(service(Smol, || async { Exit::Done }))
        .unwrap();
    clock.advance(100 * SECOND);
    assert_eq!((done.state(), done.restarts()), (UnitState::Ended, 0));
    end(&runtime);
}

fn v5_one_advance_passes_through_all_that_falls_due() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let (unit, starts) = failing(&runtime, Settings::new().restart(exactly()), 4);
    // Fails at 0, 1, 3 and 7 s, and holds from 15 s on.
    clock.advance(14 * SECOND);
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Delayed, 4));
    clock.advance(SECOND);
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Running, 5));
    end(&runtime);
}

fn v5_chance_keeps_to_its_bounds() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let restart = Restart::on_failure()
        .delay(SECOND)
        .max_delay(SECOND)
        .jitter(0.5);
    for _ in 0..50 {
        let (unit, _) = failing(
            &runtime,
            Settings::new().restart(restart.clone()),
            usize::MAX,
        );
        clock.advance(Duration::ZERO);
        let status = unit.status();
        let delay = status.next_restart().unwrap() - status.since();
        assert!(delay >= SECOND / 2 && delay <= SECOND, "{delay:?}");
        unit.stop();
    }
    end(&runtime);
}

fn v6_past_its_limit_it_is_given_up_with_its_last_cause() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let settings = Settings::new()
        .name("flap")
        .restart(exactly().limit(3, 60 * SECOND));
    let (unit, starts) = failing(&runtime, settings, usize::MAX);
    clock.advance(60 * SECOND);
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.kind(), failure.message()),
        (FailureKind::Error, "failure 3")
    );
    assert_eq!((failure.starts(), starts.load(SeqCst)), (Some(3), 3));
    let text = error.to_string();
    assert!(
        text.contains("service `flap` on smol failed, and is given up: started 3 times within 60s"),
        "{text}"
    );
    assert!(text.contains("failure 3"), "{text}");
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 2));
}

fn v6_one_that_flaps_does_not_delay_its_siblings() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let slow = Restart::on_failure()
        .jitter(0.0)
        .delay(5 * SECOND)
        .max_delay(5 * SECOND);
    let quick = Restart::on_failure()
        .jitter(0.0)
        .delay(SECOND / 4)
        .max_delay(SECOND / 4);
    let (_, flaps) = failing(&runtime, Settings::new().restart(quick), usize::MAX);
    let (_, beats) = failing(&runtime, Settings::new().restart(slow), usize::MAX);
    clock.advance(20 * SECOND);
    assert_eq!((flaps.load(SeqCst), beats.load(SeqCst)), (81, 5));
    end(&runtime);
}

fn v6_settings_that_cannot_work_are_refused() {
    let runtime = runtime();
    for (restart, says) in [
        (exactly().limit(5, 10 * SECOND), "out of reach"),
        (exactly().max_delay(SECOND / 2), "shorter than the first"),
        (exactly().jitter(f64::NAN), "not between 0 and 1"),
        (exactly().limit(3, Duration::ZERO), "no room"),
        (exactly().limit(0, SECOND), "no starts"),
    ] {
        let refused = runtime
            .unit()
            .restart(restart)
            .serve(service(Smol, || async {}));
        let error = refused.map(drop).unwrap_err();
        assert_eq!(error.kind(), ServeErrorKind::Settings);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(runtime.units().is_empty());
}
