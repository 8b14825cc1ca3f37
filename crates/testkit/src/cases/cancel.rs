//! Cases about the stop: CANCEL-1 to CANCEL-5, and the rows S1, S2, S5, L7.

use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use foster_core::{FailureKind, Runtime, Shutdown};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, Log, OnDrop, Opens, after, becomes, once};
use crate::verdict::Verdict;

/// S2, CANCEL-2: payloads that await at the stop are dropped before the end, all of them.
pub(crate) fn what_awaits_is_dropped<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 100;
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(
            "its payloads cannot be dropped unfinished",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let dropped = Counter::to(MANY);
    let drops = dropped.clone();
    await_for_ever(bench, &runtime, MANY, move |_| drops.add())?;
    bench.expect(
        &["S2", "CANCEL-2"],
        "every payload that awaits is dropped, and its destructors have run, before the end",
    );
    let ended = bench.stop(&runtime)?;
    let count = dropped.get();
    bench.ended_well(ended)?;
    bench.check(count == MANY, || format!("{count} of {MANY} were dropped"))?;
    Ok(Verdict::Kept)
}

/// Adopts `many` payloads that await for ever, and returns when all have begun to; `dropped` is called in
/// the destructor of each.
fn await_for_ever<K: Subject>(
    bench: &Bench<K>,
    runtime: &Runtime,
    many: usize,
    dropped: impl Fn(usize) + Clone + Send + 'static,
) -> Finding<()> {
    let begun = Counter::to(many);
    for number in 0..many {
        let (begun, dropped) = (begun.clone(), dropped.clone());
        let guard = OnDrop(move || dropped(number));
        let mut first = true;
        bench.adopt(
            runtime,
            format!("number {number}"),
            move |_: &mut Context<'_>| {
                let _ = &guard;
                if std::mem::take(&mut first) {
                    begun.add();
                }
                Poll::<()>::Pending
            },
        )?;
    }
    bench.until_or(&begun.reached, || {
        format!("{} of {many} started", begun.get())
    })
}

/// S5: panicking destructors stop no others.
pub(crate) fn a_panic_in_a_destructor_stops_no_other<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 20;
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(
            "its payloads cannot be dropped unfinished",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["S5"],
        "every destructor runs, whichever panic, and each panic is told once",
    );
    let dropped = Counter::to(MANY);
    let drops = dropped.clone();
    await_for_ever(bench, &runtime, MANY, move |number| {
        drops.add();
        if number % 5 == 2 {
            panic!("destructor {number}");
        }
    })?;
    let ended = bench.stop(&runtime)?;
    let count = dropped.get();
    bench.check(count == MANY, || {
        format!("{count} of {MANY} destructors ran")
    })?;
    let Err(report) = ended else {
        return Err(bench.violation("the runtime's report says nothing of the panics"));
    };
    if !report.stragglers().is_empty() {
        return Err(bench.blame(&report));
    }
    let mut told: Vec<_> = report
        .failures()
        .iter()
        .map(|failure| (failure.kind(), failure.message().to_owned()))
        .collect();
    told.sort_by(|one, other| one.1.cmp(&other.1));
    let mut expected: Vec<_> = (0..MANY)
        .filter(|number| number % 5 == 2)
        .map(|number| (FailureKind::Panic, format!("destructor {number}")))
        .collect();
    expected.sort_by(|one, other| one.1.cmp(&other.1));
    bench.check(told == expected, || format!("told is {told:?}"))?;
    Ok(Verdict::Kept)
}

/// L7: a payload that waited behind a busy one when the stop began gets its first poll.
pub(crate) fn what_was_accepted_starts_before_the_end<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 300;
    let runtime = bench.started()?;
    let release = Gate::default();
    let began = Counter::to(bench.setup.threads);
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    for _ in 0..bench.setup.threads {
        let (begins, is_released, patience) = (began.clone(), release.clone(), bench.patience());
        bench.adopt(
            &runtime,
            "holds up",
            once(move || {
                // Taken first, so that a subroutine is waited for.
                let _token = Shutdown::current();
                begins.add();
                is_released.wait(patience);
            }),
        )?;
    }
    bench.until(&began.reached, "the payload did not start")?;
    bench.expect(
        &["L7"],
        "what was accepted before the stop gets its first poll before anything is cancelled",
    );
    let counter = Counter::to(MANY);
    let adopted = (0..MANY).try_for_each(|number| {
        let counter = counter.clone();
        bench.adopt(
            &runtime,
            format!("number {number}"),
            once(move || counter.add()),
        )
    });
    runtime.shutdown();
    release.open();
    adopted?;
    let ended = bench.stop(&runtime)?;
    // A subroutine has got its thread, and may be on its way to its first line.
    becomes(Duration::from_secs(1), || counter.get() == MANY);
    let count = counter.get();
    bench.check(count == MANY, || format!("{count} of {MANY} started"))?;
    bench.ended_well(ended)?;
    Ok(Verdict::Kept)
}

