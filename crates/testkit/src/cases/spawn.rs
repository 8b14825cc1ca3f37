//! Cases about handing payloads in: SPAWN-1 to SPAWN-3, and the rows A1, A8, L3.

use std::task::Poll;
use std::thread;

use foster_core::Runtime;

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::tools::{Counter, Gate, Log, after, once, repeated};
use crate::verdict::Verdict;

/// SPAWN-1: payloads from several threads, handed in before and after the start, all run, once.
pub(crate) fn every_payload_runs_once<K: Subject>(bench: &Bench<K>) -> Finding {
    const THREADS: usize = 4;
    const EACH: usize = 25;
    let runtime = bench.builder().build();
    let (log, counter) = (Log::default(), Counter::to(EACH * (THREADS + 1)));
    let run = |number: usize| {
        let (log, counter) = (log.clone(), counter.clone());
        once(move || {
            log.write(number);
            counter.add();
        })
    };
    bench.expect(
        &["SPAWN-1"],
        "every payload that was accepted runs, and once",
    );
    for number in 0..EACH {
        bench.adopt(&runtime, format!("early {number}"), run(number))?;
    }
    bench.start(&runtime)?;
    thread::scope(|scope| {
        let adopters: Vec<_> = (1..=THREADS)
            .map(|thread| {
                let steps: Vec<_> = (0..EACH).map(|i| run(thread * EACH + i)).collect();
                let (runtime, key) = (runtime.clone(), bench.key());
                scope.spawn(move || {
                    steps
                        .into_iter()
                        .try_for_each(|step| runtime.adopt(key.clone(), K::Payload::payload(step)))
                })
            })
            .collect();
        adopters
            .into_iter()
            .try_for_each(|adopter| match adopter.join() {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(bench.refused(&error)),
                Err(_) => Err(bench.violation("an adopt panicked")),
            })
    })?;
    bench.until_or(&counter.reached, || {
        format!("{} of {} ran", counter.get(), EACH * (THREADS + 1))
    })?;
    let twice = repeated(&log.read());
    bench.check(twice.is_empty(), || format!("number and times: {twice:?}"))?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// SPAWN-1: ten thousand payloads at once are nothing special.
pub(crate) fn ten_thousand_payloads_end<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 10_000;
    let runtime = bench.started()?;
    let counter = Counter::to(MANY);
    for number in 0..MANY {
        if number % 500 == 0 {
            // Announced anew, which is progress to the watchdog: threads take their time.
            bench.expect(
                &["SPAWN-1"],
                "every payload that was accepted runs, however many there are",
            );
        }
        let counter = counter.clone();
        bench.adopt(&runtime, "one of many", once(move || counter.add()))?;
    }
    bench.until_or(&counter.reached, || {
        format!("{} of {MANY} ran", counter.get())
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// SPAWN-2: a payload does not run inside `spawn`, on the thread that hands it in.
pub(crate) fn a_payload_does_not_run_inside_spawn<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(
        &["SPAWN-2"],
        "a payload does not run inside the `spawn` that takes it",
    );
    let outside = thread::current().id();
    let log = Log::default();
    let done = Counter::to(20);
    for _ in 0..20 {
        let (log, done) = (log.clone(), done.clone());
        let step = once(move || {
            log.write(thread::current().id());
            done.add();
        });
        bench.adopt(&runtime, "elsewhere", step)?;
    }
    bench.until(&done.reached, "the payloads did not run")?;
    bench.check(!log.read().contains(&outside), || {
        "a payload ran on the thread that adopted it".to_owned()
    })?;

    bench.expect(
        &["SPAWN-2", "A1"],
        "a payload that is adopted inside another of its flavour does not run inside `spawn`",
    );
    // Wait for both: on another thread the inner one may end first.
    let (order, ended) = (Log::default(), Counter::to(2));
    let (inner, key, its_order, ends) =
        (runtime.clone(), bench.key(), order.clone(), ended.clone());
    let adopts = once(move || {
        let here = thread::current().id();
        let nested = {
            let (order, ends) = (its_order.clone(), ends.clone());
            once(move || {
                // On another thread it may well run before `adopt` has returned.
                if thread::current().id() == here {
                    order.write("runs");
                }
                ends.add();
            })
        };
        let adopted = inner.adopt(key, K::Payload::payload(nested));
        its_order.write("adopted");
        if adopted.is_err() {
            its_order.write("refused");
        }
        ends.add();
    });
    bench.adopt(&runtime, "outer", adopts)?;
    bench.until(&ended.reached, "the inner payload did not run")?;
    let order = order.read();
    bench.check(
        order.first() == Some(&"adopted") && !order.contains(&"refused"),
        || format!("the order of events is {order:?}"),
    )?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// SPAWN-2, A1: a flavour whose threads are all busy takes payloads nevertheless.
pub(crate) fn a_busy_flavour_blocks_no_adopter<K: Subject>(bench: &Bench<K>) -> Finding {
    const BEHIND: usize = 500;
    let runtime = bench.started()?;
    let release = Gate::default();
    let blockers = match K::Payload::SERIAL {
        true => 1,
        false => 2 * thread::available_parallelism().map_or(4, usize::from),
    };
    bench.expect(&["SPAWN-2", "A1"], "`spawn` does not wait for its payload");
    let began = Gate::default();
    for _ in 0..blockers {
        let (begins, release, patience) = (began.clone(), release.clone(), bench.patience());
        let blocks = once(move || {
            begins.open();
            release.wait(4 * patience);
        });
        bench.adopt(&runtime, "blocks its thread", blocks)?;
    }
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    bench.until(&began, "the payload did not start")?;

    bench.expect(
        &["SPAWN-2", "A1"],
        "`spawn` does not wait, though every thread of the flavour is busy",
    );
    let (adopted, counter) = (Gate::default(), Counter::to(BEHIND));
    let adopter = {
        let (runtime, key) = (runtime.clone(), bench.key());
        let (adopted, counter) = (adopted.clone(), counter.clone());
        thread::spawn(move || {
            for _ in 0..BEHIND {
                let counter = counter.clone();
                let step = once(move || counter.add());
                runtime.adopt(key.clone(), K::Payload::payload(step))?;
            }
            adopted.open();
            Ok::<_, foster_core::AdoptError>(())
        })
    };
    let in_time = bench.until(&adopted, "`adopt` waits until the flavour's thread is free");
    release.open();
    in_time?;
    if let Ok(Err(error)) = adopter.join() {
        return Err(bench.refused(&error));
    }
    bench.expect(&["SPAWN-1"], "what was accepted by a busy flavour starts");
    bench.until_or(&counter.reached, || {
        format!("{} of {BEHIND} ran", counter.get())
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// SPAWN-3, A8, L3: one thread's payloads start in the order in which it handed them in.
pub(crate) fn payloads_start_in_order<K: Subject>(bench: &Bench<K>) -> Finding {
    const MANY: usize = 600;
    if !K::Payload::SERIAL {
        return Ok(Verdict::DoesNotApply(
            "payloads that start in parallel have no order that could be seen",
        ));
    }
    let runtime = bench.builder().build();
    let log = Log::default();
    let counter = Counter::to(2 * MANY);
    let adopt = |runtime: &Runtime, number: usize| {
        let (log, counter) = (log.clone(), counter.clone());
        let mut first = true;
        let step = move |context: &mut std::task::Context<'_>| {
            if first {
                first = false;
                log.write(number);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            counter.add();
            Poll::Ready(())
        };
        bench.adopt(runtime, format!("number {number}"), step)
    };
    bench.expect(
        &["SPAWN-3", "A8", "L3"],
        "payloads start in the order of their adopts",
    );
    for number in 0..MANY / 2 {
        adopt(&runtime, number)?;
    }
    bench.start(&runtime)?;
    for number in MANY / 2..MANY {
        adopt(&runtime, number)?;
    }
    // Now behind a payload that holds them up, so that all of them wait at once.
    let (began, release, patience) = (Gate::default(), Gate::default(), bench.patience());
    let (begins, is_released) = (began.clone(), release.clone());
    bench.adopt(
        &runtime,
        "holds up",
        once(move || {
            begins.open();
            is_released.wait(patience);
        }),
    )?;
    bench.until(&began, "a payload did not start")?;
    let adopted = (MANY..2 * MANY).try_for_each(|number| adopt(&runtime, number));
    release.open();
    adopted?;
    bench.until_or(&counter.reached, || {
        format!("{} of {} ended", counter.get(), 2 * MANY)
    })?;
    let order = log.read();
    let misplaced = order
        .iter()
        .enumerate()
        .find(|(place, number)| place != *number);
    bench.check(misplaced.is_none(), || match misplaced {
        Some((place, number)) => format!("number {number} started at place {place}"),
        None => String::new(),
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// A1: payloads adopt on their own flavour and on a second runtime's, at their start and later.
pub(crate) fn payloads_may_adopt<K: Subject>(bench: &Bench<K>) -> Finding {
    let (runtime, other) = (bench.started()?, bench.started()?);
    bench.expect(
        &["A1"],
        "`adopt` works inside a payload, on any runtime, without waiting",
    );
    let counter = Counter::to(4);
    let go = Gate::default();
    let adopts = |late: bool| {
        let (runtimes, key) = ([runtime.clone(), other.clone()], bench.key());
        let counter = counter.clone();
        let code = move || {
            for runtime in runtimes {
                let counter = counter.clone();
                let step = once(move || counter.add());
                runtime.adopt(key.clone(), K::Payload::payload(step))?;
            }
            Ok::<_, foster_core::AdoptError>(())
        };
        match late {
            true => after(&go, code),
            false => after(&opened(), code),
        }
    };
    bench.adopt(&runtime, "adopts at its start", adopts(false))?;
    bench.adopt(&runtime, "adopts later", adopts(true))?;
    go.open();
    bench.until_or(&counter.reached, || format!("{} of 4 ran", counter.get()))?;
    bench.stop_well(&other)?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

fn opened() -> Gate {
    let gate = Gate::default();
    gate.open();
    gate
}
