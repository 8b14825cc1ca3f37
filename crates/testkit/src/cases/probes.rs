//! Cases about whether an executor goes on: the clauses PROBE-1 and PROBE-2, and the row I2.

use std::time::Duration;

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Gate, once};
use crate::verdict::Verdict;

/// How long a blocked executor has to answer, which it must not.
const MOMENT: Duration = Duration::from_millis(60);

/// PROBE-1, PROBE-2: an executor answers; not while its only thread is blocked; and again afterwards.
pub(crate) fn an_executor_answers_unless_it_is_blocked<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply("its payloads may block"));
    }
    let runtime = bench.started()?;
    let began = Gate::default();
    let begins = began.clone();
    bench.adopt(&runtime, "the first", once(move || begins.open()))?;
    bench.until(&began, "the first payload did not begin")?;
    bench.expect(
        &["PROBE-1", "I2"],
        "an executor that goes on answers a probe",
    );
    let probing = runtime.probe();
    let identifier = bench.key.identifier();
    let by_then = |probing: &foster_core::Probing| {
        let by = std::time::Instant::now() + bench.patience();
        while !probing.is_answered() && std::time::Instant::now() < by {
            std::thread::sleep(Duration::from_millis(1));
        }
        probing.is_answered()
    };
    bench.check(by_then(&probing), || "no answer came".to_owned())?;
    if !probing.answered().any(|one| *one == identifier) {
        bench.stop_well(&runtime)?;
        return Ok(Verdict::DoesNotApply("it cannot tell"));
    }
    if K::Payload::SERIAL {
        let (blocked, go, patience) = (Gate::default(), Gate::default(), bench.patience());
        let ended = Gate::default();
        let (blocks, goes, ends) = (blocked.clone(), go.clone(), ended.clone());
        let block = once(move || {
            blocks.open();
            goes.wait(patience / 2);
            ends.open();
        });
        bench.adopt(&runtime, "one that blocks", block)?;
        bench.until(&blocked, "the payload did not begin")?;
        bench.expect(&["PROBE-2"], "whoever sends a probe is not blocked");
        let probing = runtime.probe();
        bench.check(!ended.is_open(), || {
            "it was, until the executor went on".to_owned()
        })?;
        bench.expect(
            &["PROBE-1", "I2"],
            "an executor does not answer while its only thread is blocked",
        );
        std::thread::sleep(MOMENT);
        let is_silent = !probing.is_answered();
        go.open();
        bench.check(is_silent, || "it has answered".to_owned())?;
        bench.expect(&["PROBE-1", "I2"], "it answers as soon as it goes on");
        bench.check(by_then(&probing), || "no answer came".to_owned())?;
    }
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
