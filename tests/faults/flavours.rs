//! Flavours that start when all is over, and executors that drop what they are given.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use foster::{
    AdoptErrorKind, BoxError, Coroutine, Executor, ExecutorThread, FailureKind, Flavour,
    Identifier, Intake, Key, Rejected, Reporter,
};

use crate::common::*;
use crate::once;

once!(
    l5_a_flavour_that_starts_after_the_end_is_told_to_end,
    f2_an_executor_that_drops_all_it_is_given_loses_each_and_ends,
);

/// A flavour that takes its time to start.
#[derive(Clone, Default)]
struct Slow {
    starting: Event,
    go: Event,
    cancelled: Event,
}

impl PartialEq for Slow {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slow")
    }
}

impl Key for Slow {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("slow")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        self.starting.happen();
        self.go.expect("the test lets it start");
        Ok(Arc::new(self.clone()))
    }
}

impl Flavour for Slow {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        Err(Rejected::new(payload))
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        Err(Rejected::new(payload))
    }

    fn cancel(&self) {
        self.cancelled.happen();
    }

    fn join(&self, _: Instant) -> bool {
        self.cancelled.has_happened()
    }
}

/// Nobody else would end its threads.
fn l5_a_flavour_that_starts_after_the_end_is_told_to_end() {
    let runtime = builder().cancel_timeout(Duration::from_millis(50)).build();
    runtime.start().unwrap();
    let slow = Slow::default();
    let adopter = thread::spawn({
        let (runtime, slow) = (runtime.clone(), slow.clone());
        move || runtime.adopt(slow, || async {})
    });
    slow.starting.expect("the flavour starts");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.flavour(), "slow");
    assert!(!slow.cancelled.has_happened());
    slow.go.happen();
    slow.cancelled.expect("the flavour is told to end");
    let refused = adopter.join().unwrap().unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
}

/// An executor that drops all that it is given.
#[derive(Clone, Debug, PartialEq)]
struct Dropping;

impl Executor for Dropping {
    fn run(&self, intake: &Intake) {
        futures_lite::future::block_on(intake.feed(drop, futures_lite::future::yield_now));
    }
}

impl Key for Dropping {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("dropping")
    }

    fn start(&self, reporter: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        ExecutorThread::start(reporter, || Ok(Self))
    }
}

fn f2_an_executor_that_drops_all_it_is_given_loses_each_and_ends() {
    // More than the feed hands over in one go.
    const MANY: usize = 500;
    let runtime = runtime();
    for _ in 0..MANY {
        runtime.adopt(Dropping, || async {}).unwrap();
    }
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures().len() + error.omitted(), MANY);
    assert!(
        error
            .failures()
            .iter()
            .all(|one| one.kind() == FailureKind::Lost)
    );
    assert!(error.stragglers().is_empty(), "{error}");
}
