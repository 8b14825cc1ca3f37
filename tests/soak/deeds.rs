//! What is done in a life, from outside and from inside.

use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use async_io::{Async, Timer};
use foster::{Clock, Group, Payload, Restart, Settings, Shutdown, Unit};
use futures_lite::future::poll_once;
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::actor::{Actor, Role, Target, block, serve, turn};
use crate::hand;
use crate::program::On;
use crate::stage::{lock, soon};

/// What waits for nobody, and hands nothing in.
pub async fn small(actor: &mut Actor) {
    // A clock that somebody has to move holds its callers up.
    let waits =
        !(actor.stage.drawn.is_manual() && (actor.role == Role::Leaf || actor.on.is_none()));
    match actor.rng.u8(..7) {
        0 if actor.chance(20) => block(actor.stage.drawn.block),
        1 if waits => sleep(actor).await,
        2 if waits => {
            let (clock, time) = (actor.stage.clock.clone(), actor.time());
            let _ = clock.timeout(time, std::future::pending::<()>()).await;
        }
        3 => native(actor).await,
        4 if actor.on.is_some() => {
            let _ = Payload::current().name().len();
            let _ = Clock::current().now();
        }
        _ => turn().await,
    }
}

async fn sleep(actor: &mut Actor) {
    let time = match actor.rng.u8(..4) {
        0 => Duration::from_secs(3600),
        _ => actor.time(),
    };
    let sleep = actor.stage.clock.sleep(time);
    // Some are dropped under way.
    match actor.chance(50) || time > Duration::from_secs(1) {
        true => drop(soon(sleep).await),
        false => sleep.await,
    }
}

/// Timers and sockets of the executor's own.
async fn native(actor: &mut Actor) {
    let on_tokio = matches!(actor.on, Some(On::Tokio | On::Multi));
    let time = actor.time();
    match (actor.chance(50), on_tokio) {
        // Under a manual clock tokio's time may stand still.
        (true, true) => drop(soon(tokio::time::sleep(time)).await),
        (true, false) => drop(soon(Timer::after(time * 2)).await),
        (false, true) => {
            let Ok((mut left, mut right)) = tokio::net::UnixStream::pair() else {
                return actor.stage.wrong("there is no pair of sockets".to_owned());
            };
            let _ = left.write_all(b"x").await;
            let _ = right.read_u8().await;
        }
        (false, false) => {
            let Ok((mut left, mut right)) = Async::<UnixStream>::pair() else {
                return actor.stage.wrong("there is no pair of sockets".to_owned());
            };
            let _ = left.write_all(b"x").await;
            let _ = right.read_exact(&mut [0]).await;
        }
    }
}

/// Anything.
pub async fn any(actor: &mut Actor) {
    match actor.rng.u8(..100) {
        0..25 => small(actor).await,
        25..45 => adopt(actor),
        45..50 => execute(actor),
        50..58 => call(actor).await,
        58..66 => service(actor),
        66..74 => verb_of_a_unit(actor),
        74..80 => group(actor),
        80..84 => verb_of_a_group(actor),
        84..88 => place(actor).await,
        88..91 => token(actor),
        91..98 => look(actor).await,
        _ => verb_of_the_runtime(actor),
    }
}

/// Where something is handed in, and whether that is the runtime itself.
fn target(actor: &mut Actor) -> Option<(Target, Role)> {
    if !actor.stage.may_hand_in() {
        return None;
    }
    let group = match actor.rng.u8(..4) {
        0 => Group::try_current(),
        1 | 2 => actor.stage.any_group(&mut actor.rng),
        _ => None,
    };
    match group {
        Some(group) => Some((Target::Group(group), Role::Child)),
        None => Some((Target::Runtime(actor.stage.runtime()?), Role::Root)),
    }
}

fn name(actor: &mut Actor) -> Option<String> {
    (actor.chance(30)).then(|| format!("payload-{}", actor.rng.u8(..10)))
}

/// A refusal is none of these lives' business: that of a full group, of one that ends, of a runtime that does.
fn adopt(actor: &mut Actor) {
    let Some((target, role)) = target(actor) else {
        return;
    };
    let (on, name) = (actor.flavour(), name(actor));
    let payload = actor.next(role, on);
    let _ = hand!(&target, name, adopt, on, payload);
}

