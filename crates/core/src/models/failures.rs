//! Failure against failure against shutdown.

use std::pin::Pin;
use std::task::{Context, Waker};

use shuttle::sync::mpsc;
use shuttle::thread;

use super::executor::{Apart, Hands, give_way};
use super::{Count, Model, holds, runtime, stop_aside};
use crate::FailureKind;

/// Each failure is told once, whoever comes first, and only a failure that began the stop is not
/// marked as having come during it.
#[test]
fn each_failure_is_told_once() {
    holds(|| {
        let runtime = runtime();
        for flavour in ["a", "b"] {
            let payload = move || async move { Err::<(), _>(flavour) };
            runtime.adopt(Model(flavour), payload).unwrap();
        }
        let stopper = stop_aside(&runtime);
        let result = runtime.run();
        stopper.join().unwrap();
        let Err(error) = result else {
            // Stopped before the start: nothing ran.
            return;
        };
        let mut told: Vec<_> = error.failures().iter().map(|one| one.message()).collect();
        told.sort_unstable();
        assert_eq!(told, ["a", "b"]);
        assert_eq!(error.omitted(), 0);
        assert!(error.failures()[1].during_shutdown());
    });
}

/// A failure that comes when the report is being written is in it, if its payload was in time to be
/// waited for.
#[test]
fn a_failure_at_the_very_end_is_told() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let payload = || async {
            crate::Shutdown::current().requested().await;
            Err::<(), _>("late")
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.shutdown();
        let error = runtime.wait().unwrap_err();
        assert_eq!(error.failures().len(), 1);
        assert!(error.failures()[0].during_shutdown());
    });
}

/// A thread that fails as the report is made, because the end lets it go on, is in the report by its failure, or as one that
/// was left behind: never neither or both.
#[test]
fn a_thread_that_fails_at_the_very_end_is_told_or_left_behind() {
    holds(|| {
        let runtime = runtime();
        let (keep, kept) = mpsc::channel::<()>();
        let inner = runtime.clone();
        let waits = move || {
            let never_in_time = move || kept.recv().is_err();
            let call = inner.named("called").call(Apart, never_in_time);
            call.wait().is_err().then_some("late")
        };
        runtime.named("waits").adopt(Apart, waits).unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        let result = runtime.wait();
        let failures = result.err().map_or(0, |error| error.failures().len());
        let left_behind = runtime.left_behind().iter();
        let left_behind = left_behind.filter(|one| one.payload() == Some("waits"));
        assert_eq!(failures + left_behind.count(), 1);
        drop(keep);
    });
}

/// What is to run aside has run when the run returns, whoever asked for it, and once.
#[test]
fn what_runs_aside_has_run_at_the_end() {
    holds(|| {
        let runtime = runtime();
        let (asked, ran) = (Count::default(), Count::default());
        for flavour in ["a", "b"] {
            let (asked, ran) = (asked.clone(), ran.clone());
            let lifetime = runtime.core().lifetime.clone();
            let payload = move || async move {
                for _ in 0..2 {
                    // The other one's failure may end it in between.
                    asked.add();
                    let ran = ran.clone();
                    lifetime.aside(move || ran.add());
                    give_way().await;
                }
                Err::<(), _>(flavour)
            };
            runtime.adopt(Model(flavour), payload).unwrap();
        }
        runtime.start().unwrap();
        runtime.wait().unwrap_err();
        assert!(asked.get() >= 3);
        assert_eq!(ran.get(), asked.get());
    });
}

/// A flavour that is lost meets the end of its payload: that is accounted for once, so the run ends, and
/// is lost at most once.
#[test]
fn a_flavour_is_lost_as_its_payload_ends() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let hands = Hands::default();
        runtime.adopt(hands.clone(), give_way).unwrap();
        let mut payload = hands.take();
        let loser = thread::spawn(move || hands.lose());
        let mut context = Context::from_waker(Waker::noop());
        while Pin::new(&mut payload).poll(&mut context).is_pending() {
            thread::yield_now();
        }
        drop(payload);
        loser.join().unwrap();
        let error = runtime.wait().unwrap_err();
        let kinds: Vec<_> = error.failures().iter().map(|one| one.kind()).collect();
        assert!((1..=2).contains(&kinds.len()));
        assert!(kinds.iter().all(|kind| *kind == FailureKind::Lost));
        assert!(error.stragglers().is_empty());
    });
}
