//! One random life: its settings, what is done in it, its end, and what must hold whatever was drawn.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use async_io::Timer;
use fastrand::Rng;
use foster::{Clock, FailureKind, RunError, RunErrorKind, Runtime, StragglerReason};
use futures_lite::future::{block_on, or};

use crate::actor::{Actor, Role};
use crate::common::builder;
use crate::program::On;
use crate::stage::{Made, Mark, Stage, lock};
use crate::{deeds, give, told};

/// What a busy machine may add to the times of a stop.
const MARGIN: Duration = Duration::from_secs(10);

/// How long the last destructors and the last lines may take.
const SOON: Duration = Duration::from_secs(20);

/// Long enough for whoever ends when asked, where hundreds of threads of others want to run. Whom nobody wakes has overrun
/// this as well.
const LONG: Duration = Duration::from_secs(30);

/// Longer than any life, on a clock that is moved.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// The settings of a life.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    pub clock: Time,
    pub grace: Duration,
    pub cancel: Duration,
    pub drain: Option<Duration>,
    /// It ends when it is idle, and all payloads end by themselves.
    pub brief: bool,
    /// How long payloads block their threads.
    pub block: Duration,
    pub beginning: Beginning,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    System,
    Manual,
    ManualWithExecutors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    Start,
    Run,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Shutdown,
    Drain,
    Hastily,
    Failure,
    /// The last handle is dropped.
    Dropped,
}

impl Drawn {
    fn new(rng: &mut Rng) -> Self {
        let millis = Duration::from_millis;
        let clock = match rng.u8(..10) {
            0 => Time::ManualWithExecutors,
            1 | 2 => Time::Manual,
            _ => Time::System,
        };
        // What blocks its thread longer than the cancel time is a straggler.
        let (cancel, block) = match (clock, rng.u8(..10)) {
            (Time::System, 0) => (millis(5), millis(50)),
            (Time::System, _) => (LONG, millis(3)),
            // This, too, passes in some seconds.
            _ => (FOR_EVER, millis(3)),
        };
        let grace = match (clock, rng.u8(..10)) {
            (_, 0) => Duration::ZERO,
            (_, 1) => LONG,
            (Time::System, _) => millis(rng.u64(5..50)),
            _ => Duration::from_secs(rng.u64(1..10)),
        };
        let ends = [
            End::Shutdown,
            End::Shutdown,
            End::Drain,
            End::Hastily,
            End::Failure,
            End::Dropped,
        ];
        let brief = rng.u8(..5) == 0;
        let beginning = match rng.u8(..20) {
            0 => Beginning::Never,
            1..8 => Beginning::Run,
            _ => Beginning::Start,
        };
        Self {
            clock,
            grace,
            cancel,
            drain: (rng.bool()).then(|| millis(rng.u64(1..20))),
            brief,
            block,
            beginning,
            end: match beginning {
                // `run` has a handle itself.
                Beginning::Run => ends[rng.usize(..ends.len() - 1)],
                _ => ends[rng.usize(..ends.len())],
            },
        }
    }

    pub fn is_manual(&self) -> bool {
        self.clock != Time::System
    }

    /// Whether payloads may outlast the cancel time.
    fn may_be_stuck(&self) -> bool {
        self.cancel < self.block
    }

    /// Whether who holds a token may have too little time to end.
    pub fn may_overrun(&self) -> bool {
        self.is_manual() || self.grace < LONG
    }

    /// Whether the grace time is ended, or too short.
    pub fn may_cut_short(&self) -> bool {
        self.may_overrun() || self.end == End::Hastily
    }

    fn build(&self, rng: &mut Rng, mark: Mark) -> Runtime {
        let clock = match self.clock {
            Time::System => Clock::system(),
            Time::Manual => Clock::manual(),
            Time::ManualWithExecutors => Clock::manual_with_executors(),
        };
        // A manual clock stands still at each look until the executor has answered, which takes long on a busy machine.
        let shortest = if self.is_manual() { 500 } else { 10 };
        let mut builder = builder()
            .quiet()
            .clock(clock)
            .grace(self.grace)
            .cancel_timeout(self.cancel)
            .reload_timeout(Duration::from_millis(rng.u64(1..50)))
            .stall_after(Duration::from_millis(rng.u64(shortest..2_000)));
        if let Some(drain) = self.drain {
            builder = builder.drain(drain);
        }
        if self.brief {
            builder = builder.until_idle();
        }
        let builder = builder.register(mark);
        builder.expect("no other has its identifier").build()
    }
}

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
