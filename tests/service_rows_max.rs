//! No duration and no moment overflows: `Duration::MAX` means never. Rows V6, V10, V11 and V15.

mod common;

use std::future::pending;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use common::endings::*;
use common::services::*;
use common::*;
use foster::{FailureKind, Restart, Runtime, ServeErrorKind, Settings, Shutdown, Smol, UnitState};

on_every_flavour!(
    v6_a_delay_of_max_never_ends_by_itself,
    v6_a_reset_after_max_never_comes,
    v6_a_window_of_max_forgets_no_start,
    v10_a_start_timeout_of_max_never_runs_out,
    v11_a_stop_time_of_max_is_within_the_grace_time,
    v11_a_grace_time_of_max_never_ends,
    v6_settings_of_max_work_by_the_systems_clock,
    v15_the_clock_can_be_moved_to_its_end,
);
once!(v6_limits_with_times_of_max_are_looked_at,);

/// Longer than any program runs.
const AGES: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
const MAX: Duration = Duration::MAX;

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v6_a_delay_of_max_never_ends_by_itself<F: Host>(flavour: F) {
    for jitter in [0.0, 0.001, 0.1, 0.5] {
        for longest in [None, Some(MAX)] {
            let (clock, runtime) = manual();
            let restart = Restart::on_failure().delay(MAX).jitter(jitter);
            let restart = match longest {
                Some(time) => restart.max_delay(time),
                None => restart,
            };
            let settings = Settings::new().restart(restart);
            let ending = Ending::serve(&runtime, flavour, settings, FAILS);
            ending.end();
            clock.advance(AGES);
            assert_eq!(ending.unit.state(), UnitState::Delayed);
            assert_eq!(ending.unit.status().next_restart(), None);
            assert_eq!(ending.runs.load(SeqCst), 1);
            // By hand it can be.
            ending.unit.restart();
            ending.runs(2);
            ending.end();
            ending.unit.stop();
            assert!(ending.unit.wait_stopped(SOON));
            end(&runtime);
        }
    }
}

/// No panic, whatever is said: what can work is taken, and the rest refused.
fn v6_limits_with_times_of_max_are_looked_at() {
    let runtime = runtime();
    let serve = |restart: Restart| {
        let unit = runtime.unit().restart(restart);
        Smol.serve(unit, pending::<()>).map(drop)
    };
    let minute = 60 * SECOND;
    for refused in [
        // The second start is out of reach, as it never comes.
        Restart::on_failure().delay(MAX).limit(1, minute),
        Restart::on_failure()
            .delay(MAX)
            .limit(1, minute)
            .jitter(0.0),
        Restart::always().delay(MAX).limit(5, AGES).jitter(0.5),
        exactly().reset_after(MAX).limit(5, 10 * SECOND),
    ] {
        let error = serve(refused.clone()).unwrap_err();
        assert_eq!(error.kind(), ServeErrorKind::Settings, "{refused:?}");
        assert!(error.to_string().contains("out of reach"), "{error}");
    }
    for taken in [
        exactly().reset_after(MAX).limit(5, 24 * SECOND),
        exactly().reset_after(MAX).limit(5, 15 * SECOND).jitter(0.5),
        exactly().reset_after(MAX).limit(5, MAX),
        exactly().max_delay(MAX).reset_after(MAX).limit(10, MAX),
    ] {
        serve(taken.clone()).unwrap_or_else(|error| panic!("{taken:?}: {error}"));
    }
    // Chance may take all of it off.
    let _ = serve(Restart::always().delay(MAX).limit(1, minute).jitter(1.0));
    // Whether what never comes is within a time that never ends may be told either way.
    for either in [1, 2, 10_000] {
        let restart = Restart::on_failure().delay(MAX).limit(either, MAX);
        let _ = serve(restart.reset_after(MAX));
    }
    runtime.shutdown();
    runtime.run().unwrap();
}

fn v6_a_reset_after_max_never_comes<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = exactly().reset_after(MAX).limit(100, 3600 * SECOND);
    let settings = Settings::new().restart(restart);
    let ending = Ending::serve(&runtime, flavour, settings, FAILS);
    for delay in [1, 2, 4] {
        ending.end_and_wait(&clock, delay);
        clock.advance(AGES);
    }
    end(&runtime);
}

fn v6_a_window_of_max_forgets_no_start<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let settings = Settings::new().restart(exactly().limit(3, MAX));
    let ending = Ending::serve(&runtime, flavour, settings, FAILS);
    for _ in 0..2 {
        clock.advance(AGES);
        ending.end_and_wait(&clock, 1);
    }
    clock.advance(AGES);
    ending.told.notify_one();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(failure.starts(), Some(3));
    assert_eq!(
        (failure.kind(), failure.message()),
        (FailureKind::Error, "told to")
    );
}

