//! Cases about reports: POLL-3, and the rows A5, A6, F2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use foster_core::{FailureKind, Shutdown};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, OnDrop, after, after_turns};
use crate::verdict::Verdict;

/// A5, A6: errors, panics and orphaned returns, each told once, beside payloads that end well.
pub(crate) fn every_failure_is_told_once<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 40;
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (begun, go) = (Counter::to(MANY), Gate::default());
    for number in 0..MANY {
        let name = format!("number {number}");
        let begun = begun.clone();
        match number % 4 {
            2 => bench.adopt(
                &runtime,
                name,
                held(begun, after(&go, move || Some(number))),
            )?,
            kind => {
                let end = after(&go, move || match kind {
                    0 => Ok(()),
                    1 => Err(format!("error {number}")),
                    _ => panic!("panic {number}"),
                });
                bench.adopt(&runtime, name, held(begun, end))?;
            }
        }
    }
    bench.until_or(&begun.reached, || {
        format!("{} of {MANY} started", begun.get())
    })?;
    bench.expect(
        &["A6", "A5"],
        "every failure of a payload is told, with its text, and once",
    );
    go.open();
    // They fail without a word from here: the first one begins the stop.
    bench.running_cleared();
    let Err(report) = runtime.wait() else {
        return Err(bench.violation("the runtime ends as if nothing had failed"));
    };
    if report
        .failures()
        .iter()
        .any(|one| one.kind() == FailureKind::Lost)
    {
        return Err(bench.blame(&report));
    }
    if !report.stragglers().is_empty() {
        return Err(bench.blame(&report));
    }
    let mut told: Vec<_> = report
        .failures()
        .iter()
        .map(|one| (one.payload().to_owned(), one.kind().to_string()))
        .collect();
    told.sort();
    let mut expected: Vec<_> = (0..MANY)
        .filter_map(|number| {
            let kind = match number % 4 {
                1 => FailureKind::Error,
                2 => FailureKind::OrphanedReturn,
                3 => FailureKind::Panic,
                _ => return None,
            };
            Some((format!("number {number}"), kind.to_string()))
        })
        .collect();
    expected.sort();
    bench.check(told == expected, || {
        format!(
            "{} failures in place of {}: {told:?}",
            told.len(),
            expected.len()
        )
    })?;
    let text = report
        .failures()
        .iter()
        .find(|one| one.payload() == "number 3")
        .map(|one| one.message().to_owned());
    bench.check(text.as_deref() == Some("panic 3"), || {
        format!("a panic is told as {text:?}")
    })?;
    Ok(Verdict::Kept)
}

/// Like `step`, but counts its start and holds a token, so that it is waited for.
fn held<T>(
    begun: Counter,
    mut step: impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static,
) -> impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static {
    let mut first = true;
    move |context| {
        if std::mem::take(&mut first) {
            let _token = Shutdown::current();
            let result = step(context);
            begun.add();
            return result;
        }
        step(context)
    }
}

/// POLL-3, F2: many payloads with all kinds of end: each has exactly one, and none is lost.
pub(crate) fn every_payload_comes_to_one_end<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 200;
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let ends: Arc<Vec<AtomicUsize>> = Arc::new((0..MANY).map(|_| AtomicUsize::new(0)).collect());
    let (begun, go) = (Counter::to(MANY), Gate::default());
    let waiting = match K::Payload::DROPPABLE {
        true => 4,
        false => 3,
    };
    for number in 0..MANY {
        let (ends, begun, go) = (Arc::clone(&ends), begun.clone(), go.clone());
        let guard = OnDrop(move || {
            ends[number].fetch_add(1, SeqCst);
        });
        let mut turns = after_turns(number % 7, || ());
        let mut first = true;
        bench.adopt(
            &runtime,
            format!("number {number}"),
            move |context: &mut Context<'_>| {
                let _ = &guard;
                if std::mem::take(&mut first) {
                    let _token = (number % waiting == 0).then(Shutdown::current);
                    begun.add();
                }
                match number % waiting {
                    0 => go.poll(context),
                    1 => Poll::Ready(()),
                    2 => turns(context),
                    _ => Poll::Pending,
                }
            },
        )?;
    }
    bench.until_or(&begun.reached, || {
        format!("{} of {MANY} started", begun.get())
    })?;
    bench.expect(&["POLL-3", "F2"], "every payload comes to exactly one end");
    go.open();
    let result = bench.stop(&runtime)?;
    bench.ended_well(result)?;
    let all = || ends.iter().all(|end| end.load(SeqCst) == 1);
    // A subroutine without a token is not waited for.
    crate::tools::becomes(Duration::from_secs(1), all);
    let wrong: Vec<_> = (0..MANY)
        .filter(|one| ends[*one].load(SeqCst) != 1)
        .collect();
    bench.check(wrong.is_empty(), || format!("not so for numbers {wrong:?}"))?;
    Ok(Verdict::Kept)
}
