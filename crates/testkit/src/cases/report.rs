//! Cases about what is told: the rows A5, A6, F2, F3 and SPAWN-4.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use foster_core::{FailureKind, Runtime, Shutdown};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, OnDrop, after, after_turns, once};
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
    bench.check(report.stragglers().is_empty(), || format!("{report}"))?;
    Ok(Verdict::Kept)
}

/// As `step`, of a payload that holds a token, so that it is waited for, and counts its start.
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

/// F2: of many payloads with all endings each comes to exactly one, and none is lost.
pub(crate) fn every_payload_comes_to_one_end<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 200;
    let runtime = bench.started()?;
    bench.expect(&["F2"], "every payload comes to exactly one end");
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
    go.open();
    let result = bench.stop(&runtime);
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

/// F3, SPAWN-4: a payload that runs goes on while new ones come without a break.
pub(crate) fn running_payloads_go_on_under_a_flood<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply("its payloads share no thread"));
    }
    let runtime = bench.started()?;
    let flood = Flood::start(bench, &runtime)?;
    bench.expect(
        &["F3", "SPAWN-4"],
        "a payload that runs already goes on, though new ones come without a break",
    );
    let done = Gate::default();
    let ends = done.clone();
    bench.adopt(&runtime, "runs", after_turns(100, move || ends.open()))?;
    let in_time = bench.until(&done, "it did not get a hundred turns");
    flood.stop(bench, in_time, &runtime)
}

/// F3, SPAWN-4: timers ring while payloads come without a break.
pub(crate) fn timers_ring_under_a_flood<K: Subject>(bench: &Bench<K>) -> Finding {
    let Some(sleep) = bench.setup.sleep.clone() else {
        return Ok(Verdict::DoesNotApply("the setup knows no timer"));
    };
    let runtime = bench.started()?;
    let flood = Flood::start(bench, &runtime)?;
    bench.expect(
        &["F3", "SPAWN-4"],
        "timers ring, though new payloads come without a break",
    );
    let done = Gate::default();
    let ends = done.clone();
    let (mut left, mut nap) = (10, None);
    bench.adopt(&runtime, "sleeps", move |context: &mut Context<'_>| {
        while left > 0 {
            let asleep = nap.get_or_insert_with(|| sleep(Duration::from_millis(2)));
            if asleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            nap = None;
            left -= 1;
        }
        ends.open();
        Poll::Ready(())
    })?;
    let in_time = bench.until(&done, "ten timers of 2 ms did not ring");
    flood.stop(bench, in_time, &runtime)
}

/// Payloads without a break: each one that runs hands in the next, and so do two threads. What waits
/// is bounded, as it is starving that is tested and not memory.
struct Flood {
    over: Gate,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Flood {
    const CHAINS: usize = 8;
    const WAITING: usize = 2_000;

    fn start<K: Subject>(bench: &Bench<K>, runtime: &Runtime) -> Finding<Self> {
        bench.expect(&["A1"], "payloads are accepted without a break");
        let over = Gate::default();
        for _ in 0..Self::CHAINS {
            chain::<K>(runtime, bench.key(), &over);
        }
        let threads = (0..2)
            .map(|_| {
                let (runtime, key, over) = (runtime.clone(), bench.key(), over.clone());
                let waiting = Arc::new(AtomicUsize::new(0));
                thread::spawn(move || {
                    while !over.is_open() {
                        if waiting.load(SeqCst) >= Self::WAITING {
                            thread::yield_now();
                            continue;
                        }
                        waiting.fetch_add(1, SeqCst);
                        let waits = Arc::clone(&waiting);
                        let step = once(move || {
                            waits.fetch_sub(1, SeqCst);
                        });
                        if runtime
                            .adopt(key.clone(), K::Payload::payload(step))
                            .is_err()
                        {
                            return;
                        }
                    }
                })
            })
            .collect();
        Ok(Self { over, threads })
    }

    fn stop<K: Subject>(
        self,
        bench: &Bench<K>,
        in_time: Finding<()>,
        runtime: &Runtime,
    ) -> Finding {
        self.over.open();
        for thread in self.threads {
            // It does nothing that could panic.
            let _ = thread.join();
        }
        in_time?;
        bench.stop_well(runtime)?;
        Ok(Verdict::Kept)
    }
}

/// Adopts a payload that adopts the next one.
fn chain<K: Subject>(runtime: &Runtime, key: K, over: &Gate) {
    let (inner, its_key, over) = (runtime.clone(), key.clone(), over.clone());
    let step = once(move || {
        if !over.is_open() {
            chain::<K>(&inner, its_key, &over);
        }
    });
    // Refused when the runtime has ended, and then there is no flood to keep up.
    let _ = runtime.adopt(key, K::Payload::payload(step));
}
