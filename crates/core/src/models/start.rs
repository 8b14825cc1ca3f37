//! Start against adopt.

use shuttle::sync::Mutex;
use shuttle::thread;
use std::sync::Arc;

use super::executor::Failing;
use super::{Count, Model, holds, runtime, stop_aside};
use crate::{AdoptError, AdoptErrorKind, Runtime};

/// What is adopted while the runtime starts runs once, and in the order of its adopter.
#[test]
fn what_is_adopted_during_the_start_runs_once_and_in_order() {
    holds(|| {
        let runtime = runtime();
        let log = Arc::new(Mutex::new(Vec::new()));
        let adopters: Vec<_> = [10, 20]
            .map(|adopter| {
                let (runtime, log) = (runtime.clone(), Arc::clone(&log));
                thread::spawn(move || {
                    for number in adopter..adopter + 3 {
                        let log = Arc::clone(&log);
                        let payload = move || async move { log.lock().unwrap().push(number) };
                        runtime.adopt(Model("a"), payload).unwrap();
                    }
                })
            })
            .into_iter()
            .collect();
        runtime.start().unwrap();
        for adopter in adopters {
            adopter.join().unwrap();
        }
        runtime.shutdown();
        runtime.wait().unwrap();
        for adopter in [10, 20] {
            let mut ran = log.lock().unwrap().clone();
            ran.retain(|number| (adopter..adopter + 10).contains(number));
            assert_eq!(ran, [adopter, adopter + 1, adopter + 2]);
        }
    });
}

/// A start and the payloads that adopt their successors meanwhile do not wait for each other.
#[test]
fn a_start_and_its_adopters_do_not_block_each_other() {
    fn chain(runtime: &Runtime, flavour: &'static str, left: usize) -> Result<(), AdoptError> {
        let inner = runtime.clone();
        runtime.adopt(Model(flavour), move || async move {
            if left > 0 {
                chain(&inner, flavour, left - 1)?;
            }
            Ok::<_, AdoptError>(())
        })
    }
    holds(|| {
        let runtime = runtime();
        chain(&runtime, "a", 6).unwrap();
        chain(&runtime, "b", 6).unwrap();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
    });
}

/// Of two starts at the same time one succeeds, and a flavour that two adopts need first starts once.
#[test]
fn one_of_two_starts_succeeds() {
    holds(|| {
        let runtime = runtime();
        let started = Count::default();
        let ran = Count::default();
        let starters: Vec<_> = (0..2)
            .map(|_| {
                let (runtime, started, ran) = (runtime.clone(), started.clone(), ran.clone());
                thread::spawn(move || {
                    if runtime.start().is_ok() {
                        started.add();
                    }
                    let ran = ran.clone();
                    let payload = move || async move { ran.add() };
                    runtime.adopt(Model("a"), payload).unwrap();
                })
            })
            .collect();
        for starter in starters {
            starter.join().unwrap();
        }
        assert_eq!(started.get(), 1);
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(ran.get(), 2);
    });
}

/// A payload that is handed in while its flavour's thread fails to begin is refused, or runs; never both, and never neither. The
/// next one starts the flavour again. All of it whatever the stop does meanwhile.
#[test]
fn a_start_that_fails_on_its_thread_refuses_what_came_meanwhile() {
    holds(|| {
        let (runtime, key) = (runtime(), Failing::default());
        let (ran, dropped) = (Count::default(), Count::default());
        runtime.start().unwrap();
        let adopters: Vec<_> = (0..2)
            .map(|_| {
                let (runtime, key, ran) = (runtime.clone(), key.clone(), ran.clone());
                let drops = dropped.on_drop();
                thread::spawn(move || {
                    let payload = move || async move {
                        let _drops = drops;
                        ran.add();
                    };
                    runtime.adopt(key, payload)
                })
            })
            .collect();
        let stops = stop_aside(&runtime);
        let results = adopters
            .into_iter()
            .map(|adopter| adopter.join().unwrap().map_err(|error| error.kind()));
        let results: Vec<_> = results.collect();
        stops.join().unwrap();
        runtime.wait().unwrap();
        let taken = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!((ran.get(), dropped.get()), (taken, 2));
        for kind in results.into_iter().filter_map(Result::err) {
            let is_known = [AdoptErrorKind::Start, AdoptErrorKind::Stopping].contains(&kind);
            assert!(is_known, "{kind:?}");
        }
    });
}
