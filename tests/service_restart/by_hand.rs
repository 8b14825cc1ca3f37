//! Restarts and stops by hand, and the stop of the whole. Row V7.

use super::*;

once!(
    v7_a_restart_by_hand_waits_for_the_end_and_does_not_count,
    v7_a_restart_ends_a_delay,
    v7_a_stop_ends_a_delay,
    v7_a_thread_that_ignores_its_stop_cannot_be_restarted,
    v7_a_thread_without_a_token_cannot_be_restarted,
    a_restart_does_not_come_back_when_the_stop_begins,
    a_destructor_that_panics_at_the_stop_is_reported,
    a_shutdown_meets_every_state,
);

fn v7_a_restart_by_hand_waits_for_the_end_and_does_not_count() {
    let runtime = started();
    let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (is_alive, is_most) = (Arc::clone(&alive), Arc::clone(&most));
    let unit = runtime
        .unit()
        .restart(Restart::on_failure().limit(1, 3600 * SECOND))
        .serve(service(Thread, move || {
            let token = Shutdown::current();
            is_most.fetch_max(is_alive.fetch_add(1, SeqCst) + 1, SeqCst);
            token.wait_timeout(SOON);
            is_alive.fetch_sub(1, SeqCst);
        }))
        .unwrap();
    for restarts in 0..20 {
        assert!(unit.wait_ready(SOON));
        assert_eq!(unit.restarts(), restarts);
        unit.restart();
        // The run that was asked to end is not the present one any more, if it is running.
        assert!(unit.state() != UnitState::Running || unit.restarts() > restarts);
    }
    assert!(unit.wait_ready(SOON));
    assert_eq!(most.load(SeqCst), 1, "never two at once");
    end(&runtime);
}

fn v7_a_restart_ends_a_delay() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let (unit, starts) = failing(&runtime, Settings::new().restart(exactly()), 1);
    clock.advance(Duration::ZERO);
    assert_eq!(unit.state(), UnitState::Delayed);
    unit.restart();
    clock.advance(Duration::ZERO);
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Running, 2));
    end(&runtime);
}

fn v7_a_stop_ends_a_delay() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let (unit, starts) = failing(&runtime, Settings::new().restart(exactly()), 5);
    clock.advance(Duration::ZERO);
    unit.stop();
    unit.restart();
    clock.advance(10 * SECOND);
    assert_eq!((unit.state(), starts.load(SeqCst)), (UnitState::Ended, 1));
    end(&runtime);
}

fn v7_a_thread_that_ignores_its_stop_cannot_be_restarted() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let (until, held) = (Event::new(), Event::new());
    let (end, is_held) = (until.clone(), held.clone());
    let unit = runtime
        .unit()
        .name("deaf")
        .stop_time(SECOND)
        .serve(service(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&end);
        }))
        .unwrap();
    held.expect("it runs");
    unit.restart();
    clock.advance(Duration::ZERO);
    clock.advance(SECOND);
    until.happen();
    let error = runtime.wait().unwrap_err();
    assert_eq!(
        (error.failures()[0].kind(), error.failures()[0].payload()),
        (FailureKind::Stuck, "deaf")
    );
}

fn v7_a_thread_without_a_token_cannot_be_restarted() {
    let runtime = started();
    let until = Event::new();
    let end = until.clone();
    let unit = runtime
        .unit()
        .name("deaf")
        .stop_time(Duration::from_millis(50))
        .serve(service(Thread, move || block_until(&end)))
        .unwrap();
    assert!(unit.wait_ready(SOON));
    unit.restart();
    let error = runtime.wait().unwrap_err();
    assert_eq!(
        (error.failures()[0].kind(), error.failures()[0].payload()),
        (FailureKind::Stuck, "deaf")
    );
    until.happen();
}

fn a_restart_does_not_come_back_when_the_stop_begins() {
    for _ in 0..200 {
        let runtime = started();
        let restart = Restart::on_failure().jitter(0.0).delay(Duration::ZERO);
        let (unit, starts) = failing(&runtime, Settings::new().restart(restart), usize::MAX);
        let stopper = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.shutdown())
        };
        // It may have failed just after the stop began, which is told.
        let _ = runtime.wait();
        stopper.join().unwrap();
        let at_the_end = starts.load(SeqCst);
        assert!(unit.state().is_over());
        thread::yield_now();
        assert_eq!(starts.load(SeqCst), at_the_end);
    }
}

fn a_destructor_that_panics_at_the_stop_is_reported() {
    let runtime = started();
    let unit = runtime
        .serve(service(Tokio, || async {
            let _bomb = OnDrop(|| panic!("in a destructor"));
            pending::<()>().await;
        }))
        .unwrap();
    let other = runtime.serve(service(Smol, pending::<()>)).unwrap();
    assert!(unit.wait_ready(SOON) && other.wait_ready(SOON));
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(
        (unit.state(), other.state()),
        (UnitState::Failed, UnitState::Ended)
    );
}

fn a_shutdown_meets_every_state() {
    let clock = Clock::manual();
    let runtime = by(&clock);
    let until = Event::new();
    let end_of_it = until.clone();
    let never = runtime
        .unit()
        .notifies_ready()
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let waiting = runtime
        .unit()
        .after(&never)
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let running = runtime.serve(service(Tokio, pending::<()>)).unwrap();
    let (delayed, _) = failing(&runtime, Settings::new().restart(exactly()), 1);
    let ended = runtime.serve(service(Smol, || async {})).unwrap();
    let stopping = runtime
        .serve(service(Thread, move || {
            let _token = Shutdown::current();
            block_until(&end_of_it);
        }))
        .unwrap();
    assert!(stopping.wait_ready(SOON) && running.wait_ready(SOON));
    stopping.stop();
    clock.advance(Duration::ZERO);
    let states = [
        never.state(),
        waiting.state(),
        running.state(),
        delayed.state(),
        ended.state(),
        stopping.state(),
    ];
    assert_eq!(
        states,
        [
            UnitState::Starting,
            UnitState::Waiting,
            UnitState::Running,
            UnitState::Delayed,
            UnitState::Ended,
            UnitState::Stopping
        ]
    );
    runtime.shutdown();
    until.happen();
    runtime.wait().unwrap();
    assert!(
        runtime
            .units()
            .iter()
            .all(|unit| unit.state() == UnitState::Ended),
        "{:?}",
        runtime.units()
    );
}