fn v10_a_start_timeout_of_max_never_runs_out<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let unit = runtime.unit().name("base").start_timeout(MAX);
    let (base, begun, go) = getting_ready(flavour, unit);
    let unit = runtime.unit().after("base").start_timeout(MAX);
    let run = || async { Shutdown::current().requested().await };
    let one = flavour.serve(unit, run).unwrap();
    begun.expect("it waits for nobody");
    clock.advance(AGES);
    let states = [base.state(), one.state()];
    assert_eq!(states, [UnitState::Starting, UnitState::Waiting]);
    go.notify_one();
    assert!(base.wait_ready(SOON) && one.wait_ready(SOON));
    runtime.shutdown();
    finish(&clock, &runtime).unwrap();
}

fn v11_a_stop_time_of_max_is_within_the_grace_time<F: Host>(flavour: F) {
    let stage = Stage::new(10 * SECOND);
    let last = stage.part(flavour, "last", &[], Some(MAX), End::WhenTold);
    let first = stage.part(flavour, "first", &["last"], Some(MAX), End::WhenTold);
    // Its own stop has all the time that it was given.
    let alone = stage.part(flavour, "alone", &[], Some(MAX), End::WhenTold);
    alone.unit.stop();
    alone.asked.expect("it is asked");
    stage.clock.advance(AGES);
    assert_eq!(alone.unit.state(), UnitState::Stopping);
    alone.tell();
    assert!(alone.unit.wait_stopped(SOON));
    stage.runtime.shutdown();
    stage.come_first(&[&first]);
    let error = stage.finish().unwrap_err();
    last.asked.expect("it had its turn");
    for part in [first, last] {
        part.tell();
    }
    assert!(overran(&error).contains(&"first"), "{error}");
}

fn v11_a_grace_time_of_max_never_ends<F: Host>(flavour: F) {
    let stage = Stage::new(MAX);
    let base = stage.part(flavour, "base", &[], None, End::WhenTold);
    let timed = stage.part(flavour, "timed", &[], Some(MAX), End::WhenTold);
    let front = stage.part(flavour, "front", &["base"], None, End::WhenTold);
    stage.stop();
    stage.come_first(&[&front, &timed]);
    stage.move_to(AGES);
    assert!(!base.asked.has_happened());
    assert_eq!(front.unit.state(), UnitState::Stopping);
    for part in [&front, &base, &timed] {
        part.tell();
    }
    stage.finish().unwrap();
}

fn v6_settings_of_max_work_by_the_systems_clock<F: Host>(flavour: F) {
    let runtime = builder().grace(MAX).cancel_timeout(MAX).build();
    let settings = |delay: Duration| {
        let restart = Restart::on_failure().delay(delay).reset_after(MAX);
        let settings = Settings::new().start_timeout(MAX).stop_time(MAX);
        settings.notifies_ready().restart(restart)
    };
    runtime.start().unwrap();
    let moment = Duration::from_millis(1);
    let restart = Restart::on_failure().delay(moment).reset_after(MAX);
    let limited = settings(moment).restart(restart.limit(5, MAX));
    for settings in [settings(moment), limited] {
        let ending = Ending::serve(&runtime, flavour, settings, FAILS);
        for run in 2..=4 {
            ending.told.notify_one();
            ending.runs(run);
        }
        ending.unit.stop();
        assert!(ending.unit.wait_stopped(MAX));
    }
    let ending = Ending::serve(&runtime, flavour, settings(MAX), FAILS);
    ending.end();
    ending.unit.restart();
    ending.runs(2);
    assert!(ending.unit.wait_ready(MAX));
    ending.end();
    end(&runtime);
}

fn v15_the_clock_can_be_moved_to_its_end<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let serve = |restart: Restart| {
        let settings = Settings::new().restart(restart);
        Ending::serve(&runtime, flavour, settings, FAILS)
    };
    let (short, never) = (serve(exactly()), serve(exactly().delay(MAX).max_delay(MAX)));
    short.end();
    never.end();
    let before = clock.now();
    for time in [MAX, MAX, SECOND, Duration::ZERO] {
        assert!(clock.advance(time));
        assert!(clock.now() >= before);
    }
    short.runs(2);
    assert_eq!(never.unit.state(), UnitState::Delayed);
    // And all goes on as ever, but for what takes time.
    flavour.execute(&runtime, || ()).unwrap();
    let later = serve(Restart::never());
    later.unit.stop();
    assert!(later.unit.wait_stopped(SOON));
    short.unit.restart();
    short.runs(3);
    end(&runtime);
}
