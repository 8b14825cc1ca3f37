//! Cases about the end of a flavour: JOIN-1, JOIN-2, and the rows L5, L10, S3.

use std::cell::RefCell;
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use foster_core::{ExecuteErrorKind, Key, Runtime, StragglerReason};

use crate::bench::{Bench, Finding};
use crate::kind::{Kind, Subject};
use crate::lend::AnyFlavour;
use crate::tools::{Gate, OnDrop, Opens, once};
use crate::verdict::Verdict;

/// How long an ending thread is held up.
const LINGER: Duration = Duration::from_millis(600);

/// Code that runs when a thread's locals are dropped.
type AtEnd = OnDrop<Box<dyn FnMut()>>;

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

/// L5, JOIN-2: when the runtime has ended, the threads that ran payloads are gone, with their
/// thread-local values.
pub(crate) fn its_threads_are_gone_at_the_end<K: Subject>(bench: &Bench<K>) -> Finding {
    if bench.setup.borrowed {
        return Ok(Verdict::DoesNotApply("its threads are not its own"));
    }
    let runtime = bench.started()?;
    let (over, gone, early) = (Gate::default(), Gate::default(), Gate::default());
    let (is_over, is_gone, is_early) = (over.clone(), gone.clone(), early.clone());
    leave_behind(bench, &runtime, bench.key(), move || {
        // A wait for this thread includes this.
        if is_over.wait(LINGER) {
            is_early.open();
        }
        is_gone.open();
    })?;
    bench.expect(
        &["JOIN-2", "L5"],
        "the thread of the flavour has ended when the runtime has",
    );
    let ended = bench.stop(&runtime);
    let was_gone = gone.is_open();
    over.open();
    bench.ended_well(ended?)?;
    bench.check(was_gone, || {
        match gone.wait(bench.late()) && early.is_open() {
            true => "the runtime has ended while the thread was about to".to_owned(),
            false => "the thread is still there".to_owned(),
        }
    })?;
    Ok(Verdict::Kept)
}

/// JOIN-1, JOIN-2: `join` keeps to its deadline while a payload blocks, and does not report an end.
pub(crate) fn join_keeps_to_its_deadline<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (key, flavour) = bench.lend(&runtime)?;
    let joiner = Joiner::start(&flavour);
    let (began, release) = (Gate::default(), Gate::default());
    let (begins, is_released, patience) = (began.clone(), release.clone(), bench.patience());
    let payload = K::Payload::payload(once(move || {
        begins.open();
        is_released.wait(4 * patience);
    }));
    runtime
        .named("blocks its thread")
        .adopt(key, payload)
        .map_err(|error| bench.refused(&error))?;
    bench.until(&began, "the payload did not start")?;
    bench.cancel(&flavour);
    joins_in_time(bench, &joiner, &release)?;
    release.open();
    has_ended(bench, &flavour, &["CANCEL-5", "JOIN-2", "L5"])?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// JOIN-1, JOIN-2: `join` keeps to its deadline, and tells the truth, while a thread is about to end:
/// the destructors of its locals are the user's code.
pub(crate) fn join_keeps_to_its_deadline_while_a_thread_ends<K: Subject>(
    bench: &Bench<K>,
) -> Finding {
    if bench.setup.borrowed {
        return Ok(Verdict::DoesNotApply("its threads are not its own"));
    }
    let runtime = bench.started()?;
    let (key, flavour) = bench.lend(&runtime)?;
    let joiner = Joiner::start(&flavour);
    let (release, patience) = (Gate::default(), bench.patience());
    let is_released = release.clone();
    leave_behind(bench, &runtime, key, move || {
        is_released.wait(4 * patience);
    })?;
    bench.cancel(&flavour);
    joins_in_time(bench, &joiner, &release)?;
    release.open();
    has_ended(bench, &flavour, &["JOIN-2", "L5"])?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// `join` returns true for a cancelled flavour without payloads.
fn has_ended<K: Subject>(
    bench: &Bench<K>,
    flavour: &AnyFlavour<K::Payload>,
    rows: &'static [&'static str],
) -> Finding<()> {
    bench.expect(rows, "`join` says true once the flavour has ended");
    let ended = flavour.join(Instant::now() + bench.patience());
    bench.check(ended, || {
        "it says false, though nothing is left to run".to_owned()
    })
}

/// A thread that joins a flavour when it is asked to. It is there before a thread of the flavour ends: on Windows no other one
/// starts, or ends, while the locals of one are dropped.
struct Joiner {
    asks: Sender<Instant>,
    answers: Receiver<(bool, Instant)>,
}

