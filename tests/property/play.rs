//! Plays a program: the harness around one runtime, from its making to the last destructor.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use foster::{RunError, RunErrorKind, Runtime, Signals};
use futures_lite::future::block_on;

use crate::log::{Log, What};
use crate::player::Player;
use crate::program::{Act, Finish, Program, Start};
use crate::report::Report;
use crate::world::World;
use crate::{in_groups, model, reloads};

/// How long the runtime may take for an end that nothing holds up. Longer than the watchdog's
/// patience: a runtime that uses it up hangs.
pub const LONG: Duration = Duration::from_secs(600);

/// How long the last destructors may take once everything is open.
pub const SOON: Duration = Duration::from_secs(20);

/// How long services have to answer where one never does.
const SHORT: Duration = Duration::from_millis(20);

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
        .reload_timeout(if program.is_short_of_time() {
            SHORT
        } else {
            LONG
        })
        .cancel_timeout(LONG);
    if program.until_idle {
        builder = builder.until_idle();
    }
    let runtime = builder.build();
    let world = World::new(program, runtime.clone(), log);
    reloads::serve(&world, program, &runtime);
    drop(runtime);
    block_on(Player::outside(&world).acts(&program.before));
    let mut report = match program.start {
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
    world.open();
    reloads::look_at_all(&world, Duration::ZERO);
    world.over.open();
    world.join_asides();
    if !world.log.wait_for_all_drops(Instant::now() + SOON) {
        world.wrong("a payload is never dropped".to_owned());
    }
    reloads::look_at_all(&world, Duration::ZERO);
    report.groups = in_groups::at_the_end(&world);
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
    world.open();
    if !program.is_hasty() {
        // Nothing but a group's own end, and no other reload, has to come first.
        in_groups::wait_for_the_stopped(world);
        in_groups::wait_for_children_of_the_failed(world);
        reloads::look_at_all(world, SOON);
    }
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
