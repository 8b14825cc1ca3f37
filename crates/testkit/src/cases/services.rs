//! Cases about services: the rows V3 and V16. What else a service is to a flavour, other payloads are as well.

use std::task::{Context, Poll};

use foster_core::{FailureKind, Shutdown, UnitState};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Gate, Opens};
use crate::verdict::Verdict;

/// V16: services that may fail have failed by their own errors, all of them, and the runtime goes on.
pub(crate) fn a_failure_of_one_that_may_fail_is_its_own<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 20;
    let runtime = bench.started()?;
    bench.expect(
        &["V16"],
        "a service that may fail has failed by the error that its run returns",
    );
    let mut units = Vec::new();
    for number in 0..MANY {
        let unit = runtime.unit().name(format!("number {number}")).may_fail();
        let step = move |_: &mut Context<'_>| Poll::Ready(Err(format!("told to: {number}")));
        let Some(served) = K::Payload::serve(unit, bench.key(), step) else {
            return Ok(Verdict::DoesNotApply("its payloads are no services"));
        };
        units.push(served.map_err(|error| bench.violation(error.to_string()))?);
    }
    for unit in &units {
        let name = unit.name();
        bench.check(unit.wait_stopped(bench.patience()), || {
            format!("`{name}` is {}", unit.state())
        })?;
        let failure = unit.last_failure();
        let is_own = |failure: &foster_core::Failure| failure.kind() == FailureKind::Error;
        bench.check(failure.as_ref().is_some_and(is_own), || match failure {
            Some(failure) => format!("{failure:#}"),
            None => format!("`{name}` is {}, without a failure", unit.state()),
        })?;
    }
    bench.stop_well(&runtime)?;
    let tolerated = runtime.tolerated().len();
    bench.check(tolerated == MANY, || {
        format!("{tolerated} of {MANY} failures are listed")
    })?;
    Ok(Verdict::Kept)
}

/// V3: a service that is cancelled is dropped where it awaits, although it holds a token.
pub(crate) fn a_cancelled_service_is_dropped<K: Subject>(bench: &Bench<K>) -> Finding {
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(
            "its payloads cannot be dropped unfinished",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["V3"],
        "a service that is cancelled is dropped where it awaits, although it holds a token",
    );
    let (polled, dropped) = (Gate::default(), Gate::default());
    let (is_polled, guard) = (polled.clone(), Opens(dropped.clone()));
    let mut token = None;
    let step = move |_: &mut Context<'_>| {
        let _ = &guard;
        token.get_or_insert_with(Shutdown::current);
        is_polled.open();
        Poll::Pending
    };
    let Some(served) = K::Payload::serve(runtime.unit(), bench.key(), step) else {
        return Ok(Verdict::DoesNotApply("its payloads are no services"));
    };
    let unit = served.map_err(|error| bench.violation(error.to_string()))?;
    bench.until(&polled, "the service did not start")?;
    unit.cancel();
    bench.until(&dropped, "the service is still there")?;
    bench.check(unit.wait_stopped(bench.patience()), || {
        format!("it is {}", unit.state())
    })?;
    let state = unit.state();
    bench.check(state == UnitState::Ended, || format!("it is {state}"))?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
