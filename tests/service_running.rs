//! Services that are handed in while the runtime runs, on flavours that have been started. Rows V1 to V4, V9,
//! V11.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::*;
use foster::{
    FailureKind, Runtime, Settings, Shutdown, Smol, StragglerReason, Tokio, UnitChanges, UnitState,
    service,
};

once!(
    v4_the_stop_tells_all_in_reverse_whether_they_were_restarted_or_not,
    v11_the_stop_waits_for_one_that_cannot_end_yet,
    v11_one_that_never_ends_is_left_behind,
);
on_async_flavours!(
    v3_a_restart_that_is_asked_for_in_the_last_poll_comes,
    v3_one_is_stopped_and_another_restarted,
    v3_what_meets_the_stop_before_its_first_poll_has_it,
    v4_all_changes_are_told_in_order,
    v2_a_failure_is_told_and_ends_the_runtime,
    v9_what_comes_after_one_is_stopped_before_it,
    v9_one_that_was_over_at_once_was_ready,
    v11_without_a_token_it_ends_at_once,
    until_idle_ends_with_the_last,
);

/// Something to ask a unit, whatever its service is.
type Ask = Arc<dyn Fn() + Send + Sync>;

fn states_of(changes: &mut UnitChanges, name: &str) -> Vec<UnitState> {
    std::iter::from_fn(|| changes.try_recv())
        .filter(|change| change.name() == name)
        .map(|change| change.state())
        .collect()
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v3_a_restart_that_is_asked_for_in_the_last_poll_comes<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    for number in 0..50 {
        let (ask, is_there) = (Log::<Ask>::new(), Event::new());
        let (asks, there) = (ask.clone(), is_there.clone());
        let (runs, dropped) = (Arc::new(AtomicUsize::new(0)), Event::new());
        let (count, drops) = (Arc::clone(&runs), dropped.clone());
        let value = Arc::new(OnDrop(move || drops.happen()));
        let run = move || {
            let _ = &value;
            let (asks, there, count) = (asks.clone(), there.clone(), Arc::clone(&count));
            async move {
                there.expect("the unit is there");
                if count.fetch_add(1, SeqCst) == 0 {
                    asks.read()[0]();
                }
            }
        };
        // The value serves again, or a new one is made.
        let unit = match number % 2 {
            0 => runtime.serve(service(flavour, run)),
            _ => runtime.serve_with(move || service(flavour, run.clone())),
        };
        let unit = unit.unwrap();
        let asked = unit.clone();
        ask.write(Arc::new(move || asked.restart()));
        is_there.happen();
        assert!(unit.wait_stopped(SOON));
        assert_eq!((runs.load(SeqCst), unit.restarts()), (2, 1));
        if number % 2 == 0 {
            dropped.expect("the value goes at the end of the last run");
        }
    }
    end(&runtime);
}

fn v3_one_is_stopped_and_another_restarted<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let serve = |runs: &Arc<AtomicUsize>| {
        let runs = Arc::clone(runs);
        let run = move || {
            runs.fetch_add(1, SeqCst);
            pending::<()>()
        };
        let unit = runtime.serve(service(flavour, run)).unwrap();
        assert!(unit.wait_ready(SOON));
        unit
    };
    let (runs, again) = (Arc::default(), Arc::default());
    let [stopped, other] = [&runs, &runs].map(serve);
    let restarted = serve(&again);
    stopped.stop();
    assert_ne!(stopped.state(), UnitState::Running);
    restarted.restart();
    assert!(stopped.wait_stopped(SOON) && restarted.wait_ready(SOON));
    assert_eq!(
        (stopped.state(), restarted.restarts()),
        (UnitState::Ended, 1)
    );
    assert_eq!((runs.load(SeqCst), again.load(SeqCst)), (2, 2));
    assert_eq!(other.state(), UnitState::Running);
    end(&runtime);
    assert_eq!(
        (restarted.state(), other.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}

fn v3_what_meets_the_stop_before_its_first_poll_has_it<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let go_on = busy(&runtime, flavour);
    let log = Log::new();
    let serve = |what: &'static str, holds: bool| {
        let log = log.clone();
        let run = move || {
            log.write(what);
            let log = log.clone();
            async move {
                let _on_drop = OnDrop(move || log.write(what));
                match holds {
                    true => Shutdown::current().requested().await,
                    false => pending().await,
                }
            }
        };
        runtime.serve(service(flavour, run)).unwrap()
    };
    let units = [serve("held", true), serve("not held", false)];
    runtime.shutdown();
    // Seen by the supervisor, which can do nothing but wait for the first poll.
    while units.iter().any(|unit| unit.state() != UnitState::Stopping) {
        thread::yield_now();
    }
    assert!(log.read().is_empty());
    go_on.happen();
    runtime.wait().unwrap();
    let mut lines = log.read();
    lines.sort_unstable();
    assert_eq!(lines, ["held", "held", "not held", "not held"]);
    assert!(units.iter().all(|unit| unit.state() == UnitState::Ended));
}

