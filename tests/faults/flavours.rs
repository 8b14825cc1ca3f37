//! An executor that drops what it is given. Row F2.

use std::sync::Arc;

use foster::{
    BoxError, Coroutine, Executor, ExecutorThread, FailureKind, Flavour, Identifier, Intake, Key,
    Reporter,
};

use crate::common::*;
use crate::once;

once!(f2_an_executor_that_drops_all_it_is_given_loses_each_and_ends,);

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