impl Joiner {
    fn start<P: Kind>(flavour: &AnyFlavour<P>) -> Self {
        let (asks, asked) = channel();
        let (answer, answers) = channel();
        let (begins, began) = channel();
        let flavour = flavour.clone();
        thread::spawn(move || {
            drop(begins);
            for by in asked {
                let ended = flavour.join(by);
                // Nobody waits if it took too long.
                let _ = answer.send((ended, Instant::now()));
            }
        });
        // An error, once it has begun.
        let _: Result<Infallible, _> = began.recv();
        Self { asks, answers }
    }
}

/// Calls `join` several times while a thread of the flavour is held up, until `release` opens.
fn joins_in_time<K: Subject>(bench: &Bench<K>, joiner: &Joiner, release: &Gate) -> Finding<()> {
    let now = Instant::now();
    for (by, expected) in [
        (now, "`join` with a deadline that has passed only looks"),
        (
            now + Duration::from_millis(50),
            "`join` returns at its deadline",
        ),
        (now, "`join` with a deadline that has passed only looks"),
    ] {
        bench.expect(&["JOIN-1"], expected);
        let asked = Instant::now();
        // It is gone if `join` has panicked, which the wait for its answer shows.
        let _ = joiner.asks.send(by);
        let (ended, at) = match joiner.answers.recv_timeout(bench.patience()) {
            Ok(answer) => answer,
            Err(why) => {
                release.open();
                return Err(bench.violation(match why {
                    RecvTimeoutError::Timeout => "`join` does not return while a thread is kept",
                    RecvTimeoutError::Disconnected => "`join` panics",
                }));
            }
        };
        let by = by.max(asked);
        if ended || at > by + bench.late() {
            release.open();
        }
        bench.check(at <= by + bench.late(), || {
            format!("it returned {:?} too late", at - by)
        })?;
        bench.expect(
            &["JOIN-2"],
            "`join` says true only when the flavour's threads have ended",
        );
        bench.check(!ended, || "it says true while a thread is there".to_owned())?;
    }
    Ok(())
}

/// CANCEL-5: the threads end by themselves, joined or not: a flavour that begins to end only in `join` has no
/// time left if another one was joined before and took it all.
pub(crate) fn its_threads_end_without_a_join<K: Subject>(bench: &Bench<K>) -> Finding {
    if bench.setup.borrowed {
        return Ok(Verdict::DoesNotApply("its threads are not its own"));
    }
    let runtime = bench.started()?;
    let (key, flavour) = bench.lend(&runtime)?;
    let gone = Gate::default();
    let is_gone = gone.clone();
    leave_behind(bench, &runtime, key, move || is_gone.open())?;
    bench.cancel(&flavour);
    bench.expect(
        &["CANCEL-5"],
        "a flavour that is cancelled and empty ends, though nobody calls `join`",
    );
    bench.until(&gone, "the thread is still there")?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// Has a payload put `code` into a thread-local, to run when the thread ends.
fn leave_behind<K: Subject>(
    bench: &Bench<K>,
    runtime: &Runtime,
    key: impl Key<Payload = K::Payload>,
    code: impl FnMut() + Send + 'static,
) -> Finding<()> {
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let done = Gate::default();
    let is_done = Opens(done.clone());
    let payload = K::Payload::payload(once(move || {
        let code: Box<dyn FnMut()> = Box::new(code);
        AT_END.with(|at_end| *at_end.borrow_mut() = Some(OnDrop(code)));
        drop(is_done);
    }));
    runtime
        .named("leaves something to its thread")
        .adopt(key, payload)
        .map_err(|error| bench.refused(&error))?;
    bench.until(&done, "the payload did not run")
}

/// S3: a payload that blocks does not hold the stop up, and is named for it.
pub(crate) fn a_blocked_flavour_holds_nothing_up<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench
        .builder()
        .grace(Duration::from_millis(50))
        .cancel_timeout(Duration::from_millis(100))
        .build();
    bench.start(&runtime)?;
    bench.expect(&["SPAWN-1"], "a payload that was accepted starts");
    let (began, release) = (Gate::default(), Gate::default());
    let (begins, is_released, patience) = (began.clone(), release.clone(), bench.patience());
    bench.adopt(
        &runtime,
        "blocks its thread",
        once(move || {
            begins.open();
            is_released.wait(4 * patience);
        }),
    )?;
    bench.until(&began, "the payload did not start")?;
    bench.expect(
        &["S3", "JOIN-1"],
        "the stop takes no longer than grace and cancel time, whatever a payload does",
    );
    let asked = Instant::now();
    let (ended, is_over) = (Gate::default(), runtime.clone());
    let ends = Opens(ended.clone());
    let waiter = thread::spawn(move || {
        let _ends = ends;
        is_over.shutdown();
        is_over.wait()
    });
    let in_time = ended.wait(bench.patience());
    let took = asked.elapsed();
    release.open();
    bench.check(
        in_time && took < bench.late() + Duration::from_millis(150),
        || format!("it took longer than {took:?}"),
    )?;
    let Ok(result) = waiter.join() else {
        return Err(bench.violation("`wait` panics"));
    };
    bench.expect(
        &["S3"],
        "the payload that blocks is named, and nothing else",
    );
    let named: Vec<_> = match &result {
        Ok(()) => Vec::new(),
        Err(error) => error
            .stragglers()
            .iter()
            .map(|one| (one.payload().map(str::to_owned), one.reason()))
            .collect(),
    };
    let expected = match K::Payload::DROPPABLE {
        true => vec![(
            Some("blocks its thread".to_owned()),
            StragglerReason::Blocking { others: 0 },
        )],
        false => Vec::new(),
    };
    bench.check(named == expected, || format!("named is {named:?}"))?;
    if !K::Payload::DROPPABLE {
        let left = runtime.left_behind();
        let left: Vec<_> = left.iter().map(|one| one.payload()).collect();
        bench.check(left == [Some("blocks its thread")], || {
            format!("left behind is {left:?}")
        })?;
    }
    Ok(Verdict::Kept)
}

