//! The end of the last holder of a token against the end of the grace time.

use std::sync::{Arc, Mutex};
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

/// A closure for the end runs once, whenever the end comes. One that is dropped meanwhile runs once or not at all, and is
/// gone in either case.
#[test]
fn a_closure_meets_the_end() {
    holds(|| {
        let runtime = runtime();
        let [kept, dropped, gone] = [(); 3].map(|()| Count::default());
        let (runs, may_run, goes) = (kept.clone(), dropped.clone(), gone.on_drop());
        let helper = Arc::<Mutex<_>>::default();
        let spawned = Arc::clone(&helper);
        let payload = move || async move {
            let token = Shutdown::current();
            let clone = token.clone();
            let thread = thread::spawn(move || {
                let kept = clone.on_request(move || runs.add());
                let unwanted = clone.on_request(move || {
                    let _goes = goes;
                    may_run.add();
                });
                drop(unwanted);
                kept
            });
            *spawned.lock().unwrap() = Some(thread);
            token.requested().await;
        };
        runtime.adopt(Model("a"), payload).unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        let thread = helper.lock().unwrap().take();
        // It had its first poll, as it was accepted before the stop.
        let _kept = thread.expect("it has begun").join().unwrap();
        assert_eq!((kept.get(), gone.get()), (1, 1));
        assert!(dropped.get() <= 1);
    });
}
