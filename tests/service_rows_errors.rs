//! An error is told whenever it comes: before a stop, after one, and right behind one. Row V2.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use common::services::*;
use common::*;
use foster::{FailureKind, Restart, Runtime, Shutdown, Smol, UnitBuilder, UnitState};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

on_every_flavour!(
    v2_an_error_at_the_runtimes_stop_is_in_the_report,
    v2_errors_of_several_at_the_runtimes_stop_are_all_in_the_report,
    v2_an_error_after_its_own_stop_is_the_units_alone,
    v2_an_error_after_a_restart_was_asked_for_is_kept_and_the_restart_goes_on,
    v2_an_error_right_behind_a_stop_never_ends_the_runtime,
    v2_an_error_right_behind_a_restart_never_ends_the_runtime,
    v2_an_error_before_a_stop_ends_the_runtime,
    v2_a_panic_after_a_stop_ends_the_runtime_and_is_not_restarted,
    v2_a_panic_at_the_runtimes_stop_is_in_the_report,
    v2_fosters_own_words_for_the_stop_are_no_failure,
);

/// Twice: with a policy that never restarts, and with one that would after any failure.
fn policies() -> [Restart; 2] {
    [
        Restart::never(),
        Restart::on_failure().delay(std::time::Duration::ZERO),
    ]
}

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// One that is there besides, and is to notice nothing.
fn other(runtime: &Runtime) -> Served {
    let unit = runtime.unit().name("other");
    let run = || async { Shutdown::current().requested().await };
    let other = Smol.serve(unit, run).unwrap();
    assert!(other.wait_ready(SOON));
    other
}

/// A service that fails by `error` when it is asked to end. Returns when it holds its token.
fn fails_when_asked<F: Host>(flavour: F, unit: UnitBuilder<'_>, error: &'static str) -> Served {
    let held = Event::new();
    let holds = held.clone();
    let run = move || {
        let held = holds.clone();
        async move {
            let token = Shutdown::current();
            held.happen();
            token.requested().await;
            Err::<(), _>(error)
        }
    };
    let unit = flavour.serve(unit, run).unwrap();
    held.expect("it holds its token");
    assert!(unit.wait_ready(SOON));
    unit
}

fn v2_an_error_at_the_runtimes_stop_is_in_the_report<F: Host>(flavour: F) {
    for policy in policies() {
        let runtime = started();
        let unit = runtime.unit().name("keeper").restart(policy);
        let keeper = fails_when_asked(flavour, unit, "could not flush");
        runtime.shutdown();
        let error = runtime.wait().unwrap_err();
        let [failure] = error.failures() else {
            panic!("{error}")
        };
        let seen = (failure.payload(), failure.message(), failure.kind());
        assert_eq!(seen, ("keeper", "could not flush", FailureKind::Error));
        assert!(failure.during_shutdown());
        assert!(error.stragglers().is_empty(), "{error}");
        assert_eq!((keeper.state(), keeper.restarts()), (UnitState::Failed, 0));
        let kept = keeper.last_failure().expect("it is kept");
        assert_eq!(kept.message(), "could not flush");
    }
}

fn v2_errors_of_several_at_the_runtimes_stop_are_all_in_the_report<F: Host>(flavour: F) {
    let runtime = started();
    let unit = runtime.unit().name("base");
    let base = fails_when_asked(Smol, unit, "at the end");
    let unit = runtime.unit().name("front").after("base");
    let front = fails_when_asked(flavour, unit, "on the way");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let seen: Vec<_> = error
        .failures()
        .iter()
        .map(|one| (one.payload(), one.message(), one.during_shutdown()))
        .collect();
    // In the order of the stop.
    assert_eq!(
        seen,
        [("front", "on the way", true), ("base", "at the end", true)]
    );
    for unit in [base, front] {
        assert_eq!(unit.state(), UnitState::Failed);
    }
}

