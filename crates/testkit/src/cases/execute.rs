//! Cases about executes and calls: BLOCK-1, BLOCK-2, and the rows E1 to E6.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use foster_core::{ExecuteError, ExecuteErrorKind, Manual};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::lend::Lending;
use crate::tools::{
    Counter, Gate, Log, Opens, after, after_turns, becomes, once, poll_once, settle,
};
use crate::verdict::Verdict;

/// E1, BLOCK-1: callers on several threads get their values, whatever awaits they take.
pub(crate) fn execute_returns_the_value<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(&["E1"], "execute returns the payload's value");
    let value = bench.execute(&runtime, once(|| String::from("a value")))?;
    bench.check(value == "a value", || format!("it is {value:?}"))?;
    let wrong = thread::scope(|scope| {
        let callers: Vec<_> = (0..4_usize)
            .map(|caller| {
                let (runtime, key) = (runtime.clone(), bench.key());
                scope.spawn(move || {
                    (0..25_usize).find_map(|i| {
                        let number = 100 * caller + i;
                        let payload = K::Payload::payload(after_turns(i % 3, move || number));
                        match runtime.execute(key.clone(), payload) {
                            Ok(value) if value == number => None,
                            Ok(value) => Some(Ok(format!("{value} in place of {number}"))),
                            Err(error) => Some(Err(error)),
                        }
                    })
                })
            })
            .collect();
        let wrong = callers.into_iter().map(|caller| match caller.join() {
            Ok(wrong) => wrong,
            Err(_) => Some(Ok("an execute panicked".to_owned())),
        });
        wrong.flatten().next()
    });
    match wrong {
        Some(Ok(seen)) => return Err(bench.violation(seen)),
        Some(Err(error)) => return Err(bench.not_executed(&error)),
        None => {}
    }
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// E2, A5: a panic goes on in the caller, and the flavour with it.
pub(crate) fn a_panic_goes_on_in_the_caller<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(
        &["E2"],
        "a panic in an executed payload goes on in the caller",
    );
    for turns in [0, 2] {
        let payload = K::Payload::payload(after_turns(turns, || -> () { panic!("on purpose") }));
        let key = bench.key();
        let result = catch_unwind(AssertUnwindSafe(|| runtime.execute(key, payload)));
        let message = match &result {
            Err(panic) => panic
                .downcast_ref::<&str>()
                .copied()
                .unwrap_or("another panic"),
            Ok(Ok(())) => "a value",
            Ok(Err(_)) => "an error",
        };
        bench.check(message == "on purpose", || {
            format!("the caller got {message}")
        })?;
    }
    bench.expect(&["E2", "F2"], "a payload's panic does the flavour no harm");
    let value = bench.execute(&runtime, once(|| 1))?;
    bench.check(value == 1, || format!("a later payload gives {value}"))?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// BLOCK-1: `block_on` returns neither before its payload is over nor long after it.