fn v4_all_changes_are_told_in_order<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let mut changes = runtime.unit_changes(100);
    let named = |name: &'static str| runtime.unit().name(name);
    let quick = named("quick").serve(service(flavour, || async {})).unwrap();
    assert!(quick.wait_stopped(SOON));
    let yielding = service(flavour, || async {
        futures_lite::future::yield_now().await
    });
    let unit = named("quick").serve(yielding).unwrap();
    assert!(unit.wait_stopped(SOON));
    let unit = named("lasting")
        .serve(service(flavour, pending::<()>))
        .unwrap();
    assert!(unit.wait_ready(SOON));
    end(&runtime);
    let all: Vec<_> = std::iter::from_fn(|| changes.try_recv()).collect();
    let known: Vec<_> = all.iter().map(|change| change.state()).collect();
    use UnitState::{Ended, Running, Starting, Stopping};
    assert_eq!(
        known,
        [
            Starting, Running, Ended, Starting, Running, Ended, Starting, Running, Stopping, Ended
        ]
    );
    assert!(all.is_sorted_by_key(|change| change.at()));
    assert_eq!(unit.status().since(), all[9].at());
}

fn v2_a_failure_is_told_and_ends_the_runtime<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let mut changes = runtime.unit_changes(100);
    let other = runtime.serve(service(flavour, pending::<()>)).unwrap();
    assert!(other.wait_ready(SOON));
    let run = || async {
        futures_lite::future::yield_now().await;
        Err::<(), _>("it failed")
    };
    let settings = runtime.unit().name("failing");
    let unit = settings.serve(service(flavour, run)).unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), FailureKind::Error);
    assert_eq!(error.failures()[0].payload(), "failing");
    assert_eq!(
        (unit.state(), other.state()),
        (UnitState::Failed, UnitState::Ended)
    );
    let states = states_of(&mut changes, "failing");
    assert_eq!(states.last(), Some(&UnitState::Failed));
}

fn v9_what_comes_after_one_is_stopped_before_it<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let log = Log::new();
    let serve = |settings: Settings, name: &'static str| {
        let log = log.clone();
        let run = move || {
            let log = log.clone();
            async move {
                Shutdown::current().requested().await;
                // Those before it are asked when this has ended.
                futures_lite::future::yield_now().await;
                log.write(name);
            }
        };
        let builder = runtime.unit().with(settings.name(name));
        let unit = builder.serve(service(flavour, run)).unwrap();
        assert!(unit.wait_ready(SOON));
        unit
    };
    let first = serve(Settings::new(), "first");
    let second = serve(Settings::new().after(&first), "second");
    serve(Settings::new().after("second"), "third");
    end(&runtime);
    assert_eq!(log.read(), ["third", "second", "first"]);
    assert_eq!(
        (first.state(), second.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}

fn v9_one_that_was_over_at_once_was_ready<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let first = runtime.serve(service(flavour, || async {})).unwrap();
    assert!(first.wait_stopped(SOON));
    let ran = Event::new();
    let runs = ran.clone();
    let run = move || {
        runs.happen();
        pending::<()>()
    };
    let second = runtime.unit().after(&first).serve(service(flavour, run));
    assert!(second.unwrap().wait_ready(SOON));
    ran.expect("what it comes after was ready");
    end(&runtime);
}

