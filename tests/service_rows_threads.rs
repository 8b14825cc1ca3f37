//! Threads that take their token late or never, and tokens whose run is over. Rows V7 and S6.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::services::*;
use common::*;
use foster::{Clock, FailureKind, Restart, Runtime, Shutdown, Thread, UnitState};
use futures_lite::future::block_on;
use tokio::sync::Notify;

once!(
    v7_a_thread_without_a_token_is_judged_at_its_stop_time,
    v7_a_thread_without_a_token_is_judged_at_the_end_of_grace,
    v7_a_thread_that_takes_its_token_late_is_restarted,
    v7_a_thread_that_takes_its_token_late_is_stopped,
    v7_a_thread_that_ends_by_itself_in_time_is_restarted,
);
on_every_flavour!(s6_a_token_of_a_run_that_is_over_says_that_the_end_is_requested,);

/// Longer than any window in which a thread may have been judged.
const A_WHILE: Duration = Duration::from_millis(300);

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// A service on a thread that goes on until `go` happens, and then does something; from the second run on it
/// holds a token and ends when it is asked to.
struct Deaf {
    clock: Clock,
    runtime: Runtime,
    unit: Served,
    go: Event,
    runs: Arc<AtomicUsize>,
}

/// With a stop time of its own, or none; the grace time is 10 s. Returns when it runs.
fn deaf(clock: Clock, stop_time: Option<Duration>, finally: fn()) -> Deaf {
    let runtime = builder().clock(clock.clone()).grace(10 * SECOND).build();
    runtime.start().unwrap();
    let (begun, go, runs) = (Event::new(), Event::new(), Arc::new(AtomicUsize::new(0)));
    let (begins, goes, count) = (begun.clone(), go.clone(), Arc::clone(&runs));
    let run = move || {
        let is_first = count.fetch_add(1, SeqCst) == 0;
        let (begun, go) = (begins.clone(), goes.clone());
        async move {
            if is_first {
                begun.happen();
                block_until(&go);
                finally();
            } else {
                Shutdown::current().requested().await;
            }
        }
    };
    let mut unit = runtime.unit().name("deaf");
    if let Some(time) = stop_time {
        unit = unit.stop_time(time);
    }
    let unit = Thread.serve(unit, run).unwrap();
    begun.expect("it runs");
    assert!(unit.wait_ready(SOON));
    Deaf {
        clock,
        runtime,
        unit,
        go,
        runs,
    }
}

impl Deaf {
    /// Nothing has happened to it that was asked to end, and nothing does for a while.
    #[track_caller]
    fn is_let_be(&self) {
        let is_judged = || self.unit.last_failure().is_some() || self.unit.state().is_over();
        assert!(!Event::new().happens_within(A_WHILE));
        assert!(!is_judged(), "{:?}", self.unit.status());
        assert_eq!(self.unit.state(), UnitState::Stopping);
        Thread
            .execute(&self.runtime, || ())
            .expect("the runtime goes on");
    }

    /// The next run is there, and the runtime ends well.
    #[track_caller]
    fn comes_back(self) {
        expect("the next run", || self.runs.load(SeqCst) == 2);
        assert!(self.unit.wait_ready(SOON));
        assert_eq!(self.unit.restarts(), 1);
        assert!(self.unit.last_failure().is_none());
        // What was judged late is not judged later.
        self.clock.advance(60 * SECOND);
        assert_eq!(self.unit.state(), UnitState::Running);
        // A thread may be ready before it holds its token.
        self.unit.stop();
        assert!(self.unit.wait_stopped(SOON));
        end(&self.runtime);
    }
}

/// It ends the runtime at its stop time, and not before.
fn is_stuck(stop_time: Option<Duration>, time: Duration) {
    let deaf = deaf(Clock::manual(), stop_time, || ());
    deaf.unit.restart();
    deaf.is_let_be();
    deaf.clock.advance(time - Duration::from_millis(1));
    deaf.is_let_be();
    deaf.clock.advance(Duration::from_millis(2));
    expect("it is judged", || deaf.unit.last_failure().is_some());
    let error = finish(&deaf.clock, &deaf.runtime).unwrap_err();
    deaf.go.happen();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("deaf", FailureKind::Stuck)
    );
    assert_eq!(
        deaf.runs.load(SeqCst),
        1,
        "two runs are never alive at once"
    );
}

