//! One random life: what is done in it, its end, and what must hold whatever was drawn.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use async_io::Timer;
use fastrand::Rng;
use foster::{FailureKind, RunError, RunErrorKind, StragglerReason};
use futures_lite::future::{block_on, or};

use crate::actor::{Actor, Role};
use crate::drawn::{Beginning, Drawn, End};
use crate::program::On;
use crate::stage::{Made, Mark, Stage, lock};
use crate::{deeds, give, told};

/// What a busy machine may add to the times of a stop.
const MARGIN: Duration = Duration::from_secs(10);

/// How long the last destructors and the last lines may take.
const SOON: Duration = Duration::from_secs(20);

/// Lives one life, which depends on `seed` alone, as far as threads let it.
pub fn live(seed: u64) -> Result<(), String> {
    let mut rng = Rng::with_seed(seed);
    let drawn = Drawn::new(&mut rng);
    let mark = Arc::new(());
    let runtime = drawn.build(&mut rng, Mark(Arc::clone(&mark)));
    let stage = Stage::new(runtime, drawn);
    let mut wrong = Vec::new();
    if let Err(text) = play(&stage, &mut rng) {
        wrong.push(text);
    }
    stage.over.store(true, SeqCst);
    stage.released.happen();
    stage.empty();
    if let Err(text) = all_is_dropped(&stage) {
        wrong.push(text);
    }
    if !by(Instant::now() + SOON, || Arc::strong_count(&mark) == 1) {
        let units = lock(&stage.units).len();
        wrong.push(format!(
            "the runtime is never dropped, with {units} handles to services"
        ));
    }
    let failures = std::mem::take(&mut *lock(&stage.failures));
    let is_told = |made: &Made| stage.stuck.load(SeqCst) || told::was_told(made.number);
    for made in failures {
        if !by(Instant::now() + SOON, || is_told(&made)) {
            wrong.push(format!(
                "failure {} was never told, of {}",
                made.number, made.by
            ));
        }
        told::forget(made.number);
    }
    wrong.append(&mut lock(&stage.wrong));
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n\nin {drawn:?}", wrong.join("\n"))),
    }
}

