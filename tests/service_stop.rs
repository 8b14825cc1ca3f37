//! The stop of services, in reverse. Row V11.

mod common;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use common::*;
use foster::{Clock, Restart, Shutdown, Smol, StragglerReason, Thread, Tokio, UnitState, service};
use tokio::sync::Notify;

once!(
    v11_a_unit_that_overruns_its_stop_time_is_cut_short_and_told,
    v11_a_thread_that_overruns_does_not_hold_up_those_before_it,
    v11_without_a_token_it_is_cancelled_when_its_turn_comes,
    v11_a_failure_during_the_stop_is_told,
    v11_what_has_not_had_its_turn_when_grace_is_over_is_cancelled,
);

const SECOND: Duration = Duration::from_secs(1);

type Lines = Log<&'static str>;

fn v11_a_unit_that_overruns_its_stop_time_is_cut_short_and_told() {
    let (clock, runtime) = manual();
    let log: Lines = Log::new();
    let lines = log.clone();
    let first = runtime
        .unit()
        .name("first")
        .serve(service(Tokio, move || {
            let log = lines.clone();
            async move {
                let token = Shutdown::current();
                let _on_drop = OnDrop(|| log.write("first"));
                token.requested().await;
            }
        }))
        .unwrap();
    let (lines, asked) = (log.clone(), Arc::new(Notify::new()));
    let is_asked = Arc::clone(&asked);
    let slow = runtime
        .unit()
        .name("slow")
        .after(&first)
        .stop_time(SECOND)
        .serve(service(Smol, move || {
            let (log, asked) = (lines.clone(), Arc::clone(&is_asked));
            async move {
                let token = Shutdown::current();
                let _on_drop = OnDrop(|| log.write("slow"));
                token.requested().await;
                asked.notify_one();
                pending::<()>().await;
            }
        }))
        .unwrap();
    assert!(slow.wait_ready(SOON));
    // On the same flavour, so that the poll in which `slow` was asked is over when this goes on: one that
    // blocked its thread would be given up.
    let waits = Event::new();
    let is_waiting = waits.clone();
    let (goes_on, told) = (Event::new(), Arc::clone(&asked));
    let has_gone_on = goes_on.clone();
    runtime
        .adopt(Smol, move || async move {
            let _token = Shutdown::current();
            is_waiting.happen();
            told.notified().await;
            has_gone_on.happen();
        })
        .unwrap();
    waits.expect("it holds a token");
    runtime.shutdown();
    goes_on.expect("the turn of `slow` is the first");
    assert_eq!(first.state(), UnitState::Running);
    clock.advance(SECOND);
    let error = runtime.wait().unwrap_err();
    assert_eq!(log.read(), ["slow", "first"]);
    let [straggler] = error.stragglers() else {
        panic!("{error}")
    };
    assert_eq!(
        (straggler.payload(), straggler.reason()),
        (Some("slow"), StragglerReason::Overran)
    );
    assert!(error.failures().is_empty());
    assert_eq!(
        (first.state(), slow.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}

fn v11_a_thread_that_overruns_does_not_hold_up_those_before_it() {
    let (clock, runtime) = manual();
    let (until, held, ended) = (Event::new(), Event::new(), Event::new());
    let has_ended = ended.clone();
    let first = runtime
        .serve(service(Smol, move || {
            let ended = has_ended.clone();
            async move {
                Shutdown::current().requested().await;
                ended.happen();
            }
        }))
        .unwrap();
    let (end, is_held) = (until.clone(), held.clone());
    runtime
        .unit()
        .name("stuck")
        .after(&first)
        .stop_time(SECOND)
        .serve(service(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&end);
        }))
        .unwrap();
    held.expect("it runs");
    runtime.shutdown();
    clock.advance(Duration::ZERO);
    assert!(!ended.has_happened());
    clock.advance(SECOND);
    ended.expect("its turn comes although the other goes on");
    until.happen();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers().len(), 1, "{error}");
    assert_eq!(error.stragglers()[0].payload(), Some("stuck"));
}

fn v11_without_a_token_it_is_cancelled_when_its_turn_comes() {
    let runtime = started();
    let log: Lines = Log::new();
    let (lines, dropped) = (log.clone(), Event::new());
    let is_dropped = dropped.clone();
    let first = runtime
        .serve(service(Smol, move || {
            let (log, is_dropped) = (lines.clone(), is_dropped.clone());
            async move {
                let _on_drop = OnDrop(|| {
                    log.write("first");
                    is_dropped.happen();
                });
                pending::<()>().await;
            }
        }))
        .unwrap();
    let lines = log.clone();
    let second = runtime
        .unit()
        .after(&first)
        .serve(service(Tokio, move || {
            let (log, dropped) = (lines.clone(), dropped.clone());
            async move {
                let token = Shutdown::current();
                token.requested().await;
                assert!(
                    !dropped.happens_within(Duration::from_millis(20)),
                    "the first has its turn after this"
                );
                log.write("second");
            }
        }))
        .unwrap();
    assert!(second.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(log.read(), ["second", "first"]);
}

fn v11_a_failure_during_the_stop_is_told() {
    let runtime = started();
    let first = runtime
        .unit()
        .name("first")
        .restart(Restart::always())
        .serve(service(Tokio, || async {
            let token = Shutdown::current();
            // Of the runtime's stop it hears by other means.
            while foster_stops().await {}
            assert!(!token.is_requested(), "its turn has not come");
            Err::<(), _>("in the middle of it")
        }))
        .unwrap();
    let second = runtime
        .unit()
        .after(&first)
        .serve(service(Smol, || async {
            Shutdown::current().requested().await;
            STOPS.store(true, std::sync::atomic::Ordering::SeqCst);
            while !FAILED.load(std::sync::atomic::Ordering::SeqCst) {
                futures_lite::future::yield_now().await;
            }
        }))
        .unwrap();
    assert!(second.wait_ready(SOON));
    let watch = first.clone();
    let watcher = std::thread::spawn(move || {
        assert!(watch.wait_stopped(SOON));
        FAILED.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    watcher.join().unwrap();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.payload(), failure.during_shutdown()),
        ("first", true)
    );
    assert_eq!(first.restarts(), 0);
}

static STOPS: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
static FAILED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

async fn foster_stops() -> bool {
    tokio::task::yield_now().await;
    !STOPS.load(std::sync::atomic::Ordering::SeqCst)
}

fn v11_what_has_not_had_its_turn_when_grace_is_over_is_cancelled() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).grace(SECOND).build();
    runtime.start().unwrap();
    let first = runtime
        .unit()
        .name("first")
        .serve(service(Tokio, pending::<()>))
        .unwrap();
    let slow = runtime
        .unit()
        .name("slow")
        .after(&first)
        .stop_time(60 * SECOND)
        .serve(service(Smol, || async {
            let _token = Shutdown::current();
            pending::<()>().await;
        }))
        .unwrap();
    assert!(slow.wait_ready(SOON));
    runtime.shutdown();
    clock.advance(Duration::ZERO);
    assert_eq!(
        (first.state(), slow.state()),
        (UnitState::Running, UnitState::Stopping)
    );
    clock.advance(SECOND);
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("{error}")
    };
    assert_eq!(straggler.payload(), Some("slow"));
    assert_eq!(
        (first.state(), slow.state()),
        (UnitState::Ended, UnitState::Ended)
    );
}
