//! Failure against failure against shutdown.

use super::{Model, holds, runtime, stop_aside};

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
