//! First runs to which the supervisor does not see: it restarts what follows on them, and launches those from
//! before the start when their flavour is there. All on the system's clock. Rows V1, V3, V5 to V7, V9, V12.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use foster::{Exit, Restart, Runtime, Smol, UnitState, service};

once!(
    v3_what_is_asked_before_the_start_holds,
    v9_a_unit_that_is_held_is_waited_for,
    v12_a_start_that_has_failed_is_tried_again_for_the_others,
    v12_what_is_held_when_the_runtime_stops_never_runs,
);
on_async_flavours!(
    v5_one_that_fails_is_started_again_until_it_holds,
    v5_one_that_returns_is_started_again_unless_it_says_otherwise,
    v6_each_run_has_a_value_of_its_own,
    v7_the_limit_counts_the_first_start,
    v7_a_first_run_that_went_well_is_not_counted,
);

/// No delay and no chance, so that nothing but the runs themselves takes time.
fn at_once(restart: Restart) -> Restart {
    restart.delay(Duration::ZERO).jitter(0.0)
}

fn v5_one_that_fails_is_started_again_until_it_holds<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (runs, holds) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (count, held) = (Arc::clone(&runs), holds.clone());
    let run = move || {
        let (run, held) = (count.fetch_add(1, SeqCst), held.clone());
        async move {
            match run {
                0 => return Err::<(), _>("at once"),
                1 => panic!("it panics"),
                2 => futures_lite::future::yield_now().await,
                _ => {
                    held.happen();
                    pending::<()>().await;
                }
            }
            Err("later")
        }
    };
    let restart = at_once(Restart::on_failure());
    let unit = runtime.unit().restart(restart);
    let unit = unit.serve(service(flavour, run)).unwrap();
    holds.expect("its fourth run");
    assert!(unit.wait_ready(SOON));
    assert_eq!((runs.load(SeqCst), unit.restarts()), (4, 3));
    assert!(unit.last_failure().is_some());
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v5_one_that_returns_is_started_again_unless_it_says_otherwise<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let serve = |restart: Restart, last: usize| {
        let runs = AtomicUsize::new(0);
        let run = move || {
            let is_last = runs.fetch_add(1, SeqCst) == last;
            async move {
                match is_last {
                    true => Exit::Done,
                    false => pending::<Exit>().await,
                }
            }
        };
        let unit = runtime.unit().restart(at_once(restart));
        unit.serve(service(flavour, run)).unwrap()
    };
    let done = serve(Restart::always(), 0);
    assert!(done.wait_stopped(SOON));
    assert_eq!((done.state(), done.restarts()), (UnitState::Ended, 0));
    for is_made in [false, true] {
        let (runs, ended) = (Arc::new(AtomicUsize::new(0)), Event::new());
        let ends = ended.clone();
        let run = move || {
            let is_last = runs.fetch_add(1, SeqCst) == 2;
            let ends = ends.clone();
            async move {
                if is_last {
                    ends.happen();
                    pending::<()>().await;
                }
            }
        };
        let unit = runtime.unit().restart(at_once(Restart::always()));
        let unit = match is_made {
            false => unit.serve(service(flavour, run)),
            true => unit.serve_with(move || service(flavour, run.clone())),
        };
        ended.expect("its third run");
        assert_eq!(unit.unwrap().restarts(), 2);
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v6_each_run_has_a_value_of_its_own<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (made, dropped, log) = (AtomicUsize::new(0), Event::new(), Log::new());
    let (lines, drops) = (log.clone(), dropped.clone());
    let make = move || {
        let number = made.fetch_add(1, SeqCst);
        let (lines, drops) = (lines.clone(), drops.clone());
        let value = OnDrop(move || {
            lines.write(number);
            if number == 2 {
                drops.happen();
            }
        });
        service(flavour, move || {
            let _ = &value;
            async move {
                match number {
                    2 => Ok(()),
                    _ => Err("once more"),
                }
            }
        })
    };
    let unit = runtime.unit().restart(at_once(Restart::on_failure()));
    let unit = unit.serve_with(make).unwrap();
    assert!(unit.wait_stopped(SOON));
    dropped.expect("the last value");
    assert_eq!(log.read(), [0, 1, 2]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v7_the_limit_counts_the_first_start<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let restart = at_once(Restart::on_failure()).limit(3, Duration::from_secs(600));
    let unit = runtime.unit().name("flapping").restart(restart);
    let unit = unit
        .serve(service(flavour, || async { Err::<(), _>("no") }))
        .unwrap();
    let error = runtime.wait().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!((failure.payload(), failure.starts()), ("flapping", Some(3)));
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 2));
}

