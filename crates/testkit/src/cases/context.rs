//! Cases about the executor's context, in which its timers and sockets work: POLL-2, and the rows A2
//! and F3.

use std::io;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::bench::{Bench, Finding};
use crate::echo::Echo;
use crate::kind::Subject;
use crate::setup::Errand;
use crate::tools::{Gate, Log, OnDrop, settle};
use crate::verdict::Verdict;

/// POLL-2, A2, F3: timers work in a payload, and can be made in its destructor.
pub(crate) fn timers_work_in_code_and_destructors<K: Subject>(bench: &Bench<K>) -> Finding {
    let Some(sleep) = bench.setup.sleep.clone() else {
        return Ok(Verdict::DoesNotApply("the setup knows no timer"));
    };
    works_in_code_and_destructors(bench, move || sleep(Duration::from_millis(1)))
}

/// POLL-2, A2, F3: sockets work in a payload, and can be made in its destructor.
pub(crate) fn sockets_work_in_code_and_destructors<K: Subject>(bench: &Bench<K>) -> Finding {
    let Some(socket) = bench.setup.socket.clone() else {
        return Ok(Verdict::DoesNotApply("the setup knows no socket"));
    };
    let echo = Echo::start(bench)?;
    let address = echo.address();
    works_in_code_and_destructors(bench, move || socket(address))
}

/// Runs an errand to its end in a payload, and makes and polls one in the destructor of a cancelled payload.
/// It may panic, as most executors' timers and sockets do outside their context.
fn works_in_code_and_destructors<K: Subject>(
    bench: &Bench<K>,
    make: impl Fn() -> Errand + Clone + Send + 'static,
) -> Finding {
    let runtime = bench.started()?;
    bench.expect(
        &["F3"],
        "a payload that waits for the executor's timer or socket goes on",
    );
    let (done, failed) = (Gate::default(), Log::default());
    let mut errand = None;
    let (ends, fails, makes) = (done.clone(), failed.clone(), make.clone());
    bench.adopt(&runtime, "waits", move |context: &mut Context<'_>| {
        let errand = errand.get_or_insert_with(&makes);
        errand.as_mut().poll(context).map(|result| {
            tell(&fails, result);
            ends.open();
        })
    })?;
    bench.until(&done, "it still waits")?;
    bench.check(failed.read().is_empty(), || format!("{:?}", failed.read()))?;

    bench.expect(
        &["POLL-1", "F3"],
        "a payload that wakes itself is polled again",
    );
    let (began, made) = (Gate::default(), Gate::default());
    let (begins, is_made) = (began.clone(), made.clone());
    let guard = OnDrop(move || {
        let mut errand = make();
        let _ = errand
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        is_made.open();
    });
    let mut first = true;
    bench.adopt(
        &runtime,
        "with a destructor",
        move |context: &mut Context<'_>| {
            let _ = &guard;
            // The context must be there at later polls, too.
            match std::mem::take(&mut first) {
                true => context.waker().wake_by_ref(),
                false => begins.open(),
            }
            Poll::<()>::Pending
        },
    )?;
    bench.until(&began, "the payload was not polled twice")?;
    settle();
    bench.expect(
        &["POLL-2", "A2"],
        "a payload's destructor runs inside its executor's context",
    );
    if let Err(error) = &bench.stop(&runtime)? {
        let violation = bench.violation("no timer or socket can be made in the destructor");
        return Err(violation.with_report(error));
    }
    bench.check(made.is_open(), || "the destructor did not run".to_owned())?;
    Ok(Verdict::Kept)
}

/// Notes the error of an errand, if there is one.
pub(crate) fn tell(failed: &Log<String>, result: io::Result<()>) {
    if let Err(error) = result {
        failed.write(error.to_string());
    }
}
