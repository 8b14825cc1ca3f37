//! Behaviours that the suites of other supervisors assert (tokio-graceful-shutdown, suture) and our other files do not.
//! Rows A6, L10, S6, V1, V3 and V5.

mod common;

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::endings::{Ending, FAILS, exactly};
use common::services::*;
use common::*;
use foster::{
    ExecuteErrorKind, FailureKind, Restart, Settings, Shutdown, Smol, Thread, UnitBuilder,
    UnitState, service,
};
use futures_lite::future::{block_on, poll_once, yield_now};

on_every_flavour!(
    a6_a_second_panic_during_the_stop_cuts_nobody_short,
    services_of_a_runtime_without_handles_end,
    v1_a_hundred_that_are_stopped_as_they_start_come_to_their_end,
    v3_a_future_tells_when_it_is_over,
    v3_a_wait_for_one_that_goes_on_ends_in_its_time,
    v3_one_that_overruns_its_own_stop_holds_nobody_up,
    v5_one_in_its_delay_leaves_the_others_alone,
    v5_the_end_of_another_runtime_is_no_end_of_a_service,
);
on_async_flavours!(l10_a_runtime_inside_a_payload_ends_with_it);
once!(s6_a_server_with_a_stop_of_its_own_is_ended_by_a_helper);

const GRACE: Duration = Duration::from_secs(10);

/// A thread cannot be dropped: it goes on until it ends by itself.
fn is_thread<F: Host>() -> bool {
    F::NAME == <Thread as AnyFlavour>::NAME
}

/// Serves what holds a token until it is asked to end, and then does what `finally` gives. Returns when it holds its
/// token.
fn holder<F, R>(
    flavour: F,
    unit: UnitBuilder<'_>,
    finally: impl Fn() -> R + Send + Sync + 'static,
) -> Served
where
    F: Host,
    R: Future<Output = ()> + Send + 'static,
{
    let held = Event::new();
    let holds = held.clone();
    let run = move || {
        let (held, finally) = (holds.clone(), finally());
        async move {
            let token = Shutdown::current();
            held.happen();
            token.requested().await;
            finally.await;
        }
    };
    let unit = flavour.serve(unit, run).unwrap();
    held.expect("it holds its token");
    assert!(unit.wait_ready(SOON));
    unit
}

/// The first is the cause, the second comes of the stop, and the third has its time to clean up after both.
fn a6_a_second_panic_during_the_stop_cuts_nobody_short<F: Host>(flavour: F) {
    let runtime = started();
    let (panicked, cleaned) = (Event::new(), Event::new());
    let (has_panicked, is_cleaned) = (panicked.clone(), cleaned.clone());
    let third = holder(flavour, runtime.unit().name("third"), move || {
        let (panicked, cleaned) = (has_panicked.clone(), is_cleaned.clone());
        async move {
            while !panicked.has_happened() {
                yield_now().await;
            }
            for _ in 0..100 {
                yield_now().await;
            }
            cleaned.happen();
        }
    });
    let second = holder(flavour, runtime.unit().name("second"), move || {
        let panicked = panicked.clone();
        async move {
            let _on_drop = OnDrop(|| panicked.happen());
            panic!("as it ends");
        }
    });
    let fails = || async {
        if true {
            panic!("the cause")
        }
    };
    flavour.serve(runtime.unit().name("first"), fails).unwrap();
    let error = runtime.wait().unwrap_err();
    assert!(cleaned.has_happened(), "the third is not cut short");
    let seen: Vec<_> = error
        .failures()
        .iter()
        .map(|one| (one.payload(), one.message(), one.during_shutdown()))
        .collect();
    assert_eq!(
        seen,
        [
            ("first", "the cause", false),
            ("second", "as it ends", true)
        ]
    );
    let is_panic = |one: &foster::Failure| one.kind() == FailureKind::Panic;
    assert!(error.failures().iter().all(is_panic), "{error}");
    assert!(error.stragglers().is_empty(), "{error}");
    assert_eq!(
        (second.state(), third.state()),
        (UnitState::Failed, UnitState::Ended)
    );
}