fn execute(actor: &mut Actor) {
    // A worker of tokio's that blocks may keep what the executed payload waits for.
    if actor.on == Some(On::Multi) || !actor.stage.started.load(SeqCst) {
        return;
    }
    let Some((target, _)) = target(actor) else {
        return;
    };
    let (on, name) = (actor.flavour(), name(actor));
    let payload = actor.next(Role::Leaf, on);
    // Its panic goes on here.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        hand!(&target, name, execute, on, payload)
    }));
}

async fn call(actor: &mut Actor) {
    let Some((target, _)) = target(actor) else {
        return;
    };
    let (on, name) = (actor.flavour(), name(actor));
    let payload = actor.next(Role::Leaf, on);
    let mut call = hand!(&target, name, call, on, payload).catch_panic();
    drop(target);
    match actor.rng.u8(..5) {
        0 => drop(call),
        1 => {
            // Dropped after so many polls.
            for _ in 0..actor.rng.u8(1..4) {
                if poll_once(&mut call).await.is_some() {
                    return;
                }
                turn().await;
            }
        }
        2 => actor.stage.keep(&mut actor.rng, call.started()),
        3 if actor.on.is_none_or(|on| on == On::Thread) => {
            let mut call = call.started();
            let _ = call.wait_timeout(match actor.stage.drawn.is_manual() {
                true => Duration::ZERO,
                false => Duration::from_millis(2),
            });
        }
        _ => drop(soon(call).await),
    }
}

fn service(actor: &mut Actor) {
    // A service may go on for ever, or restart.
    if actor.stage.drawn.brief {
        return;
    }
    let Some((target, _)) = target(actor) else {
        return;
    };
    let on = actor.flavour();
    let run = actor.next(Role::Run, on);
    let settings = settings(actor);
    let unit = match &target {
        Target::Runtime(runtime) => serve(runtime.unit().with(settings), run, on),
        Target::Group(group) => serve(group.unit().with(settings), run, on),
    };
    if let Ok(unit) = unit {
        lock(&actor.stage.units).push(unit);
    }
}

fn settings(actor: &mut Actor) -> Settings {
    let short = Duration::from_millis;
    let mut settings = Settings::new();
    if actor.chance(40) {
        settings = settings.name(format!("service-{}", actor.rng.u8(..5)));
    }
    let policy = match actor.rng.u8(..4) {
        0 => Restart::always(),
        1 => Restart::never(),
        _ => Restart::on_failure(),
    };
    let delay = short(actor.rng.u64(1..4));
    let policy = policy.delay(delay).max_delay(short(8));
    settings = settings.restart(policy.limit(actor.rng.u32(2..6), Duration::from_secs(60)));
    if actor.chance(50) {
        settings = settings.may_fail();
    }
    if actor.chance(20) {
        settings = settings.startable();
    }
    if actor.chance(20) {
        settings = settings.restart_on_reload();
    }
    if actor.chance(20) {
        settings = settings
            .notifies_ready()
            .start_timeout(short(actor.rng.u64(1..200)));
    }
    if actor.chance(30) {
        actor.stage.overruns.store(true, SeqCst);
        settings = settings.stop_time(short(actor.rng.u64(1..100)));
    }
    if actor.chance(10) {
        settings = settings.return_is_failure();
    }
    // Whole of which another is a part, or which others come after; a ring among them is refused.
    if actor.stage.started.load(SeqCst)
        && let Some(other) = actor.stage.any_unit(&mut actor.rng)
    {
        settings = match actor.rng.u8(..6) {
            0 => settings.after(&other),
            1 => settings.part_of(&other),
            _ => settings,
        };
    }
    settings
}

fn verb_of_a_unit(actor: &mut Actor) {
    let Some(unit) = actor.stage.any_unit(&mut actor.rng) else {
        return;
    };
    match actor.rng.u8(..9) {
        0 => unit.stop(),
        1 | 2 => unit.restart(),
        3 => unit.cancel(),
        4 => drop(unit.start()),
        5 => {
            let other = actor.stage.any_unit(&mut actor.rng);
            Unit::restart_together(std::iter::once(&unit).chain(&other));
        }
        6 => Unit::stop_together([&unit]),
        7 => actor.stage.keep(&mut actor.rng, unit.stopped()),
        _ => drop((unit.status(), unit.ready())),
    }
}