fn by(deadline: Instant, mut is_so: impl FnMut() -> bool) -> bool {
    loop {
        match is_so() {
            true => return true,
            false if Instant::now() > deadline => return false,
            false => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Every payload's closure, future and value owns the stage.
fn all_is_dropped(stage: &Arc<Stage>) -> Result<(), String> {
    let is_so = || {
        // A thread that was left behind may sleep, and may keep what owns the stage.
        stage.clock.advance(Duration::from_secs(1));
        stage.drop_kept();
        Arc::strong_count(stage) == 1
    };
    match by(Instant::now() + SOON, is_so) {
        true => Ok(()),
        false => Err(format!(
            "{} payloads are never dropped, {} of them coroutines that began",
            Arc::strong_count(stage) - 1,
            stage.inside.load(SeqCst),
        )),
    }
}

fn play(stage: &Arc<Stage>, rng: &mut Rng) -> Result<(), String> {
    let drawn = stage.drawn;
    hand(stage, rng.fork(), 3);
    let Some(runtime) = stage.runtime() else {
        return Err("there is no runtime".to_owned());
    };
    if drawn.beginning == Beginning::Never {
        drop(runtime);
        stage.empty();
        return Ok(());
    }
    let over = runtime.wait_async();
    stage.started.store(true, SeqCst);
    let (sender, receiver) = flume::bounded(1);
    if drawn.beginning == Beginning::Run {
        let runtime = runtime.clone();
        thread::spawn(move || sender.send(runtime.run()));
    } else {
        // One that was ended before returns at once.
        let started = runtime.start();
        started.map_err(|error| format!("no start: {error:?}"))?;
    }
    let over = async {
        match drawn.beginning {
            Beginning::Run => receiver
                .recv_async()
                .await
                .map_err(|_| "`run` panicked".to_owned()),
            _ => Ok(over.await),
        }
    };
    drop(runtime);
    let other = {
        let (stage, rng) = (Arc::clone(stage), rng.fork());
        thread::spawn(move || hand(&stage, rng, 8))
    };
    hand(stage, rng.fork(), 8);
    let joined = other.join();
    joined.map_err(|_| "a panic went to a hand".to_owned())?;
    end(stage, rng);
    let result = wait(stage, over)?;
    check(stage, &result)
}

/// What one thread outside does.
fn hand(stage: &Arc<Stage>, rng: Rng, most: u8) {
    let mut actor = Actor::outside(stage, rng);
    for _ in 0..actor.rng.u8(1..=most) {
        block_on(deeds::any(&mut actor));
    }
}

fn end(stage: &Arc<Stage>, rng: &mut Rng) {
    if stage.drawn.end == End::Dropped {
        return stage.empty();
    }
    let Some(runtime) = stage.runtime() else {
        return;
    };
    match stage.drawn.end {
        // It is idle soon, if nothing is kept.
        _ if stage.drawn.brief && rng.bool() => {
            drop(runtime);
            stage.drop_kept();
        }
        End::Drain => runtime.drain(),
        End::Hastily => {
            stage.overruns.store(true, SeqCst);
            runtime.shutdown();
            runtime.end_grace();
        }
        End::Failure => {
            let mut actor = Actor::outside(stage, rng.fork());
            let payload = actor.next(Role::Root, On::Smol).that_fails();
            let on = actor.flavour();
            if give!(&runtime, adopt, on, payload).is_err() {
                runtime.shutdown();
            }
        }
        _ => runtime.shutdown(),
    }
}

/// The result, which has to come within the times that were drawn.
fn wait(
    stage: &Arc<Stage>,
    over: impl Future<Output = Result<Result<(), RunError>, String>>,
) -> Result<Result<(), RunError>, String> {
    let drawn = stage.drawn;
    let real = match drawn.is_manual() {
        true => SOON,
        false => drawn.drain.unwrap_or_default() + drawn.grace + drawn.cancel,
    };
    let (begin, mut over) = (Instant::now(), pin!(over));
    loop {
        let some_time = async {
            Timer::after(Duration::from_millis(5)).await;
            None
        };
        if let Some(result) = block_on(or(async { Some((&mut over).await) }, some_time)) {
            stage.over.store(true, SeqCst);
            return result;
        }
        if begin.elapsed() > real + MARGIN {
            let status = stage.runtime().map(|runtime| runtime.status());
            return Err(format!(
                "it is not over {:?} after its end was asked for\n{status:#?}",
                begin.elapsed()
            ));
        }
        stage.clock.advance(Duration::from_secs(1));
    }
}

fn check(stage: &Arc<Stage>, result: &Result<(), RunError>) -> Result<(), String> {
    let report = |error: &RunError| format!("{error:?}");
    let (failures, stragglers) = match result {
        Ok(()) => Default::default(),
        Err(error) => (error.failures(), error.stragglers()),
    };
    if let Err(error) = result
        && error.kind() != RunErrorKind::Failed
    {
        return Err(format!("it ran into {error:?}"));
    }
    let mut is_stuck = false;
    for straggler in stragglers {
        let is_allowed = match straggler.reason() {
            StragglerReason::LeftBehind => true,
            StragglerReason::Overran | StragglerReason::NotAsked | StragglerReason::CutShort => {
                stage.overruns.load(SeqCst) || stage.drawn.may_be_stuck()
            }
            _ => {
                is_stuck = true;
                stage.drawn.may_be_stuck()
            }
        };
        if !is_allowed {
            return Err(format!("nobody should be late: {straggler:?}"));
        }
    }
    let inside = stage.inside.load(SeqCst);
    if inside > 0 && !is_stuck {
        return Err(format!("{inside} coroutines outlive the runtime"));
    }
    let mut reported = Vec::new();
    for failure in failures {
        let text = format!("{} {:?}", failure.message(), failure.chain());
        let mut numbers = told::numbers_in(&text);
        let is_known = match failure.kind() {
            FailureKind::Error | FailureKind::Panic => !numbers.is_empty(),
            FailureKind::Lost | FailureKind::OrphanedReturn => false,
            _ => !lock(&stage.units).is_empty(),
        };
        if !is_known {
            return Err(format!("nobody has made this failure: {failure:#}"));
        }
        reported.append(&mut numbers);
    }
    if is_stuck {
        // Who blocks its thread for so long may fail after the report is made, which standard error alone hears of.
        stage.stuck.store(true, SeqCst);
        return Ok(());
    }
    let omits = result.as_ref().is_err_and(|error| error.omitted() > 0);
    for made in &*lock(&stage.failures) {
        if made.is_the_runtimes && !omits && !reported.contains(&made.number) {
            let told = result.as_ref().err().map(report);
            return Err(format!(
                "failure {} of {} is not in the report: {told:?}",
                made.number, made.by
            ));
        }
    }
    Ok(())
}