/// Nobody could wait for the runtime any more. A unit is no handle of it.
fn services_of_a_runtime_without_handles_end<F: Host>(flavour: F) {
    let runtime = started();
    let asked = Event::new();
    let is_asked = asked.clone();
    let unit = holder(flavour, runtime.unit(), move || {
        let asked = is_asked.clone();
        async move { asked.happen() }
    });
    drop(runtime);
    asked.expect("it is asked to end");
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
}

/// The stop meets each of them at another moment of its start.
fn v1_a_hundred_that_are_stopped_as_they_start_come_to_their_end<F: Host>(flavour: F) {
    for _ in 0..5 {
        let runtime = runtime();
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let serve = |_| {
            let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
            let run = move || {
                let (begun, ended) = (Arc::clone(&begins), Arc::clone(&ends));
                async move {
                    let _on_drop = OnDrop(move || {
                        ended.fetch_add(1, SeqCst);
                    });
                    begun.fetch_add(1, SeqCst);
                    Shutdown::current().requested().await;
                }
            };
            flavour.serve(runtime.unit(), run).unwrap()
        };
        let units: Vec<_> = (0..100).map(serve).collect();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        for unit in units {
            assert!(unit.state().is_over(), "{:?}", unit.status());
            assert!(unit.last_failure().is_none(), "{:?}", unit.status());
        }
        // A thread that came late to its token was left behind, and ends nevertheless.
        expect("each run that began has ended", || {
            begun.load(SeqCst) == ended.load(SeqCst)
        });
    }
}

/// Not before, then with its last state, and again to whoever asks later.
fn v3_a_future_tells_when_it_is_over<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let one = stage.part(flavour, "one", &[], None, End::WhenTold);
    let mut stopped = one.unit.stopped();
    assert!(block_on(poll_once(&mut stopped)).is_none());
    // By a payload as well, which holds its flavour up for nobody.
    let (waits, seen, unit) = (Event::new(), Log::new(), one.unit.clone());
    let (waiting, sees) = (waits.clone(), seen.clone());
    let watcher = move || async move {
        let _token = Shutdown::current();
        let mut stopped = unit.stopped();
        assert!(poll_once(&mut stopped).await.is_none());
        waiting.happen();
        sees.write(stopped.await);
    };
    stage.runtime.adopt(Smol, watcher).unwrap();
    waits.expect("the payload waits");
    one.unit.stop();
    one.asked.expect("it is asked to end");
    assert!(
        block_on(poll_once(&mut stopped)).is_none(),
        "it goes on for a while"
    );
    assert!(seen.read().is_empty());
    one.tell();
    assert_eq!(block_on(stopped), UnitState::Ended);
    expect("the payload hears of it", || {
        seen.read() == [UnitState::Ended]
    });
    assert_eq!(block_on(one.unit.stopped()), UnitState::Ended);
    stage.runtime.shutdown();
    stage.finish().unwrap();
}

/// The wait is over, and nothing else: not its run, nor anybody else's.
fn v3_a_wait_for_one_that_goes_on_ends_in_its_time<F: Host>(flavour: F) {
    let stage = Stage::new(GRACE);
    let other = stage.part(Smol, "other", &[], None, End::AtOnce);
    let slow = stage.part(flavour, "slow", &[], Some(Duration::MAX), End::WhenTold);
    slow.unit.stop();
    slow.asked.expect("it is asked to end");
    let unit = slow.unit.clone();
    let waiter = thread::spawn(move || unit.wait_stopped(SECOND));
    expect("its time passes", || {
        stage.clock.advance(SECOND);
        waiter.is_finished()
    });
    assert!(!waiter.join().unwrap(), "it has not stopped");
    assert_eq!(
        (slow.unit.state(), other.unit.state()),
        (UnitState::Stopping, UnitState::Running)
    );
    slow.tell();
    // However often it is stopped and waited for.
    for _ in 0..3 {
        assert!(slow.unit.wait_stopped(SOON));
        assert_eq!(slow.unit.state(), UnitState::Ended);
        slow.unit.stop();
    }
    stage.runtime.shutdown();
    stage.finish().unwrap();
}