fn v2_an_error_after_its_own_stop_is_the_units_alone<F: Host>(flavour: F) {
    for policy in policies() {
        let runtime = started();
        let mut changes = runtime.unit_changes(100);
        let other = other(&runtime);
        let unit = runtime.unit().name("keeper").restart(policy);
        let keeper = fails_when_asked(flavour, unit, "could not flush");
        let unit = runtime.unit().name("dependent").after("keeper");
        let run = || async { Shutdown::current().requested().await };
        let dependent = flavour.serve(unit, run).unwrap();
        assert!(dependent.wait_ready(SOON));
        keeper.stop();
        assert!(keeper.wait_stopped(SOON));
        assert_eq!((keeper.state(), keeper.restarts()), (UnitState::Failed, 0));
        let kept = keeper.last_failure().expect("it is kept");
        assert_eq!(kept.message(), "could not flush");
        // It is told.
        let failed = loop {
            let change = changes.recv_timeout(SOON).expect("it is told");
            if change.name() == "keeper" && change.state().is_over() {
                break change;
            }
        };
        assert_eq!(failed.state(), UnitState::Failed);
        let told = failed.failure().map(|failure| failure.message().to_owned());
        assert_eq!(told.as_deref(), Some("could not flush"));
        // And nothing else ends.
        flavour.execute(&runtime, || ()).unwrap();
        for unit in [other, dependent] {
            assert_eq!(unit.state(), UnitState::Running);
        }
        end(&runtime);
    }
}

fn v2_an_error_after_a_restart_was_asked_for_is_kept_and_the_restart_goes_on<F: Host>(flavour: F) {
    for policy in policies() {
        let runtime = started();
        let runs = Arc::new(AtomicUsize::new(0));
        let (first, second) = (Event::new(), Event::new());
        let (counts, begins) = (Arc::clone(&runs), [first.clone(), second.clone()]);
        let run = move || {
            let number = counts.fetch_add(1, SeqCst);
            let begun = begins[number.min(1)].clone();
            async move {
                let token = Shutdown::current();
                begun.happen();
                token.requested().await;
                if number == 0 { Err("torn") } else { Ok(()) }
            }
        };
        let unit = runtime.unit().name("keeper").restart(policy);
        let keeper = flavour.serve(unit, run).unwrap();
        first.expect("it runs");
        keeper.restart();
        second.expect("the restart goes on");
        assert!(keeper.wait_ready(SOON));
        assert_eq!((keeper.state(), keeper.restarts()), (UnitState::Running, 1));
        assert_eq!(keeper.last_failure().expect("it is kept").message(), "torn");
        end(&runtime);
        assert_eq!((keeper.state(), runs.load(SeqCst)), (UnitState::Ended, 2));
    }
}

/// A service that ends by an error when its channel is closed: of a list of them, each run takes the next. With
/// a token, or without one.
fn reader<F: Host>(flavour: F, unit: UnitBuilder<'_>, with_token: bool) -> (Served, Channels) {
    let channels: Channels = Arc::default();
    let (receivers, begun) = (Arc::clone(&channels), Event::new());
    let begins = begun.clone();
    let run = move || {
        let (receivers, begun) = (Arc::clone(&receivers), begins.clone());
        async move {
            let _token = with_token.then(Shutdown::current);
            let (sender, receiver) = unbounded_channel();
            let mut receiver: UnboundedReceiver<()> = receiver;
            receivers.lock().unwrap().push(sender);
            begun.happen();
            receiver.recv().await.ok_or("the channel is closed")
        }
    };
    let unit = flavour.serve(unit, run).unwrap();
    begun.expect("it reads");
    (unit, channels)
}

type Channels = Arc<Mutex<Vec<UnboundedSender<()>>>>;

/// The natural program: a stop, and then the end of what the service works with.
fn v2_an_error_right_behind_a_stop_never_ends_the_runtime<F: Host>(flavour: F) {
    let runtime = started();
    let other = other(&runtime);
    for round in 0..200 {
        let with_token = round % 2 == 0;
        let (unit, channels) = reader(flavour, runtime.unit(), with_token);
        unit.stop();
        channels.lock().unwrap().clear();
        assert!(unit.wait_stopped(SOON));
        if with_token {
            // Nothing else could have ended it.
            assert_eq!(unit.state(), UnitState::Failed, "{round}");
        }
        assert_eq!(other.state(), UnitState::Running, "{round}");
    }
    end(&runtime);
}