pub(crate) fn block_on_returns_when_its_payload_is_over<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    // Others are alive, so a flavour that waits until it is empty waits for ever.
    let release = Gate::default();
    let began = Gate::default();
    let begins = began.clone();
    let mut waits = after(&release, || ());
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    bench.adopt(&runtime, "another", move |context: &mut Context<'_>| {
        let waits = waits(context);
        begins.open();
        waits
    })?;
    bench.until(&began, "the payload did not start")?;

    bench.expect(
        &["BLOCK-1", "E1"],
        "`block_on` returns once its payload is over, and no earlier",
    );
    for round in 0..20 {
        let (go, polled) = (Gate::default(), Gate::default());
        let opener = {
            let (go, polled, patience) = (go.clone(), polled.clone(), bench.patience());
            thread::spawn(move || {
                polled.wait(patience);
                if round % 5 == 0 {
                    // A caller let go too early is gone by then.
                    thread::sleep(Duration::from_millis(5));
                }
                go.open();
            })
        };
        let mut waits = after(&go, move || round);
        let value = bench.execute(&runtime, move |context: &mut Context<'_>| {
            let waits = waits(context);
            polled.open();
            waits
        });
        let joined = opener.join();
        let value = value?;
        bench.check(value == round && joined.is_ok(), || {
            format!("it gives {value}")
        })?;
    }
    release.open();
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// SPAWN-2, BLOCK-1: a waiting caller holds up no adopt and no execute.
pub(crate) fn callers_do_not_wait_for_each_other<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    let (go, polled, over) = (Gate::default(), Gate::default(), Gate::default());
    let waiter = {
        let (runtime, key, over) = (runtime.clone(), bench.key(), Opens(over.clone()));
        let (mut waits, polled) = (after(&go, || ()), polled.clone());
        thread::spawn(move || {
            let payload = K::Payload::payload(move |context: &mut Context<'_>| {
                let waits = waits(context);
                polled.open();
                waits
            });
            let given = runtime.execute(key, payload);
            drop(over);
            given
        })
    };
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    bench.until(&polled, "the executed payload did not start")?;
    for (rows, expected, executes) in [
        (
            &["SPAWN-2", "A1"],
            "`spawn` does not wait for whoever is blocked in `block_on`",
            false,
        ),
        (
            &["BLOCK-1", "E1"],
            "`block_on` does not wait for another one",
            true,
        ),
    ] {
        bench.expect(rows, expected);
        let (runtime, key, done) = (runtime.clone(), bench.key(), Gate::default());
        let ran = Opens(done.clone());
        let payload = K::Payload::payload(once(move || drop(ran)));
        thread::spawn(move || match executes {
            true => runtime.execute(key, payload).is_ok(),
            false => runtime.adopt(key, payload).is_ok(),
        });
        let in_time = bench.until(&done, "its payload did not run");
        if in_time.is_err() {
            go.open();
        }
        in_time?;
    }
    bench.expect(
        &["BLOCK-1", "E1"],
        "`block_on` returns once its payload is over",
    );
    go.open();
    bench.until(&over, "it did not")?;
    if let Ok(Err(error)) = waiter.join() {
        return Err(bench.not_executed(&error));
    }
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// BLOCK-2, E3, E4: the thread of an executed payload, and that the caller's thread stays its own.
pub(crate) fn block_on_runs_the_payload_where_it_belongs<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    let here = thread::current().id();
    let inline = K::Payload::INLINE;
    match inline {
        true => bench.expect(
            &["BLOCK-2", "E3"],
            "an executed subroutine runs on its caller's own thread",
        ),
        false => bench.expect(
            &["BLOCK-2"],
            "an executed payload is spawned, and does not run on its caller's thread",
        ),
    }
    for turns in [0, 1] {
        let step = after_turns(turns, || thread::current().id());
        let thread = bench.execute(&runtime, step)?;
        bench.check((thread == here) == inline, || {
            format!("called on {here:?}, it ran on {thread:?}")
        })?;
    }
    if !inline {
        bench.expect(
            &["E4"],
            "a thread that the flavour does not run on may execute again",
        );
        bench.execute(&runtime, once(|| ()))?;
    }
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// E4, E3: an execute inside a payload of the same flavour.
pub(crate) fn an_execute_on_its_own_flavour<K: Subject>(bench: &Bench<K>) -> Finding {
    if !K::Payload::SERIAL && !K::Payload::INLINE {
        return Ok(Verdict::DoesNotApply(
            "with several threads an execute on the same flavour may end or not",
        ));
    }
    let runtime = bench.started()?;
    match K::Payload::INLINE {
        true => bench.expect(&["E3", "BLOCK-2"], "a subroutine may execute another"),
        false => bench.expect(
            &["E4"],
            "an execute on the flavour's own thread is refused at once",
        ),
    }
    let (inner, key) = (runtime.clone(), bench.key());
    let nested = bench.execute(
        &runtime,
        once(move || {
            let here = thread::current().id();
            let step = once(move || thread::current().id() == here);
            let payload = K::Payload::payload(step);
            inner.execute(key, payload).map_err(|error| error.kind())
        }),
    )?;
    let expected = match K::Payload::INLINE {
        true => Ok(true),
        false => Err(ExecuteErrorKind::Deadlock),
    };
    bench.check(nested == expected, || {
        format!("the inner execute gives {nested:?}")
    })?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// E4: an execute that a thread of the flavour waits for indirectly is refused only if no other thread of the
/// flavour could run it.
pub(crate) fn an_execute_beside_a_blocked_thread<K: Subject>(bench: &Bench<K>) -> Finding {
    if K::Payload::INLINE || K::Payload::SERIAL || bench.setup.threads < 2 {
        return Ok(Verdict::DoesNotApply(
            "the setup knows of no second thread for its payloads",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["E4"],
        "an execute is refused only if all threads of the flavour are blocked (`Reporter::runs_on`)",
    );
    // A thread of the flavour waits for a payload on this thread, which waits for another on the flavour.
    let here = Manual::new();
    let result = Log::default();
    let (inner, key, its_key) = (runtime.clone(), here.clone(), bench.key());
    let (gives, done) = (result.clone(), Gate::default());
    let ends = Opens(done.clone());
    let blocks = once(move || {
        let back = inner.clone();
        let given = inner.execute(key, move || async move {
            let payload = K::Payload::payload(once(|| ()));
            back.execute(its_key, payload).map_err(|error| error.kind())
        });
        gives.write(given.map_err(|error| error.kind()));
        drop(ends);
    });
    bench.adopt(&runtime, "blocks its thread", blocks)?;
    becomes(bench.patience(), || {
        here.step();
        done.is_open()
    });
    let result = result.read();
    bench.check(result == [Ok(Ok(()))], || format!("it gives {result:?}"))?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// E5: callers are let go when the runtime ends, whether their payload waits or never started.
pub(crate) fn callers_are_let_go_at_the_end<K: Subject>(bench: &Bench<K>) -> Finding {
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(
            "a caller's payload runs on its own thread",
        ));
    }
    bench.expect(
        &["E5"],
        "the caller of a payload that is cancelled is let go",
    );
    let runtime = bench.started()?;
    let polled = Gate::default();
    let caller = {
        let (runtime, key, polled) = (runtime.clone(), bench.key(), polled.clone());
        Caller::new(move || {
            let payload = K::Payload::payload(move |_: &mut Context<'_>| {
                polled.open();
                Poll::<()>::Pending
            });
            runtime.execute(key, payload)
        })
    };
    bench.until(&polled, "the payload did not start")?;
    let ended = bench.stop(&runtime)?;
    caller.expect_let_go(bench)?;
    bench.ended_well(ended)?;

    bench.expect(
        &["E5"],
        "the caller of a flavour that is stuck is let go when the runtime ends",
    );
    let runtime = bench
        .builder()
        .grace(Duration::from_millis(50))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime
        .start()
        .map_err(|error| bench.violation(error.to_string()))?;
    let key = Lending::new(bench.key());
    // Each thread has one before the caller comes: what it hands in may begin before the others.
    let threads = bench.setup.threads.min(blockers::<K>());
    let (began, release) = (Counter::to(threads), Gate::default());
    for _ in 0..blockers::<K>() {
        let (began, release, patience) = (began.clone(), release.clone(), bench.patience());
        let payload = K::Payload::payload(once(move || {
            began.add();
            release.wait(4 * patience);
        }));
        runtime
            .named("blocks its thread")
            .adopt(key.clone(), payload)
            .map_err(|error| bench.refused(&error))?;
    }
    bench.until(&began.reached, "the payloads did not start")?;
    let caller = {
        let (runtime, key) = (runtime.clone(), key.clone());
        Caller::new(move || runtime.execute(key, K::Payload::payload(once(|| ()))))
    };
    bench.until(&key.blocks, "the caller does not come to `block_on`")?;
    runtime.shutdown();
    let ended = runtime.wait();
    let let_go = caller.expect_let_go(bench);
    release.open();
    let_go?;
    bench.check(ended.is_err(), || {
        "the runtime's report says nothing".to_owned()
    })?;
    Ok(Verdict::Kept)
}

fn blockers<K: Subject>() -> usize {
    match K::Payload::SERIAL {
        true => 1,
        false => 4 * thread::available_parallelism().map_or(4, usize::from),
    }
}

/// A thread blocked in an execute.
struct Caller {
    thread: thread::JoinHandle<Result<(), ExecuteError>>,
    returned: Gate,
}

impl Caller {
    fn new(code: impl FnOnce() -> Result<(), ExecuteError> + Send + 'static) -> Self {
        let returned = Gate::default();
        let returns = Opens(returned.clone());
        let thread = thread::spawn(move || {
            let _returns = returns;
            code()
        });
        Self { thread, returned }
    }

    fn expect_let_go<K: Subject>(self, bench: &Bench<K>) -> Finding<()> {
        if !self.returned.wait(bench.patience()) {
            return Err(bench.violation("the runtime has ended and the caller still waits"));
        }
        let kind = match self.thread.join() {
            Ok(result) => result.map_err(|error| error.kind()),
            Err(_) => return Err(bench.violation("a panic came out of the execute")),
        };
        let let_go = matches!(
            kind,
            Err(ExecuteErrorKind::Cancelled | ExecuteErrorKind::Stopping)
        );
        bench.check(let_go, || format!("the execute gives {kind:?}"))
    }
}

/// E6: dropping a call cancels its coroutine, which is gone soon.
pub(crate) fn a_dropped_call_cancels_its_payload<K: Subject>(bench: &Bench<K>) -> Finding {
    if !K::Payload::DROPPABLE {
        return Ok(Verdict::DoesNotApply(
            "a payload that runs cannot be dropped",
        ));
    }
    let runtime = bench.started()?;
    bench.expect(
        &["E6"],
        "a payload whose call is dropped is dropped where it awaits",
    );
    let (polled, dropped) = (Gate::default(), Gate::default());
    let (is_polled, guard) = (polled.clone(), Opens(dropped.clone()));
    let mut call = runtime.call(
        bench.key(),
        K::Payload::payload(move |_: &mut Context<'_>| {
            let _ = &guard;
            is_polled.open();
            Poll::<()>::Pending
        }),
    );
    let submitted = poll_once(&mut call);
    bench.check(submitted.is_pending(), || "the call is refused".to_owned())?;
    bench.until(&polled, "the payload did not start")?;
    settle();
    drop(call);
    bench.until(&dropped, "the payload is still there")?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
