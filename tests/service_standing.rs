//! What a run says of itself, and what a group carries for all in it. Rows V21 and G6.

mod common;

use std::panic::catch_unwind;
use std::sync::mpsc::{Sender, channel};

use common::services::*;
use common::*;
use foster::{Group, Runtime, Shutdown, Standing, UnitState};

on_every_flavour!(
    v21_a_run_stands_by_and_has_its_turn,
    v21_what_comes_after_one_that_stands_by_starts,
    v21_a_run_says_nothing_before_it_is_ready_and_the_next_one_says_nothing,
    g6_all_in_a_group_find_what_it_carries,
);

once!(
    v21_outside_a_run_nothing_can_be_said,
    g6_outside_a_payload_nothing_is_carried,
    g6_what_the_nearest_group_carries_is_found_by_its_type,
    g6_an_execute_finds_what_its_submitter_finds,
    g6_calls_through_the_runtime_belong_to_the_group,
);

fn end(runtime: &Runtime) {
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// What a run does next.
#[derive(Clone, Copy)]
enum Say {
    Standby,
    Held,
    Ready,
}

/// A run that says what it is told to.
fn obedient<F: Host>(flavour: F, unit: foster::UnitBuilder<'_>) -> (Served, flume::Sender<Say>) {
    let (say, said) = flume::unbounded();
    let run = move || {
        let said = said.clone();
        async move {
            let (token, standing) = (Shutdown::current(), Standing::current());
            let ready = foster::Ready::current();
            let listen = async {
                while let Ok(word) = said.recv_async().await {
                    match word {
                        Say::Standby => standing.standby(),
                        Say::Held => standing.held(),
                        Say::Ready => ready.notify(),
                    }
                }
            };
            futures_lite::future::or(listen, token.requested()).await;
        }
    };
    (flavour.serve(unit, run).unwrap(), say)
}

fn v21_a_run_stands_by_and_has_its_turn<F: Host>(flavour: F) {
    let runtime = started();
    let mut changes = runtime.unit_changes(100);
    let (unit, say) = obedient(flavour, runtime.unit().name("obedient"));
    unit.expect(UnitState::Running);
    for (word, state, name) in [
        (Say::Standby, UnitState::Standby, "standby"),
        (Say::Held, UnitState::Held, "held"),
        (Say::Standby, UnitState::Standby, "standby"),
    ] {
        say.send(word).unwrap();
        unit.expect(state);
        assert!(unit.state().is_ready() && !unit.state().is_over());
        assert_eq!(unit.status().state(), state);
        assert_eq!(unit.state().to_string(), name);
        let of_runtime = runtime.status().units;
        let node = of_runtime.iter().find(|node| node.name == "obedient");
        assert_eq!(node.unwrap().state, state);
    }
    unit.stop();
    unit.expect(UnitState::Ended);
    // Who looks sees a state a moment before the stream has it.
    end(&runtime);
    let seen: Vec<_> = std::iter::from_fn(|| changes.try_recv())
        .map(|change| change.state())
        .collect();
    let expected = [
        UnitState::Starting,
        UnitState::Running,
        UnitState::Standby,
        UnitState::Held,
        UnitState::Standby,
        UnitState::Stopping,
        UnitState::Ended,
    ];
    // It may have waited for its flavour first.
    assert!(seen.ends_with(&expected), "{seen:?}");
}

fn v21_what_comes_after_one_that_stands_by_starts<F: Host>(flavour: F) {
    let runtime = started();
    let first = runtime.unit().name("first").notifies_ready();
    let (first, say) = obedient(flavour, first);
    let (second, _say) = obedient(flavour, runtime.unit().name("second").after("first"));
    say.send(Say::Standby).unwrap();
    say.send(Say::Ready).unwrap();
    first.expect(UnitState::Standby);
    second.expect(UnitState::Running);
    assert!(first.wait_ready(SOON));
    end(&runtime);
}

fn v21_a_run_says_nothing_before_it_is_ready_and_the_next_one_says_nothing<F: Host>(flavour: F) {
    let runtime = started();
    let unit = runtime.unit().name("late").notifies_ready();
    let (unit, say) = obedient(flavour, unit);
    say.send(Say::Held).unwrap();
    unit.expect(UnitState::Starting);
    say.send(Say::Ready).unwrap();
    unit.expect(UnitState::Held);
    unit.restart();
    expect("it runs again", || unit.restarts() == 1);
    unit.expect(UnitState::Starting);
    say.send(Say::Ready).unwrap();
    unit.expect(UnitState::Running);
    end(&runtime);
}

fn v21_outside_a_run_nothing_can_be_said() {
    assert!(Standing::try_current().is_none());
    let runtime = started();
    let is_none = runtime.execute(foster::Thread, || Standing::try_current().is_none());
    assert!(is_none.unwrap());
    let panic = catch_unwind(|| drop(Standing::current())).unwrap_err();
    let text = panic.downcast_ref::<String>().expect("a message");
    assert!(text.contains("Standing::current()"), "{text}");
    end(&runtime);
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Tenant(u32);
#[derive(Debug, Clone, Copy, PartialEq)]
struct Region(u32);

fn send_tenant(to: &Sender<Option<Tenant>>) {
    to.send(Group::carried_here()).unwrap();
}

fn g6_all_in_a_group_find_what_it_carries<F: Host>(flavour: F) {
    let runtime = started();
    let group = runtime.group("tenant").carry(Tenant(7)).create().unwrap();
    let inner = group.group("inner").create().unwrap();
    assert_eq!(inner.carried(), Some(Tenant(7)));
    assert_eq!(inner.carried::<Region>(), None);
    let (found, is_found) = channel();
    let next = || is_found.recv_timeout(SOON).unwrap();
    // A service, and a child of its run.
    let to = found.clone();
    let run = move || {
        let to = to.clone();
        async move {
            send_tenant(&to);
            let child = to.clone();
            Group::current()
                .adopt(foster::Thread, move || send_tenant(&child))
                .unwrap();
            Shutdown::current().requested().await;
        }
    };
    let _unit = flavour.serve(inner.unit().name("service"), run).unwrap();
    assert_eq!((next(), next()), (Some(Tenant(7)), Some(Tenant(7))));
    // A payload, and what is outside.
    for (here, expected) in [(&group, Some(Tenant(7))), (&inner, Some(Tenant(7)))] {
        let to = found.clone();
        here.adopt(foster::Thread, move || send_tenant(&to))
            .unwrap();
        assert_eq!(next(), expected);
    }
    let to = found.clone();
    runtime
        .adopt(foster::Thread, move || send_tenant(&to))
        .unwrap();
    assert_eq!(next(), None);
    end(&runtime);
}

fn g6_outside_a_payload_nothing_is_carried() {
    assert_eq!(Group::carried_here::<Tenant>(), None);
}

fn g6_what_the_nearest_group_carries_is_found_by_its_type() {
    let runtime: Runtime = started();
    let outer = runtime.group("outer").carry(Tenant(1)).create().unwrap();
    let middle = outer.group("middle").carry(Region(5)).create().unwrap();
    let inner = middle.group("inner").carry(Tenant(2)).create().unwrap();
    assert_eq!(middle.carried(), Some(Tenant(1)));
    assert_eq!(inner.carried(), Some(Tenant(2)));
    assert_eq!(inner.carried(), Some(Region(5)));
    end(&runtime);
}

fn g6_an_execute_finds_what_its_submitter_finds() {
    let runtime = started();
    let group = runtime.group("tenant").carry(Tenant(7)).create().unwrap();
    let other = runtime.group("other").carry(Tenant(8)).create().unwrap();
    let (found, is_found) = channel();
    let (inside, other) = (runtime.clone(), other.clone());
    group
        .adopt(foster::Thread, move || {
            let here = || Group::carried_here::<Tenant>();
            let by_runtime = inside.execute(foster::Thread, here).unwrap();
            let by_other = other.execute(foster::Thread, here).unwrap();
            found.send((by_runtime, by_other)).unwrap();
        })
        .unwrap();
    let found = is_found.recv_timeout(SOON).unwrap();
    assert_eq!(found, (Some(Tenant(7)), Some(Tenant(8))));
    end(&runtime);
}

fn g6_calls_through_the_runtime_belong_to_the_group() {
    for carries in [true, false] {
        let runtime = started();
        let builder = runtime.group("group");
        let builder = match carries {
            true => builder.carry(Tenant(7)),
            false => builder,
        };
        let group = builder.limit(9).create().unwrap();
        let (go, gone) = channel::<()>();
        let inside = runtime.clone();
        let run = move || async move {
            let _token = Shutdown::current();
            let called = move || {
                let _token = Shutdown::current();
                gone.recv_timeout(SOON).unwrap_err();
            };
            inside.call(foster::Thread, called).await.unwrap();
        };
        group.adopt(foster::Smol, run).unwrap();
        let expected = if carries { 2 } else { 1 };
        expect("they are there", || group.taken() == expected);
        group.shutdown();
        assert!(!group.wait_stopped(std::time::Duration::from_millis(20)));
        drop(go);
        assert!(group.wait_stopped(SOON));
        end(&runtime);
    }
}
