//! Execute against cancel, and executes that wait for each other.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use shuttle::thread;

use super::executor::Hands;
use super::{Count, Model, holds, runtime, stop_aside, with_clock};
use crate::{Clock, ExecuteErrorKind};

/// A caller of execute gets its value or an error, and the payload runs at most once.
#[test]
fn an_execute_that_meets_the_stop_returns() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let stopper = stop_aside(&runtime);
        let ran = Count::default();
        let runs = ran.clone();
        let value = runtime.execute(Model("a"), move || async move {
            runs.add();
            7
        });
        match value {
            Ok(value) => assert_eq!((value, ran.get()), (7, 1)),
            Err(error) => {
                let kind = error.kind();
                assert!(
                    matches!(
                        kind,
                        ExecuteErrorKind::Stopping | ExecuteErrorKind::Cancelled
                    ),
                    "{error}"
                );
            }
        }
        runtime.wait().unwrap();
        stopper.join().unwrap();
    });
}

/// The caller of an execute on a flavour that never gets to it is let go at the end.
#[test]
fn a_caller_on_a_stuck_flavour_is_let_go() {
    holds(|| {
        let clock = Clock::manual();
        let runtime = with_clock(&clock);
        runtime.start().unwrap();
        let caller = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.execute(Hands::default(), || async {}).is_err())
        };
        runtime.shutdown();
        let mut over = runtime.wait_async();
        let mut context = Context::from_waker(Waker::noop());
        while Pin::new(&mut over).poll(&mut context).is_pending() {
            clock.advance(Duration::from_secs(20));
            thread::yield_now();
        }
        assert!(caller.join().unwrap());
    });
}

/// Of two payloads that execute into each other's flavour at least one is refused, and the other goes
/// on: nothing hangs.
#[test]
fn executes_into_each_other_do_not_hang() {
    holds(|| {
        let runtime = runtime();
        let (refused, done) = (Count::default(), Count::default());
        for (here, there) in [("a", "b"), ("b", "a")] {
            let (inner, refused, done) = (runtime.clone(), refused.clone(), done.clone());
            let payload = move || async move {
                match inner.execute(Model(there), || async { 1 }) {
                    Ok(_) => done.add(),
                    Err(_) => refused.add(),
                }
            };
            runtime.adopt(Model(here), payload).unwrap();
        }
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        assert_eq!(refused.get() + done.get(), 2);
    });
}