/// A coroutine is cut. A thread goes on, ends when it likes, and is the runtime's only if it has not by the end of that;
/// whoever waits for it then waits no longer.
fn v3_one_that_overruns_its_own_stop_holds_nobody_up<F: Host>(flavour: F) {
    for ends_late in [true, false] {
        let stage = Stage::new(GRACE);
        let other = stage.part(Smol, "other", &[], None, End::AtOnce);
        let hung = stage.part(flavour, "hung", &[], Some(SECOND), End::WhenTold);
        hung.unit.stop();
        hung.asked.expect("it is asked to end");
        stage.move_to(2 * SECOND);
        if is_thread::<F>() {
            assert_eq!(hung.unit.state(), UnitState::Stopping);
        } else {
            hung.over.expect("it is cut");
        }
        assert_eq!(other.unit.state(), UnitState::Running);
        assert!(!other.asked.has_happened());
        let goes_on = stage.runtime.execute(Thread, || ());
        goes_on.expect("the runtime goes on");
        if ends_late {
            hung.tell();
            assert!(hung.unit.wait_stopped(SOON));
            assert_eq!(hung.unit.state(), UnitState::Ended);
        }
        let unit = hung.unit.clone();
        let waiter = thread::spawn(move || unit.wait_stopped(Duration::MAX));
        stage.runtime.shutdown();
        let result = stage.finish();
        assert!(waiter.join().unwrap(), "nobody waits for ever");
        if ends_late || !is_thread::<F>() {
            result.unwrap();
            assert_eq!(hung.unit.state(), UnitState::Ended);
        } else {
            let error = result.unwrap_err();
            let named: Vec<_> = error.stragglers().iter().map(|one| one.payload()).collect();
            assert_eq!(named, [Some("hung")], "{error}");
            assert!(error.failures().is_empty(), "{error}");
            assert_eq!(hung.unit.state(), UnitState::LeftBehind);
        }
        hung.tell();
    }
}

/// They run on, and count their own failures only.
fn v5_one_in_its_delay_leaves_the_others_alone<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let settings = |name: &'static str| Settings::new().name(name).restart(exactly());
    let healthy = Ending::serve(&runtime, flavour, settings("healthy"), FAILS);
    let flapping = Ending::serve(&runtime, flavour, settings("flapping"), FAILS);
    for delay in [1, 2, 4] {
        flapping.end_and_wait(&clock, delay);
    }
    flapping.end();
    assert_eq!(
        (healthy.unit.state(), healthy.unit.restarts()),
        (UnitState::Running, 0)
    );
    flavour.execute(&runtime, || ()).unwrap();
    // Its own first failure has the first delay.
    healthy.end_and_wait(&clock, 1);
    assert_eq!(flapping.unit.state(), UnitState::Delayed);
    assert_eq!(flapping.runs.load(SeqCst), 4);
    clock.advance(7 * SECOND);
    flapping.runs(5);
    assert_eq!(healthy.unit.restarts(), 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// "Stopping" is no failure, whoever says so; but it was not this runtime that stops, so the policy counts.
fn v5_the_end_of_another_runtime_is_no_end_of_a_service<F: Host>(flavour: F) {
    let (runtime, other) = (started(), runtime());
    other.shutdown();
    let refused = other.execute(Smol, || async {}).unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Stopping);
    let (runs, again) = (AtomicUsize::new(0), Event::new());
    let begins = again.clone();
    let run = move || {
        let is_first = runs.fetch_add(1, SeqCst) == 0;
        let (other, again) = (other.clone(), begins.clone());
        async move {
            let token = Shutdown::current();
            if is_first {
                return other.execute(Smol, || async {});
            }
            again.happen();
            token.requested().await;
            Ok(())
        }
    };
    let restart = Restart::always().delay(Duration::ZERO);
    let unit = runtime.unit().restart(restart);
    let unit = flavour.serve(unit, run).unwrap();
    again.expect("it is started again");
    assert!(unit.wait_ready(SOON));
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 1));
    assert!(unit.last_failure().is_none());
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