fn v11_without_a_token_it_ends_at_once<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let dropped = Event::new();
    let (drops, waits) = (dropped.clone(), dropped);
    let run = move || {
        let drops = drops.clone();
        async move {
            let _on_drop = OnDrop(move || drops.happen());
            pending::<()>().await;
        }
    };
    let deaf = runtime.serve(service(flavour, run)).unwrap();
    // Holds the grace time open until the other one has gone.
    let run = move || {
        let waits = waits.clone();
        async move {
            Shutdown::current().requested().await;
            while !waits.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let holder = runtime.serve(service(flavour, run)).unwrap();
    assert!(deaf.wait_ready(SOON) && holder.wait_ready(SOON));
    end(&runtime);
    assert_eq!(
        (deaf.state(), holder.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}

fn until_idle_ends_with_the_last<F: AsyncFlavour>(flavour: F) {
    for _ in 0..20 {
        let runtime = builder().until_idle().build();
        let (inside, ran) = (runtime.clone(), Arc::new(AtomicUsize::new(0)));
        let runs = Arc::clone(&ran);
        let serve = move || async move {
            for _ in 0..20 {
                let runs = Arc::clone(&runs);
                let run = move || {
                    let runs = Arc::clone(&runs);
                    async move {
                        runs.fetch_add(1, SeqCst);
                    }
                };
                inside.serve(service(flavour, run)).unwrap();
            }
        };
        runtime.adopt(flavour, serve).unwrap();
        runtime.run().unwrap();
        assert_eq!(ran.load(SeqCst), 20);
        let over = |unit: &foster::UnitStatus| unit.state() == UnitState::Ended;
        assert!(runtime.units().iter().all(over));
    }
}

fn v4_the_stop_tells_all_in_reverse_whether_they_were_restarted_or_not() {
    let runtime = running(Smol);
    let mut expected = Vec::new();
    for number in 0..20 {
        let unit = runtime.serve(service(Smol, pending::<()>)).unwrap();
        assert!(unit.wait_ready(SOON));
        if number % 3 == 0 {
            unit.restart();
            while unit.restarts() == 0 || unit.state() != UnitState::Running {
                std::thread::yield_now();
            }
        }
        expected.insert(0, unit.name().to_owned());
    }
    let mut changes = runtime.unit_changes(100);
    end(&runtime);
    let mut asked = Vec::new();
    while let Some(change) = changes.try_recv() {
        if change.state() == UnitState::Stopping {
            asked.push(change.name().to_owned());
        }
    }
    assert_eq!(asked, expected);
}

/// The grace time is for services, too, and not only for holders: one that is to be dropped has all of it
/// to come to where it awaits.
fn v11_the_stop_waits_for_one_that_cannot_end_yet() {
    let runtime = started();
    runtime.execute(Smol, || async {}).unwrap();
    let log: Log<&'static str> = Log::new();
    let lines = log.clone();
    let run = move || {
        let on_drop = OnDrop({
            let log = lines.clone();
            move || log.write("service")
        });
        async move {
            let _on_drop = on_drop;
            pending::<()>().await;
        }
    };
    let unit = runtime.serve(service(Smol, run)).unwrap();
    assert!(unit.wait_ready(SOON));
    // It holds no token, so it is dropped as soon as the grace time is over.
    let (lines, is_dropped) = (log.clone(), Event::new());
    let drops = is_dropped.clone();
    let polled = Event::new();
    let polls = polled.clone();
    let witness = move || async move {
        let _on_drop = OnDrop(|| {
            lines.write("witness");
            drops.happen();
        });
        polls.happen();
        pending::<()>().await;
    };
    runtime.adopt(Tokio, witness).unwrap();
    polled.expect("the witness runs");
    let (blocked, stops, lines) = (Event::new(), Event::new(), log.clone());
    let (blocks, stopped) = (blocked.clone(), stops.clone());
    let block = move || async move {
        // A first poll is waited for by itself.
        futures_lite::future::yield_now().await;
        blocks.happen();
        block_until(&stopped);
        // The flavour's thread is kept busy until the grace time is over, or has not been for long.
        if is_dropped.happens_within(Duration::from_millis(300)) {
            lines.write("the grace time was over before");
        }
    };
    runtime.adopt(Smol, block).unwrap();
    blocked.expect("the flavour's thread is busy");
    runtime.shutdown();
    stops.happen();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
    assert_eq!(log.read(), ["service", "witness"]);
}

fn v11_one_that_never_ends_is_left_behind() {
    let moment = Duration::from_millis(50);
    let runtime = builder().grace(moment).cancel_timeout(moment).build();
    runtime.start().unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    let (blocked, go_on) = (Event::new(), Event::new());
    let (blocks, goes_on) = (blocked.clone(), go_on.clone());
    let block = move || {
        let (blocks, goes_on) = (blocks.clone(), goes_on.clone());
        async move {
            futures_lite::future::yield_now().await;
            blocks.happen();
            block_until(&goes_on);
        }
    };
    let unit = runtime.serve(service(Smol, block)).unwrap();
    blocked.expect("the flavour's thread is busy");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert!(matches!(
        error.stragglers()[0].reason(),
        StragglerReason::Blocking { .. }
    ));
    // The supervisor may have no time left to be waited for.
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::LeftBehind);
    go_on.happen();
}
