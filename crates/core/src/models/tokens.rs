//! The end of the last holder of a token against the end of the grace time.

use std::time::Duration;

use shuttle::thread;

use super::executor::give_way;
use super::{Count, Model, holds, runtime, with_clock};
use crate::{Clock, Shutdown, StragglerReason};

/// As long as grace is not over, a payload that holds a token comes to its own end, also one that
/// takes it after the stop began.
#[test]
fn a_holder_comes_to_its_own_end() {
    holds(|| {
        let runtime = runtime();
        let ended = Count::default();
        for flavour in ["a", "b"] {
            let ended = ended.clone();
            let payload = move || async move {
                Shutdown::current().requested().await;
                ended.add();
            };
            runtime.adopt(Model(flavour), payload).unwrap();
        }
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(ended.get(), 2);
    });
}

/// When grace runs out as the last holder ends, it is named as one that overran, or it is not; it has
/// come to its end, or was dropped; and the run is over.
#[test]
fn the_end_of_grace_meets_the_end_of_the_last_holder() {
    holds(|| {
        let clock = Clock::manual();
        let runtime = with_clock(&clock);
        let (ended, dropped) = (Count::default(), Count::default());
        let (ends, drops) = (ended.clone(), dropped.on_drop());
        let payload = move || async move {
            let _drops = drops;
            Shutdown::current().requested().await;
            ends.add();
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        let time = thread::spawn(move || clock.advance(Duration::from_secs(11)));
        let result = runtime.wait();
        assert!(time.join().unwrap());
        assert_eq!(dropped.get(), 1);
        match result {
            Ok(()) => {}
            Err(error) => {
                let [straggler] = error.stragglers() else {
                    panic!("one straggler, not {error}");
                };
                assert_eq!(straggler.reason(), StragglerReason::Overran);
            }
        }
    });
}

/// A payload that takes a token late, and was let in by another flavour for it, comes to its own end.
#[test]
fn a_late_holder_comes_to_its_own_end() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let (let_in, ended) = (Count::default(), Count::default());
        let (lets_in, ends, inner) = (let_in.clone(), ended.clone(), runtime.clone());
        let payload = move || async move {
            give_way().await;
            let _token = Shutdown::current();
            if inner.execute(Model("b"), || async {}).is_ok() {
                lets_in.add();
            }
            give_way().await;
            ends.add();
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert!(ended.get() >= let_in.get());
    });
}

/// A thread that waits with a limit wakes when the stop begins.
#[test]
fn a_sleeping_holder_wakes() {
    holds(|| {
        let runtime = runtime();
        let woken = Count::default();
        let wakes = woken.clone();
        runtime.start().unwrap();
        let payload = move || async move {
            if Shutdown::current().wait_timeout(Duration::from_secs(5)) {
                wakes.add();
            }
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(woken.get(), 1);
    });
}