fn v7_a_thread_without_a_token_is_judged_at_its_stop_time() {
    is_stuck(Some(SECOND), SECOND);
}

/// The stop time is the runtime's grace time, unless set.
fn v7_a_thread_without_a_token_is_judged_at_the_end_of_grace() {
    is_stuck(None, 10 * SECOND);
}

/// The token says at once what was asked of it before.
fn take_a_token() {
    assert!(Shutdown::current().is_requested());
}

/// A stop time that it keeps, by either clock.
fn in_time() -> [(Clock, Option<Duration>); 4] {
    [
        (Clock::manual(), Some(SECOND)),
        (Clock::manual(), None),
        (Clock::system(), Some(SOON)),
        (Clock::system(), None),
    ]
}

fn v7_a_thread_that_takes_its_token_late_is_restarted() {
    for (clock, stop_time) in in_time() {
        let deaf = deaf(clock, stop_time, take_a_token);
        deaf.unit.restart();
        deaf.is_let_be();
        deaf.clock.advance(SECOND * 9 / 10);
        deaf.is_let_be();
        deaf.go.happen();
        deaf.comes_back();
    }
}

fn v7_a_thread_that_takes_its_token_late_is_stopped() {
    for (clock, stop_time) in in_time() {
        let deaf = deaf(clock, stop_time, take_a_token);
        deaf.unit.stop();
        deaf.is_let_be();
        deaf.clock.advance(SECOND * 9 / 10);
        deaf.is_let_be();
        deaf.go.happen();
        assert!(deaf.unit.wait_stopped(SOON));
        assert_eq!(deaf.unit.state(), UnitState::Ended);
        deaf.clock.advance(60 * SECOND);
        end(&deaf.runtime);
        assert_eq!(deaf.runs.load(SeqCst), 1);
    }
}

fn v7_a_thread_that_ends_by_itself_in_time_is_restarted() {
    for (clock, stop_time) in in_time() {
        let deaf = deaf(clock, stop_time, || ());
        deaf.unit.restart();
        deaf.is_let_be();
        deaf.go.happen();
        deaf.comes_back();
    }
}

/// How a run ends by itself.
#[derive(Clone, Copy)]
enum How {
    Returns,
    Fails,
    Panics,
}

/// Helpers hold clones of its token: a thread, a future, and one that only looks.
fn s6_a_token_of_a_run_that_is_over_says_that_the_end_is_requested<F: Host>(flavour: F) {
    for how in [How::Returns, How::Fails, How::Panics] {
        let runtime = started();
        let (tokens, go) = (Log::new(), Arc::new(Notify::new()));
        let (log, told) = (tokens.clone(), Arc::clone(&go));
        let run = move || {
            let (log, told) = (log.clone(), Arc::clone(&told));
            async move {
                let token = Shutdown::current();
                log.write(token.clone());
                let by_itself = async {
                    told.notified().await;
                    match how {
                        How::Returns => Ok(()),
                        How::Fails => Err("by itself"),
                        How::Panics => panic!("by itself"),
                    }
                };
                let asked = async {
                    token.requested().await;
                    Ok(())
                };
                futures_lite::future::or(by_itself, asked).await
            }
        };
        let unit = runtime
            .unit()
            .restart(Restart::always().delay(Duration::ZERO));
        let unit = flavour.serve(unit, run).unwrap();
        expect("it holds a token", || tokens.read().len() == 1);
        let first = tokens.read().remove(0);
        assert!(!first.is_requested());
        let (one, other) = (first.clone(), first.clone());
        let helpers = [
            std::thread::spawn(move || assert!(one.wait_timeout(SOON))),
            std::thread::spawn(move || block_on(other.requested())),
        ];
        go.notify_one();
        expect("the next run", || tokens.read().len() == 2);
        // Its own run is over, whatever the next one does.
        assert!(first.is_requested());
        expect("the helpers end", || {
            helpers.iter().all(|one| one.is_finished())
        });
        for helper in helpers {
            helper.join().unwrap();
        }
        assert!(!tokens.read()[1].is_requested());
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        end(&runtime);
    }
}