/// S1: a payload with a token hears of the stop and ends by itself, whatever awaits it takes.
pub(crate) fn holders_of_a_token_end_by_themselves<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 10;
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (begun, ended) = (Counter::to(MANY), Counter::to(MANY));
    for number in 0..MANY {
        let (begun, ended) = (begun.clone(), ended.clone());
        let mut requested = None;
        let mut turns = 5;
        bench.adopt(
            &runtime,
            format!("number {number}"),
            move |context: &mut Context<'_>| {
                let first = requested.is_none();
                let requested = requested.get_or_insert_with(|| Shutdown::current().requested());
                let asked = std::pin::Pin::new(requested).poll(context);
                if first {
                    begun.add();
                }
                if asked.is_pending() {
                    return Poll::Pending;
                }
                // The clean-up takes a while.
                turns -= 1;
                if turns > 0 {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                ended.add();
                Poll::Ready(())
            },
        )?;
    }
    bench.until_or(&begun.reached, || {
        format!("{} of {MANY} started", begun.get())
    })?;
    bench.expect(
        &["S1"],
        "a payload that holds a token is asked to end and ends by itself",
    );
    let result = bench.stop(&runtime)?;
    let count = ended.get();
    bench.check(count == MANY, || {
        format!("{count} of {MANY} ended by themselves")
    })?;
    bench.ended_well(result)?;
    Ok(Verdict::Kept)
}

/// CANCEL-1, CANCEL-2, CANCEL-4: `cancel` only asks, however often: live payloads go on to their end.
pub(crate) fn cancel_only_asks<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (key, flavour) = bench.lend(&runtime)?;
    let (go, ran, dropped) = (Gate::default(), Gate::default(), Gate::default());
    let begun = Gate::default();
    let (begins, runs, guard) = (begun.clone(), ran.clone(), Opens(dropped.clone()));
    let mut waits = after(&go, move || {
        runs.open();
        drop(guard);
    });
    let payload = K::Payload::payload(move |context: &mut Context<'_>| {
        // With a token, so that it is asked and waited for: a subroutine would be left behind.
        let _token = Shutdown::current();
        let waits = waits(context);
        begins.open();
        waits
    });
    runtime
        .named("alive")
        .adopt(key, payload)
        .map_err(|error| bench.refused(&error))?;
    bench.until(&begun, "the payload did not start")?;

    bench.expect(
        &["CANCEL-4", "S1"],
        "`cancel` returns at once, though payloads are alive",
    );
    let returned = Gate::default();
    let (asked, returns) = (flavour.clone(), Opens(returned.clone()));
    let cancels = thread::spawn(move || {
        let _returns = returns;
        asked.cancel();
        asked.cancel();
    });
    let in_time = bench.until(&returned, "`cancel` does not return");
    if in_time.is_err() {
        go.open();
    }
    in_time?;
    bench.expect(&["CANCEL-1"], "calling `cancel` twice is calling it once");
    let panicked = cancels.join().is_err();
    bench.check(!panicked, || "the second `cancel` panics".to_owned())?;

    bench.expect(
        &["CANCEL-2"],
        "a payload that is alive is not dropped by `cancel`",
    );
    // The runtime reports a drop; give a flavour the time for one.
    let gone = dropped.wait(Duration::from_millis(50));
    bench.check(!gone, || "`cancel` drops the payload".to_owned())?;
    go.open();
    bench.expect(
        &["CANCEL-2"],
        "a payload that is alive when `cancel` comes is polled until it is over",
    );
    bench.until(&ran, "the payload did not go on after `cancel`")?;
    bench.expect(
        &["CANCEL-5", "JOIN-2", "L5"],
        "a flavour that is cancelled and empty ends",
    );
    let ended = flavour.join(std::time::Instant::now() + bench.patience());
    bench.check(ended, || "`join` says that it has not ended".to_owned())?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// CANCEL-3: after `cancel` neither `spawn` nor `block_on` takes a payload; both hand it back unrun.