/// L10: two runtimes at once have nothing in common but the key, and a third comes after them.
pub(crate) fn runtimes_share_nothing<K: Subject>(bench: &Bench<K>) -> Finding {
    bench.expect(
        &["L10"],
        "several runtimes use the flavour at once and one after the other",
    );
    let executes = |runtime: &Runtime| {
        let given = runtime.execute(bench.key(), K::Payload::payload(once(|| ())));
        given.map_err(|error| match error.kind() {
            ExecuteErrorKind::Rejected => bench.violation(error.to_string()),
            _ => bench.not_executed(&error),
        })
    };
    let (one, two) = (bench.started()?, bench.started()?);
    let (began, go) = (Gate::default(), Gate::default());
    let (begins, mut waits) = (began.clone(), crate::tools::after(&go, || 7));
    let outcome = Gate::default();
    let ends = outcome.clone();
    bench.adopt(&two, "lives on", move |context: &mut Context<'_>| {
        let waits = waits(context);
        begins.open();
        waits.map(|_| ends.open())
    })?;
    bench.until(&began, "the second runtime's payload did not start")?;
    executes(&one)?;
    bench.expect(
        &["L10", "CANCEL-5", "JOIN-2", "L5"],
        "a runtime ends, though another one uses the flavour",
    );
    one.shutdown();
    one.wait().map_err(|error| {
        let violation = bench.violation("what the runtime's report says");
        violation.with_report(&error)
    })?;
    bench.expect(
        &["L10"],
        "a runtime's payloads go on when another runtime has ended",
    );
    go.open();
    bench.until(&outcome, "the end of one runtime stopped another's payload")?;
    executes(&two)?;
    bench.stop_well(&two)?;
    let three = bench.started()?;
    executes(&three)?;
    bench.stop_well(&three)?;
    Ok(Verdict::Kept)
}

/// POLL-3, F2: an idle flavour waits for more.
pub(crate) fn an_empty_flavour_lives_on<K: Subject>(bench: &Bench<K>) -> Finding {
    let runtime = bench.started()?;
    bench.expect(
        &["POLL-3", "F2"],
        "a flavour on which every payload has ended takes the next one",
    );
    for number in 0..3 {
        let done = Gate::default();
        let ends = Opens(done.clone());
        let payload = K::Payload::payload(once(move || drop(ends)));
        runtime
            .named(format!("number {number}"))
            .adopt(bench.key(), payload)
            .map_err(|error| bench.violation(format!("the payload is refused: {error}")))?;
        bench.until(&done, "the payload did not run")?;
        // Long enough for a faulty flavour to end when it is empty.
        thread::sleep(Duration::from_millis(20));
    }
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}

/// CANCEL-5, JOIN-2, L5: an idle flavour ends, too: one whose only payload is long over, and one that has started
/// and got no payload.
pub(crate) fn an_idle_flavour_ends<K: Subject>(bench: &Bench<K>) -> Finding {
    bench.expect(
        &["CANCEL-5", "JOIN-2", "L5"],
        "a flavour that has nothing to do ends when it is asked to",
    );
    for _ in 0..10 {
        let runtime = bench.started()?;
        bench.execute(&runtime, once(|| ()))?;
        bench.stop_well(&runtime)?;
    }
    bench.expect(
        &["CANCEL-5", "JOIN-2", "L5"],
        "a flavour that has nothing to do ends when it is asked to",
    );
    let runtime = bench.builder().until_idle().build();
    bench.adopt(&runtime, "the only one", |_: &mut Context<'_>| {
        Poll::Ready(())
    })?;
    bench.ended_well(runtime.run())?;
    let runtime = bench.started()?;
    let (_, flavour) = bench.lend(&runtime)?;
    bench.cancel(&flavour);
    has_ended(bench, &flavour, &["CANCEL-5", "JOIN-2", "L5"])?;
    bench.stop_well(&runtime)?;
    Ok(Verdict::Kept)
}
