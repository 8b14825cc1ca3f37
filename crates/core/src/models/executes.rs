//! Execute against cancel, and executes that wait for each other.

use shuttle::thread;

use super::{Count, Model, holds, runtime};
use crate::ExecuteErrorKind;

/// A caller of execute gets its value or an error, and the payload runs at most once.
#[test]
fn an_execute_that_meets_the_stop_returns() {
    holds(|| {
        let runtime = runtime();
        runtime.start().unwrap();
        let stopper = {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.shutdown())
        };
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