pub(crate) fn nothing_is_taken_after_cancel<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (_, flavour) = bench.lend(&runtime)?;
    bench.cancel(&flavour);
    let ran = Log::default();
    for (how, expected) in [
        ("spawn", "`spawn` rejects every payload after `cancel`"),
        (
            "block_on",
            "`block_on` rejects every payload after `cancel`",
        ),
    ] {
        bench.expect(&["CANCEL-3"], expected);
        let runs = ran.clone();
        let (home, payloads) = bench.loose(1, || {
            let runs = runs.clone();
            once(move || runs.write(how))
        })?;
        let taken = payloads.into_iter().any(|payload| match how {
            "spawn" => flavour.spawn(payload).is_ok(),
            _ => flavour.block_on(payload).is_ok(),
        });
        home.shutdown();
        bench.check(!taken, || format!("`{how}` takes a payload"))?;
    }
    // The threads end between the two checks.
    bench.stop_well(&runtime)?;
    bench.expect(&["CANCEL-3"], "a payload that was rejected does not run");
    bench.check(ran.read().is_empty(), || {
        format!("by {:?}, it ran", ran.read())
    })?;

    bench.expect(
        &["CANCEL-3"],
        "after the flavour's end everything is rejected",
    );
    let (home, payloads) = bench.loose(1, || once(|| ()))?;
    let taken = payloads
        .into_iter()
        .any(|payload| flavour.spawn(payload).is_ok());
    home.shutdown();
    bench.check(!taken, || "`spawn` takes a payload".to_owned())?;
    Ok(Verdict::Kept)
}

/// SPAWN-1, CANCEL-3: a payload whose `spawn` races with `cancel` is either rejected or runs.
pub(crate) fn what_races_with_cancel_runs_or_is_rejected<K: Subject>(bench: &Bench<K>) -> Finding {
    const ROUNDS: usize = 10;
    const THREADS: usize = 3;
    const EACH: usize = 20;
    for round in 0..ROUNDS {
        let runtime = bench.started()?;
        let (_, flavour) = bench.lend(&runtime)?;
        bench.expect(
            &["SPAWN-1", "CANCEL-3"],
            "a payload that is spawned while `cancel` comes is either rejected or runs",
        );
        let (accepted, ran) = (Log::default(), Log::default());
        let (home, mut payloads) = bench.loose(THREADS * EACH, || {
            let ran = ran.clone();
            once(move || ran.write(()))
        })?;
        let spawners: Vec<_> = (0..THREADS)
            .map(|_| {
                let part = payloads.split_off(payloads.len() - EACH);
                let (flavour, accepted) = (flavour.clone(), accepted.clone());
                thread::spawn(move || {
                    for payload in part {
                        if flavour.spawn(payload).is_ok() {
                            accepted.write(());
                        }
                    }
                })
            })
            .collect();
        // At a different moment in each round.
        becomes(Duration::from_millis(20), || {
            accepted.read().len() >= round * THREADS * EACH / ROUNDS
        });
        bench.cancel(&flavour);
        bench.expect(
            &["SPAWN-1", "CANCEL-3"],
            "a payload that is spawned while `cancel` comes is either rejected or runs",
        );
        let panicked = spawners.into_iter().any(|spawner| spawner.join().is_err());
        bench.check(!panicked, || "`spawn` panics".to_owned())?;
        let ended = flavour.join(std::time::Instant::now() + bench.patience());
        home.shutdown();
        let (accepted, ran) = (accepted.read().len(), ran.read().len());
        bench.check(accepted == ran, || {
            format!("of {accepted} that were accepted, {ran} ran")
        })?;
        bench.expect(
            &["CANCEL-5", "JOIN-2", "L5"],
            "a flavour that is cancelled and empty ends",
        );
        bench.check(ended, || "`join` says that it has not ended".to_owned())?;
        bench.stop_well(&runtime)?;
    }
    Ok(Verdict::Kept)
}