/// The payload owns the only handle of the inner one. Whether the outer one stops or is dropped.
fn l10_a_runtime_inside_a_payload_ends_with_it<F: AsyncFlavour>(flavour: F) {
    for is_dropped in [true, false] {
        let outer = started();
        let (runs, dropped) = (Event::new(), Event::new());
        let (is_running, drops) = (runs.clone(), dropped.clone());
        let payload = move || async move {
            let inner = started();
            let within = move || async move {
                let _on_drop = OnDrop(move || drops.happen());
                is_running.happen();
                pending::<()>().await;
            };
            inner.adopt(flavour, within).unwrap();
            inner.wait_async().await
        };
        outer.adopt(flavour, payload).unwrap();
        runs.expect("the payload of the inner one runs");
        if is_dropped {
            drop(outer);
        } else {
            outer.shutdown();
            outer.wait().unwrap();
        }
        dropped.expect("the inner one ends as well");
    }
}

/// Code from elsewhere knows nothing of tokens: it blocks until it returns by itself, or somebody calls its stop. The
/// helper who does hears of the end of its own run, however that ends, and of no other.
fn s6_a_server_with_a_stop_of_its_own_is_ended_by_a_helper() {
    let runtime = started();
    let (doors, ends) = (Log::new(), Log::new());
    let helped = Arc::new(AtomicUsize::new(0));
    let (its_doors, its_ends, helps) = (doors.clone(), ends.clone(), Arc::clone(&helped));
    let run = move || {
        let (door, server) = channel::<&'static str>();
        let (token, stop, helped) = (Shutdown::current(), door.clone(), Arc::clone(&helps));
        thread::spawn(move || {
            assert!(token.wait_timeout(SOON));
            // A server that has returned does not mind.
            let _ = stop.send("stopped");
            helped.fetch_add(1, SeqCst);
        });
        its_doors.write(door);
        its_ends.write(server.recv().unwrap());
    };
    let restart = Restart::always().delay(Duration::ZERO);
    let unit = runtime.unit().restart(restart);
    let unit = unit.serve(service(Thread, run)).unwrap();
    for number in 0..2 {
        expect("it serves", || doors.read().len() > number);
        doors.read()[number].send("returned").unwrap();
    }
    expect("it serves again", || doors.read().len() == 3);
    expect("the helpers of both runs end", || helped.load(SeqCst) == 2);
    assert!(unit.wait_ready(SOON));
    assert_eq!((unit.state(), unit.restarts()), (UnitState::Running, 2));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(ends.read(), ["returned", "returned", "stopped"]);
    assert_eq!(unit.state(), UnitState::Ended);
}

/// The page names them by their files.
#[test]
fn every_test_that_the_page_of_the_peers_names_exists() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(folder.join("../docs/PEERS.md")).unwrap();
    let is_letter = |one: char| one.is_ascii_alphanumeric() || "_/.:".contains(one);
    let words = page.split(|one| !is_letter(one));
    let mut seen = 0;
    for (file, test) in words.filter_map(|word| word.split_once(".rs:")) {
        let file = folder.join(file).with_extension("rs");
        let test = test.trim_end_matches(['.', ':']);
        // The peers' own tests have a space behind the colon.
        if test.is_empty() {
            continue;
        }
        let code = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no {file:?}"));
        assert!(
            code.contains(&format!("fn {test}")),
            "no {test} in {file:?}"
        );
        seen += 1;
    }
    assert!(seen > 150, "{seen}");
}