fn group(actor: &mut Actor) {
    let Some((target, _)) = target(actor) else {
        return;
    };
    let name = format!("group-{}", actor.rng.u8(..6));
    let mut builder = match &target {
        Target::Runtime(runtime) => runtime.group(name),
        Target::Group(group) => group.group(name),
    };
    if actor.chance(50) {
        builder = builder.limit(actor.rng.usize(1..5));
    }
    builder = match actor.rng.u8(..3) {
        0 => builder.may_fail(),
        1 => builder.each_may_fail(),
        _ => builder,
    };
    if let Ok(group) = builder.create() {
        lock(&actor.stage.groups).push(group);
    }
}

fn verb_of_a_group(actor: &mut Actor) {
    let Some(group) = actor.stage.any_group(&mut actor.rng) else {
        return;
    };
    match actor.rng.u8(..5) {
        0 => group.shutdown(),
        1 => group.cancel(),
        2 => {
            let mut groups = lock(&actor.stage.groups);
            let place = actor.rng.usize(..groups.len().max(1));
            let dropped = (place < groups.len()).then(|| groups.swap_remove(place));
            drop(groups);
            drop(dropped);
        }
        3 => actor.stage.keep(&mut actor.rng, group.stopped()),
        _ => drop((
            group.state(),
            group.running(),
            group.waiting(),
            group.units(),
        )),
    }
}

async fn place(actor: &mut Actor) {
    let Some(group) = actor.stage.any_group(&mut actor.rng) else {
        return;
    };
    let place = match actor.chance(50) {
        true => group.try_place().ok(),
        false => soon(group.place()).await.and_then(Result::ok),
    };
    let Some(place) = place else {
        return;
    };
    // One that is held would keep an idle runtime from its end.
    match actor.chance(70) || actor.stage.drawn.brief {
        true if actor.stage.may_hand_in() => {
            let on = actor.flavour();
            let payload = actor.next(Role::Child, on);
            let _ = crate::give!(place, adopt, on, payload);
        }
        true => drop(place),
        false => actor.stage.keep(&mut actor.rng, place),
    }
}

fn token(actor: &mut Actor) {
    let Some(token) = Shutdown::try_current() else {
        return;
    };
    actor.holds = true;
    match actor.rng.u8(..4) {
        0 => actor.stage.keep(&mut actor.rng, token.clone()),
        1 => {
            let stage = std::sync::Arc::clone(&actor.stage);
            let request = token.on_request(move || drop(stage.runtime()));
            actor.stage.keep(&mut actor.rng, request);
        }
        2 => actor.stage.keep(&mut actor.rng, token.requested()),
        _ => drop(token.is_requested()),
    }
}

/// What only looks, or is told.
async fn look(actor: &mut Actor) {
    let Some(runtime) = actor.stage.runtime() else {
        return;
    };
    match actor.rng.u8(..7) {
        0 => drop(format!("{:?}", runtime.status())),
        1 => drop(soon(runtime.probe()).await),
        2 => actor.stage.keep(&mut actor.rng, runtime.changes(2)),
        3 => actor.stage.keep(&mut actor.rng, runtime.unit_changes(2)),
        4 => drop(soon(runtime.reload()).await),
        5 => drop((runtime.units(), runtime.group_named("group-1"))),
        _ => drop(soon(runtime.ready()).await),
    }
}

/// Mostly outside, so that lives last.
fn verb_of_the_runtime(actor: &mut Actor) {
    let Some(runtime) = actor.stage.runtime() else {
        return;
    };
    match actor.rng.u8(..10) {
        0 => runtime.shutdown(),
        1 => runtime.drain(),
        2 => {
            actor.stage.overruns.store(true, SeqCst);
            runtime.end_grace();
        }
        3 if actor.on.is_some() => {
            if runtime.start().is_ok() {
                actor.stage.wrong("it starts twice".to_owned());
            }
        }
        4 if actor.on.is_none() && actor.stage.drawn.is_manual() => {
            runtime.clock().advance(Duration::from_millis(50));
        }
        _ => drop((runtime.is_stopping(), runtime.is_draining())),
    }
}
