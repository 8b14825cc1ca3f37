//! Cases about where payloads run: POLL-2, and the rows A2 and A3.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use foster_core::Runtime;

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, Log, OnDrop, once};
use crate::verdict::Verdict;

/// How long a payload waits for another, which should or should not come.
const MEETING: Duration = Duration::from_millis(60);

/// How long a payload may lie in a queue before a new one is handed in to have it found.
const NUDGE: Duration = Duration::from_millis(10);

/// POLL-2, A3: two coroutines of a flavour are never within a poll at the same time.
pub(crate) fn coroutines_never_run_in_parallel<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 4;
    if !K::Payload::SERIAL {
        return Ok(Verdict::DoesNotApply("its payloads may run in parallel"));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["POLL-2", "A3"],
        "coroutines of one flavour never run in parallel with each other",
    );
    let (inside, met, done) = (Arc::new(Mutex::new(0)), Gate::default(), Counter::to(MANY));
    for number in 0..MANY {
        let (inside, met, done) = (Arc::clone(&inside), met.clone(), done.clone());
        let step = once(move || {
            let alone = {
                let mut inside = inside.lock().unwrap_or_else(PoisonError::into_inner);
                *inside += 1;
                *inside == 1
            };
            if !alone {
                met.open();
            }
            // Holds the thread for a while, to give another one time to come in.
            met.wait(MEETING);
            *inside.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            done.add();
        });
        bench.adopt(&runtime, format!("number {number}"), step)?;
    }
    bench.until(&done.reached, "the payloads did not end")?;
    bench.check(!met.is_open(), || {
        "two coroutines were polled at the same time".to_owned()
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// A3: subroutines that wait for each other both go on.
pub(crate) fn subroutines_run_in_parallel<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 16;
    if !K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply("its payloads must not block"));
    }
    meet(
        bench,
        MANY,
        "subroutines run in parallel with each other, however many there are",
    )
}

/// A3: parallels that wait for each other all go on, if there is a thread for each.
pub(crate) fn parallels_run_in_parallel<K: Subject>(bench: &Bench<K>) -> Finding {
    let many = bench.setup.threads;
    if K::Payload::SERIAL || K::Payload::INLINE || many < 2 {
        return Ok(Verdict::DoesNotApply(
            "the setup knows of no second thread for its payloads",
        ));
    }
    meet(
        bench,
        many,
        "parallels run in parallel with each other, on all threads of the flavour",
    )
}

fn meet<K: Subject>(bench: &Bench<K>, many: usize, expected: &str) -> Finding {
    let runtime = bench.started()?;
    bench.expect(&["A3"], expected);
    all_meet(bench, &runtime, many)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// Payloads that block their threads until all of them have begun.
pub(crate) fn all_meet<K: Subject>(
    bench: &Bench<K>,
    runtime: &Runtime,
    many: usize,
) -> Finding<()> {
    let (arrived, done) = (Counter::to(many), Counter::to(many));
    for number in 0..many {
        let (arrived, done, patience) = (arrived.clone(), done.clone(), bench.patience());
        let step = once(move || {
            arrived.add();
            if arrived.reached.wait(patience) {
                done.add();
            }
        });
        bench.adopt(runtime, format!("number {number}"), step)?;
    }
    // A work-stealing executor may leave a payload in the queue of a blocked thread until a new one wakes another
    // thread.
    let by = Instant::now() + bench.patience();
    while Instant::now() < by && !done.reached.wait(NUDGE) {
        bench.adopt(runtime, "a nudge", once(|| {}))?;
    }
    bench.until_or(&done.reached, || {
        format!(
            "{} of {many} that wait for each other have begun",
            arrived.get()
        )
    })
}

/// POLL-2, A2: the closure, every poll, and the drop of a coroutine are on one thread, whoever wakes it and
/// whether it ends or is cancelled; all coroutines share that thread.
pub(crate) fn made_polled_and_dropped_on_one_thread<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 12;
    if !K::Payload::SERIAL {
        return Ok(Verdict::DoesNotApply(
            "its payloads are not bound to one thread",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["POLL-2", "A2"],
        "a payload is made, polled and dropped on the flavour's one thread",
    );
    let log: Log<(&str, ThreadId)> = Log::default();
    let (first, again) = (Counter::to(MANY), Counter::to(MANY));
    let go = Gate::default();
    for number in 0..MANY {
        let dropped = {
            let log = log.clone();
            OnDrop(move || log.write(("dropped", thread::current().id())))
        };
        let (log, first, again, go) = (log.clone(), first.clone(), again.clone(), go.clone());
        let (mut begun, mut resumed) = (false, false);
        let step = move |context: &mut Context<'_>| {
            let _ = &dropped;
            log.write(("polled", thread::current().id()));
            if !begun {
                begun = true;
                // Before the count, at which the case goes on.
                let waits = go.poll(context);
                first.add();
                // Long enough for a second thread, if there is one, to take another payload.
                first.reached.wait(Duration::from_millis(2));
                return waits;
            }
            if go.poll(context).is_pending() {
                return Poll::Pending;
            }
            if !resumed {
                resumed = true;
                again.add();
            }
            match number % 2 {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        };
        bench.adopt(&runtime, format!("number {number}"), step)?;
    }
    bench.until_or(&first.reached, || {
        format!("{} of {MANY} were polled", first.get())
    })?;
    // From this thread, which is not the flavour's.
    go.open();
    bench.until_or(&again.reached, || {
        format!("{} of {MANY} were polled again after a wake", again.get())
    })?;
    bench.stop_well(&runtime)?;
    bench.expect(
        &["POLL-2", "A2"],
        "a payload is made, polled and dropped on the flavour's one thread",
    );
    let events = log.read();
    let home = events.first().map(|event| event.1);
    let stray = events.iter().find(|event| Some(event.1) != home);
    bench.check(stray.is_none(), || match stray {
        Some((what, thread)) => format!("a payload was {what} on {thread:?}, not on {home:?}"),
        None => String::new(),
    })?;
    let dropped = events.iter().filter(|event| event.0 == "dropped").count();
    bench.check(dropped == MANY, || {
        format!("{dropped} of {MANY} were dropped")
    })?;
    Ok(Verdict::Kept)
}
