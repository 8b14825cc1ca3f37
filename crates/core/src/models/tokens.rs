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

/// A payload that takes a token late and in time may execute into another flavour, and comes to its own end.
#[test]
fn a_late_holder_comes_to_its_own_end() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let (held, let_in, ended) = (Count::default(), Count::default(), Count::default());
        let (holds, lets_in, ends) = (held.clone(), let_in.clone(), ended.clone());
        let inner = runtime.clone();
        let payload = move || async move {
            give_way().await;
            let _token = Shutdown::current();
            let is_holder = crate::task::current().is_some_and(|task| task.state().is_holder());
            if is_holder {
                holds.add();
            }
            // Which may succeed for one that came too late, too.
            if inner.execute(Model("b"), || async {}).is_ok() && is_holder {
                lets_in.add();
            }
            give_way().await;
            if is_holder {
                ends.add();
            }
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(let_in.get(), held.get());
        assert_eq!(ended.get(), held.get());
    });
}

/// Whoever has a clone of a token hears of the end of its payload, and of the stop if that comes first.
#[test]
fn a_clone_hears_of_the_end_of_its_payload() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let (sender, receiver) = crate::base::sync::channel::unbounded();
        let payload = move || async move {
            let _ = sender.send(Shutdown::current());
            give_way().await;
        };
        runtime.adopt(Model("a"), payload).unwrap();
        let token = receiver.recv().unwrap();
        let sleeper = {
            let token = token.clone();
            thread::spawn(move || token.wait_timeout(Duration::from_secs(1)))
        };
        shuttle::future::block_on(token.requested());
        assert!(sleeper.join().unwrap());
        runtime.shutdown();
        runtime.wait().unwrap();
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