/// It counts from when that run began, and not from when the supervisor came to see to it.
fn v7_a_first_run_that_went_well_is_not_counted<F: AsyncFlavour>(flavour: F) {
    let window = Duration::from_millis(20);
    let runtime = started();
    let (runs, holds) = (AtomicUsize::new(0), Event::new());
    let held = holds.clone();
    let run = move || {
        let is_first = runs.fetch_add(1, SeqCst) == 0;
        let held = held.clone();
        async move {
            if is_first {
                let begin = std::time::Instant::now();
                while begin.elapsed() <= window {
                    futures_lite::future::yield_now().await;
                }
                return Err::<(), _>("after all");
            }
            held.happen();
            pending().await
        }
    };
    let restart = at_once(Restart::on_failure()).limit(1, window);
    let unit = runtime.unit().restart(restart);
    unit.serve(service(flavour, run)).unwrap();
    holds.expect("its second run");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v3_what_is_asked_before_the_start_holds() {
    let runtime = patient();
    let ran = Log::new();
    let serve = |what: &'static str| {
        let ran = ran.clone();
        let run = move || {
            ran.write(what);
            pending::<()>()
        };
        runtime.serve(service(Smol, run)).unwrap()
    };
    let (stopped, restarted) = (serve("stopped"), serve("restarted"));
    stopped.stop();
    restarted.restart();
    runtime.start().unwrap();
    assert!(stopped.wait_stopped(SOON) && restarted.wait_ready(SOON));
    assert_eq!(restarted.restarts(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ran.read(), ["restarted"]);
    for unit in [stopped, restarted] {
        assert_eq!(unit.state(), UnitState::Ended);
    }
}

/// A runtime whose stop takes longer than a test if it waits for the end of its grace time.
fn patient() -> Runtime {
    builder().grace(Duration::from_secs(600)).build()
}

fn v9_a_unit_that_is_held_is_waited_for() {
    let runtime = patient();
    let go = Event::new();
    let slow = || service(Odd::after(&go), pending::<()>);
    let first = runtime.serve(slow()).unwrap();
    let second = runtime.serve(slow()).unwrap();
    let log = Log::new();
    let (seen, looked_at) = (log.clone(), second.clone());
    let run = move || {
        seen.write(looked_at.state());
        pending::<()>()
    };
    let after = runtime.unit().after(&second);
    let after = after.serve(service(Smol, run.clone())).unwrap();
    runtime.start().unwrap();
    // While it is held, too.
    let late = runtime.unit().after(&first);
    let late = late.serve(service(Smol, pending::<()>)).unwrap();
    assert_eq!(late.state(), UnitState::Waiting);
    go.happen();
    for unit in [&first, &second] {
        assert!(unit.wait_ready(SOON));
    }
    assert!(after.wait_ready(SOON) && late.wait_ready(SOON));
    assert_eq!(log.read(), [UnitState::Running]);
    runtime.shutdown();
    runtime.wait().unwrap();
    let is_over = |unit: &foster::UnitStatus| unit.state() == UnitState::Ended;
    assert!(runtime.units().iter().all(is_over));
}

fn v12_a_start_that_has_failed_is_tried_again_for_the_others() {
    let runtime = patient();
    let odd = Odd::failing(2);
    // The time to start of the last of them runs already.
    let units: Vec<_> = (0..4)
        .map(|number| {
            let unit = runtime.unit().restart(at_once(Restart::on_failure()));
            let unit = match number {
                3 => unit.start_timeout(SOON),
                _ => unit,
            };
            unit.serve(service(odd.clone(), pending::<()>)).unwrap()
        })
        .collect();
    runtime.start().unwrap();
    assert!(units.iter().all(|unit| unit.wait_ready(SOON)));
    let failed = |unit: &&foster::Unit| unit.last_failure().is_some();
    assert_eq!(units.iter().filter(failed).count(), 2);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v12_what_is_held_when_the_runtime_stops_never_runs() {
    let runtime = patient();
    let (go, dropped) = (Event::new(), Event::new());
    let drops = dropped.clone();
    let value = OnDrop(move || drops.happen());
    let run = move || {
        let _ = &value;
        async { panic!("it must not run") }
    };
    let unit = runtime.serve(service(Odd::after(&go), run)).unwrap();
    runtime.start().unwrap();
    while unit.state() != UnitState::Starting {
        std::thread::yield_now();
    }
    runtime.shutdown();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    go.happen();
    runtime.wait().unwrap();
    dropped.expect("the value goes with the runtime");
}
