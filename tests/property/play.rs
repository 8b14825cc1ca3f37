//! Plays a program: the harness around one runtime, from its making to the last destructor.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use foster::{Failure, FailureKind, RunError, RunErrorKind, Runtime, Signals, StragglerReason};
use futures_lite::future::block_on;
use tokio::sync::watch;

use crate::log::{Log, What};
use crate::model;
use crate::player::Player;
use crate::program::{Act, Finish, Program, Start};

/// How long the runtime may take for an end that nothing holds up. Longer than the watchdog's
/// patience: a runtime that uses it up hangs.
const LONG: Duration = Duration::from_secs(600);

/// How long the last destructors may take once everything is open.
const SOON: Duration = Duration::from_secs(20);

/// What a program and everything in it can reach.
pub struct World {
    pub log: Arc<Log>,
    pub gates: [Gate; 3],
    /// Opens when the runtime is over and looked at: what was left behind may end.
    pub over: Gate,
    /// Hands wait for nothing, as flavours may be blocked.
    pub keeps_threads: bool,
    /// The one lasting handle.
    runtime: Mutex<Option<Runtime>>,
    /// What hands do aside, as it may not end before the runtime does.
    asides: Mutex<Vec<JoinHandle<()>>>,
}

impl World {
    pub fn runtime(&self) -> Option<Runtime> {
        let runtime = self.runtime.lock();
        runtime.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take_runtime(&self) -> Option<Runtime> {
        let runtime = self.runtime.lock();
        runtime.unwrap_or_else(PoisonError::into_inner).take()
    }

    pub fn wrong(&self, text: String) {
        self.log.write(None, What::Wrong(text));
    }

    /// Does `act` on a thread of its own, which is joined after the runtime's end.
    pub fn aside(self: &Arc<Self>, act: &Act) {
        let (world, act) = (Arc::clone(self), act.clone());
        let thread = thread::spawn(move || block_on(Player::outside(&world).act(&act)));
        let asides = self.asides.lock();
        asides.unwrap_or_else(PoisonError::into_inner).push(thread);
    }

    fn join_asides(&self) {
        let asides = self.asides.lock();
        let asides = std::mem::take(&mut *asides.unwrap_or_else(PoisonError::into_inner));
        for aside in asides {
            self.expect_no_panic(aside);
        }
    }

    fn expect_no_panic<R>(&self, thread: JoinHandle<R>) -> Option<R> {
        let joined = thread.join();
        if joined.is_err() {
            self.wrong("a panic went where it does not belong".to_owned());
        }
        joined.ok()
    }
}

/// Something that opens once, to be awaited in any executor.
pub struct Gate(watch::Sender<bool>);

impl Default for Gate {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub async fn wait(&self) {
        // An error would mean that the sender, which is here, is gone.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}

/// What the runtime said at its end.
#[derive(Debug, Default)]
pub struct Report {
    pub is_ok: bool,
    pub failures: Vec<Told>,
    pub omitted: usize,
    pub stragglers: Vec<(Option<String>, StragglerReason)>,
    /// `None` where no handle was left to ask, and no error to tell.
    pub left_behind: Option<Vec<String>>,
}

#[derive(Debug)]
pub struct Told {
    pub payload: String,
    pub flavour: String,
    pub kind: FailureKind,
    pub message: String,
    pub during_shutdown: bool,
}

impl From<&Failure> for Told {
    fn from(failure: &Failure) -> Self {
        Self {
            payload: failure.payload().to_owned(),
            flavour: failure.flavour().to_owned(),
            kind: failure.kind(),
            message: failure.message().to_owned(),
            during_shutdown: failure.during_shutdown(),
        }
    }
}

impl Report {
    fn new(result: &Result<(), RunError>, runtime: Option<&Runtime>) -> Self {
        let named = |list: &[foster::Straggler]| -> Vec<String> {
            let names = list.iter().filter_map(|one| one.payload());
            names.map(str::to_owned).collect()
        };
        let mut report = Self {
            is_ok: result.is_ok(),
            left_behind: runtime.map(|runtime| named(runtime.left_behind())),
            ..Self::default()
        };
        if let Err(error) = result {
            report.failures = error.failures().iter().map(Told::from).collect();
            report.omitted = error.omitted();
            let stragglers = error.stragglers().iter();
            report.stragglers = stragglers
                .map(|one| (one.payload().map(str::to_owned), one.reason()))
                .collect();
            report.left_behind = Some(named(error.left_behind()));
        }
        report
    }
}

/// Plays `program` and compares what happened with the model. What is wrong comes back as text,
/// together with all that happened, which is written to `log`.
pub fn play(program: &Program, signals: Signals, log: &Arc<Log>) -> Result<(), String> {
    let report = perform(program, signals, log);
    model::check(program, &log.read(), &report)
        .map_err(|wrong| format!("{wrong}\n\n{log}\n\n{report:#?}"))
}

fn perform(program: &Program, signals: Signals, log: &Arc<Log>) -> Report {
    let hasty = program.is_hasty();
    let mut builder = Runtime::builder()
        .signals(signals)
        .grace(if hasty { Duration::ZERO } else { LONG })
        .cancel_timeout(LONG);
    if program.until_idle {
        builder = builder.until_idle();
    }
    let world = Arc::new(World {
        log: Arc::clone(log),
        gates: Default::default(),
        over: Gate::default(),
        keeps_threads: program.keeps_threads(),
        runtime: Mutex::new(Some(builder.build())),
        asides: Mutex::default(),
    });
    block_on(Player::outside(&world).acts(&program.before));
    let report = match program.start {
        Start::Never => {
            // Refused at once, but each with a handle until then.
            world.join_asides();
            abandon(&world);
            Report {
                is_ok: true,
                left_behind: Some(Vec::new()),
                ..Report::default()
            }
        }
        Start::Parted | Start::Whole => run(&world, program),
    };
    world.log.write(None, What::Returned);
    world.gates.iter().for_each(Gate::open);
    world.over.open();
    world.join_asides();
    if !world.log.wait_for_all_drops(Instant::now() + SOON) {
        world.wrong("a payload is never dropped".to_owned());
    }
    drop(world.take_runtime());
    report
}

fn abandon(world: &World) {
    world.log.write(None, What::Abandoned);
    drop(world.take_runtime());
}

fn run(world: &Arc<World>, program: &Program) -> Report {
    let Some(runtime) = world.runtime() else {
        return Report::default();
    };
    let over = runtime.wait_async();
    let running = match program.start {
        Start::Whole => {
            let (world, runtime) = (Arc::clone(world), runtime.clone());
            Some(thread::spawn(move || {
                let result = runtime.run();
                note_start(&world, &result);
                result
            }))
        }
        _ => {
            note_start(world, &runtime.start());
            None
        }
    };
    drop(runtime);
    let hands = program.hands.clone().map(|acts| {
        let world = Arc::clone(world);
        thread::spawn(move || block_on(Player::outside(&world).acts(&acts)))
    });
    for hand in hands {
        world.expect_no_panic(hand);
    }
    world.gates.iter().for_each(Gate::open);
    if !program.ends_by_itself() {
        match program.finish {
            Finish::ByDrop if program.can_be_abandoned() => abandon(world),
            _ => block_on(Player::outside(world).act(&Act::Shutdown)),
        }
    }
    let ran = running.and_then(|running| world.expect_no_panic(running));
    let result = match ran {
        Some(ran) if kind(&ran) != Some(RunErrorKind::AlreadyStarted) => ran,
        _ => block_on(over),
    };
    Report::new(&result, world.runtime().as_ref())
}

fn kind(result: &Result<(), RunError>) -> Option<RunErrorKind> {
    result.as_ref().err().map(RunError::kind)
}

/// Notes how a start, or a run, went. A failure of what ran is none of the start.
pub fn note_start(world: &World, result: &Result<(), RunError>) {
    let first = match kind(result) {
        None | Some(RunErrorKind::Failed) => true,
        Some(RunErrorKind::AlreadyStarted) => false,
        Some(_) => return world.wrong(format!("a start went wrong: {result:?}")),
    };
    world.log.write(None, What::StartTried(first));
}
