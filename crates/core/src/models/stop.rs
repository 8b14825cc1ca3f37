//! Adopt against stop.

use std::future::pending;
use std::time::Duration;

use shuttle::thread;

use super::executor::{Counted, give_way};
use super::{Count, Model, builder, holds, runtime, stop_aside, with_clock};
use crate::Clock;

/// An adopt that meets the stop is accepted and polled, or refused and not: never neither or both;
/// what it made is dropped once.
#[test]
fn an_adopt_that_meets_the_stop_is_accepted_or_refused() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let stopper = stop_aside(&runtime);
        let mut accepted = 0;
        let (polled, dropped) = (Count::default(), Count::default());
        for flavour in ["a", "b"] {
            let (is_polled, is_dropped) = (polled.clone(), dropped.on_drop());
            let adopted = runtime.adopt(Model(flavour), move || async move {
                let _is_dropped = is_dropped;
                is_polled.add();
                pending::<()>().await;
            });
            accepted += usize::from(adopted.is_ok());
        }
        runtime.wait().unwrap();
        stopper.join().unwrap();
        assert_eq!(polled.get(), accepted);
        assert_eq!(dropped.get(), 2);
    });
}

/// A runtime that ends when it is idle does not end over the head of a payload that it has accepted.
#[test]
fn an_idle_end_loses_no_payload() {
    holds(|| {
        let runtime = builder(&Clock::manual()).until_idle().build();
        let (accepted, ran) = (Count::default(), Count::default());
        let (inner, inner_accepted, inner_ran) = (runtime.clone(), accepted.clone(), ran.clone());
        let first = move || async move {
            let payload = move || async move { inner_ran.add() };
            if inner.adopt(Model("a"), payload).is_ok() {
                inner_accepted.add();
            }
        };
        runtime.adopt(Model("a"), first).unwrap();
        let outside = {
            let (runtime, accepted, ran) = (runtime.clone(), accepted.clone(), ran.clone());
            thread::spawn(move || {
                let payload = move || async move { ran.add() };
                if runtime.adopt(Model("b"), payload).is_ok() {
                    accepted.add();
                }
            })
        };
        runtime.run().unwrap();
        outside.join().unwrap();
        assert!(
            accepted.get() >= 1,
            "the first payload is alive while it adopts"
        );
        assert_eq!(ran.get(), accepted.get());
    });
}

/// A runtime that ends when it is idle waits for what a payload adopts before it ends itself.
#[test]
fn an_idle_end_waits_for_an_heir() {
    holds(|| {
        let runtime = builder(&Clock::manual()).until_idle().build();
        let ended = Count::default();
        let (inner, inner_ended) = (runtime.clone(), ended.clone());
        let first = move || async move {
            let heir = move || async move {
                // If the runtime stops too early, it is dropped in one of these.
                for _ in 0..10 {
                    give_way().await;
                }
                inner_ended.add();
            };
            inner.adopt(Model("a"), heir).unwrap();
        };
        // The flavour of the heir is looked at first.
        runtime.adopt(Model("a"), || async {}).unwrap();
        runtime.adopt(Model("b"), first).unwrap();
        runtime.run().unwrap();
        assert_eq!(ended.get(), 1);
    });
}

/// A flavour that starts, and a payload that has its first poll, as the grace time runs out: the payload
/// is refused or dropped, once, and the flavour has ended when the run returns well.
#[test]
fn a_start_and_a_first_poll_meet_the_end_of_grace() {
    holds(|| {
        let clock = Clock::manual();
        let runtime = with_clock(&clock);
        runtime.start().unwrap();
        let key = Counted::default();
        let dropped = Count::default();
        let adopter = {
            let (runtime, key, drops) = (runtime.clone(), key.clone(), dropped.on_drop());
            thread::spawn(move || {
                let payload = move || async move {
                    let _drops = drops;
                    pending::<()>().await;
                };
                let _ = runtime.adopt(key, payload);
            })
        };
        runtime.shutdown();
        assert!(clock.advance(Duration::from_secs(11)));
        // If the stop had come that far before, it was the cancel time that ran out.
        if runtime.wait().is_ok() {
            assert_eq!(key.started.get(), key.ended.get());
        }
        adopter.join().unwrap();
        assert_eq!(dropped.get(), 1);
    });
}

/// Each waiter gets the report, by whatever means it waits, and none sleeps for ever.
#[test]
fn every_waiter_gets_the_report() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let waiter = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.wait().is_err())
        };
        let by_future = {
            let wait = runtime.wait_async();
            thread::spawn(move || shuttle::future::block_on(wait).is_err())
        };
        let failing = || async { Err::<(), _>("told") };
        runtime.adopt(Model("a"), failing).unwrap();
        assert!(waiter.join().unwrap());
        assert!(by_future.join().unwrap());
    });
}