fn v2_an_error_right_behind_a_restart_never_ends_the_runtime<F: Host>(flavour: F) {
    let runtime = started();
    let other = other(&runtime);
    let (unit, channels) = reader(flavour, runtime.unit(), true);
    for round in 1..=200 {
        unit.restart();
        channels.lock().unwrap().remove(0);
        expect("the next run reads", || {
            !channels.lock().unwrap().is_empty()
        });
        assert!(unit.wait_ready(SOON));
        assert_eq!(unit.restarts(), round);
        let failure = unit.last_failure().expect("it is kept");
        assert_eq!(failure.message(), "the channel is closed");
        assert_eq!(other.state(), UnitState::Running, "{round}");
    }
    // The channel of the last run is there until it has been asked.
    let error = {
        runtime.shutdown();
        channels.lock().unwrap().clear();
        runtime.wait().unwrap_err()
    };
    assert_eq!(error.failures().len(), 1, "{error}");
}

/// What it is after a stop it is not before.
fn v2_an_error_before_a_stop_ends_the_runtime<F: Host>(flavour: F) {
    let runtime = started();
    let (unit, channels) = reader(flavour, runtime.unit().name("reader"), true);
    channels.lock().unwrap().clear();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(failure.payload(), "reader");
    assert!(!failure.during_shutdown());
    unit.stop();
    assert_eq!(unit.state(), UnitState::Failed);
}

/// A service that panics when it is asked to end, and how often it ran.
fn panics_when_asked<F: Host>(flavour: F, unit: UnitBuilder<'_>) -> (Served, Arc<AtomicUsize>) {
    let (runs, held) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let (count, holds) = (Arc::clone(&runs), held.clone());
    let run = move || {
        count.fetch_add(1, SeqCst);
        let held = holds.clone();
        async move {
            let token = Shutdown::current();
            held.happen();
            token.requested().await;
            panic!("as it ends");
        }
    };
    let unit = flavour.serve(unit, run).unwrap();
    held.expect("it holds its token");
    assert!(unit.wait_ready(SOON));
    (unit, runs)
}

fn v2_a_panic_after_a_stop_ends_the_runtime_and_is_not_restarted<F: Host>(flavour: F) {
    for policy in policies() {
        let runtime = started();
        let unit = runtime.unit().name("wild").restart(policy);
        let (unit, runs) = panics_when_asked(flavour, unit);
        unit.stop();
        let error = runtime.wait().unwrap_err();
        let failure = &error.failures()[0];
        let seen = (failure.payload(), failure.kind(), failure.message());
        assert_eq!(seen, ("wild", FailureKind::Panic, "as it ends"));
        assert_eq!(error.failures().len(), 1, "{error}");
        assert_eq!((unit.state(), runs.load(SeqCst)), (UnitState::Failed, 1));
    }
}

fn v2_a_panic_at_the_runtimes_stop_is_in_the_report<F: Host>(flavour: F) {
    let runtime = started();
    let unit = runtime.unit().name("wild").restart(Restart::always());
    let (unit, runs) = panics_when_asked(flavour, unit);
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.kind(), failure.during_shutdown()),
        (FailureKind::Panic, true)
    );
    assert_eq!((unit.state(), runs.load(SeqCst)), (UnitState::Failed, 1));
}

/// As they are, and inside another error.
fn v2_fosters_own_words_for_the_stop_are_no_failure<F: Host>(flavour: F) {
    for is_wrapped in [false, true] {
        let runtime = started();
        let (held, inner) = (Event::new(), runtime.clone());
        let holds = held.clone();
        let run = move || {
            let (held, runtime) = (holds.clone(), inner.clone());
            async move {
                let token = Shutdown::current();
                held.happen();
                token.requested().await;
                let adopted = runtime.adopt(Smol, || async {});
                match is_wrapped {
                    true => adopted.context("could not flush")?,
                    false => adopted?,
                }
                anyhow::Ok(())
            }
        };
        let unit = runtime.unit().restart(Restart::on_failure());
        let unit = flavour.serve(unit, run).unwrap();
        held.expect("it holds its token");
        end(&runtime);
        assert_eq!(unit.state(), UnitState::Ended);
        assert!(unit.last_failure().is_none());
    }
}
