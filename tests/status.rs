//! A look inside: `Runtime::status`. Row I1.

mod common;

use std::future::pending;
use std::time::Duration;

use common::groups::*;
use common::services::*;
use common::*;
use foster::status::{RuntimeState, Status, StopCause, UnitKind, UnitNode};
use foster::{
    Clock, Exit, Manual, Restart, Runtime, Shutdown, Smol, Thread, Tokio, UnitState, service,
};

on_every_flavour!(
    i1_a_service_is_shown_with_all_that_became_of_it,
    i1_a_stop_says_what_it_waits_for,
    i1_payloads_are_counted_by_name_or_place,
);

on_async_flavours!(i1_a_status_is_there_while_an_executor_hangs);

once!(
    i1_the_life_of_a_runtime,
    i1_units_stand_in_their_tree,
    i1_who_waits_for_whom,
    i1_why_it_stops,
    i1_a_very_deep_tree_is_listed,
    i1_a_limit_is_shown,
);

fn node<'a>(status: &'a Status, name: &str) -> &'a UnitNode {
    let node = status.units.iter().find(|unit| unit.name == name);
    node.unwrap_or_else(|| panic!("`{name}` is listed in {:#?}", status.units))
}

fn i1_the_life_of_a_runtime() {
    let clock = Clock::manual();
    let runtime = builder().clock(clock.clone()).build();
    clock.advance(Duration::from_secs(2));
    let status = runtime.status();
    assert_eq!(
        (status.state, status.is_ready),
        (RuntimeState::Waiting, false)
    );
    assert_eq!(
        (status.age, status.state_age),
        (Duration::from_secs(2), Duration::from_secs(2))
    );
    assert!(status.stop.is_none() && status.flavours.is_empty() && status.units.is_empty());
    runtime.start().unwrap();
    expect("it runs", || {
        runtime.status().state == RuntimeState::Running
    });
    clock.advance(Duration::from_secs(3));
    let status = runtime.status();
    assert_eq!(
        (status.age, status.state_age),
        (Duration::from_secs(5), Duration::from_secs(3))
    );
    assert!(status.is_ready, "it has waited for nobody");
    runtime.shutdown();
    runtime.wait().unwrap();
    let status = runtime.status();
    assert_eq!((status.state, status.failures), (RuntimeState::Over, 0));
    let stop = status.stop.expect("it has stopped");
    assert_eq!(
        (stop.cause, stop.waits_for, stop.waits_for_more),
        (StopCause::Call, vec![], 0)
    );
}

fn i1_a_service_is_shown_with_all_that_became_of_it<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = Restart::on_failure()
        .delay(Duration::from_secs(4))
        .jitter(0.0)
        .limit(3, Duration::from_secs(60));
    let unit = runtime.unit().name("flaps").restart(restart);
    let unit = flavour
        .serve(unit, || async { Err::<(), _>("no luck") })
        .unwrap();
    expect("it waits for its restart", || {
        unit.state() == UnitState::Delayed
    });
    clock.advance(Duration::from_secs(1));
    let status = runtime.status();
    let node = node(&status, "flaps");
    assert_eq!(
        (node.kind, node.depth, node.state),
        (UnitKind::Service, 0, UnitState::Delayed)
    );
    assert_eq!(node.flavour.as_deref(), Some(F::NAME));
    assert_eq!((node.restarts, node.state_age), (0, Duration::from_secs(1)));
    assert_eq!(node.next_start, Some(Duration::from_secs(3)));
    let counted = node.counted.expect("it has a limit");
    assert_eq!(
        (counted.starts, counted.limit, counted.window),
        (1, 3, Duration::from_secs(60))
    );
    let failure = node.last_failure.as_deref().expect("it has failed");
    assert!(
        failure.contains("service `flaps`") && failure.contains("no luck"),
        "{failure}"
    );
    assert!(!node.may_fail);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i1_a_stop_says_what_it_waits_for<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("ports").create().unwrap();
    let holder = flavour.holder(&group);
    let go = Event::new();
    let goes = go.clone();
    let run = move || {
        let goes = goes.clone();
        async move {
            Shutdown::current().requested().await;
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let unit = flavour.serve(runtime.unit().name("flush"), run).unwrap();
    expect("it runs", || unit.state() == UnitState::Running);
    runtime.shutdown();
    holder.asked.expect("it is asked");
    expect("it is asked", || unit.state() == UnitState::Stopping);
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.waits_for.len(), 2, "{:?}", stop.waits_for);
    assert_eq!(stop.waits_for[0], "flush");
    assert!(stop.waits_for[1].contains("ports/"), "{:?}", stop.waits_for);
    assert!(stop.grace_left > Duration::from_secs(1));
    go.happen();
    expect("one is over", || {
        runtime.status().stop.unwrap().waits_for.len() == 1
    });
    holder.go.happen();
    runtime.wait().unwrap();
}

fn i1_payloads_are_counted_by_name_or_place<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("conns").create().unwrap();
    let go = Event::new();
    let many = || {
        let goes = go.clone();
        let wait = move || async move {
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        };
        flavour.adopt_in(&group, wait).unwrap();
    };
    (0..3).for_each(|_| many());
    let goes = go.clone();
    let named = move || async move {
        while !goes.has_happened() {
            futures_lite::future::yield_now().await;
        }
    };
    flavour.adopt_in_as(&group, "peer", named).unwrap();
    expect("all are seen", || {
        let payloads = runtime.status().payloads;
        payloads.iter().map(|one| one.count).sum::<usize>() == 4
    });
    let status = runtime.status();
    let rows: Vec<_> = status
        .payloads
        .iter()
        .map(|one| (one.name.as_str(), one.count))
        .collect();
    assert_eq!(rows[1], ("peer", 1));
    assert_eq!(rows[0].1, 3);
    assert!(rows[0].0.contains(".rs:"), "{rows:?}");
    for payloads in &status.payloads {
        assert_eq!(
            (payloads.flavour.as_str(), payloads.group.as_deref()),
            (F::NAME, Some("conns"))
        );
    }
    let of_flavour = status
        .flavours
        .iter()
        .find(|one| one.name == F::NAME)
        .unwrap();
    assert_eq!(of_flavour.alive, 4);
    assert!(of_flavour.threads > 0);
    assert_eq!(node(&status, "conns").payloads, 4);
    go.happen();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i1_a_status_is_there_while_an_executor_hangs<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let go = busy(&runtime, flavour);
    for _ in 0..1_000 {
        flavour.adopt(&runtime, || ()).unwrap();
    }
    let status = runtime.status();
    let hung = &status.flavours[0];
    assert_eq!((hung.threads, hung.alive, hung.queued), (1, 1_001, 1_001));
    go.happen();
    expect("all are over", || runtime.status().flavours[0].alive == 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i1_units_stand_in_their_tree() {
    let runtime = started();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    runtime
        .unit()
        .name("last")
        .serve(service(Smol, pending::<()>))
        .unwrap();
    inner
        .unit()
        .name("deep")
        .serve(service(Tokio, pending::<()>))
        .unwrap();
    let parent = || async {
        let children = foster::Group::current();
        children
            .unit()
            .name("child")
            .serve(service(Smol, pending::<()>))
            .unwrap();
        children.adopt(Smol, pending::<()>).unwrap();
        pending::<()>().await;
    };
    runtime
        .unit()
        .name("parent")
        .serve(service(Smol, parent))
        .unwrap();
    expect("the child runs", || {
        runtime
            .unit_named("parent/child")
            .is_some_and(|unit| unit.state() == UnitState::Running)
    });
    let adopter = || async {
        foster::Group::current().adopt(Smol, pending::<()>).unwrap();
        pending::<()>().await;
    };
    runtime.named("maker").adopt(Smol, adopter).unwrap();
    expect("its group is there", || runtime.status().units.len() == 7);
    let status = runtime.status();
    let rows: Vec<_> = status
        .units
        .iter()
        .map(|one| (one.depth, one.name.as_str(), one.kind))
        .collect();
    assert_eq!(
        rows,
        [
            (0, "outer", UnitKind::Group),
            (1, "outer/inner", UnitKind::Group),
            (2, "outer/inner/deep", UnitKind::Service),
            (0, "last", UnitKind::Service),
            (0, "parent", UnitKind::Service),
            (1, "parent/child", UnitKind::Service),
            (0, "maker", UnitKind::OfPayload),
        ]
    );
    // In the group of its run.
    assert_eq!(node(&status, "parent").payloads, 1);
    assert_eq!(node(&status, "outer").flavour, None);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i1_who_waits_for_whom() {
    let runtime = started();
    let never_ready = service(Smol, pending::<()>);
    runtime
        .unit()
        .name("base")
        .notifies_ready()
        .serve(never_ready)
        .unwrap();
    let held = || async {
        Shutdown::current().requested().await;
    };
    runtime
        .unit()
        .name("above")
        .after("base")
        .serve(service(Smol, held))
        .unwrap();
    let status = runtime.status();
    assert_eq!(node(&status, "above").state, UnitState::Waiting);
    assert_eq!(node(&status, "above").waits_for, ["base"]);
    assert!(node(&status, "base").waits_for.is_empty());
    runtime.shutdown();
    runtime.wait().unwrap();

    // One that is asked to end after another.
    let runtime = started();
    let (go, run) = (Event::new(), || async {
        Shutdown::current().requested().await
    });
    let first = runtime
        .unit()
        .name("first")
        .serve(service(Smol, run))
        .unwrap();
    let goes = go.clone();
    let slow = move || {
        let goes = goes.clone();
        async move {
            Shutdown::current().requested().await;
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let second = runtime
        .unit()
        .name("second")
        .after("first")
        .serve(service(Smol, slow))
        .unwrap();
    expect("both run", || second.state() == UnitState::Running);
    runtime.shutdown();
    expect("it is asked", || second.state() == UnitState::Stopping);
    assert_eq!(first.state(), UnitState::Running);
    assert_eq!(node(&runtime.status(), "first").waits_for, ["second"]);
    go.happen();
    runtime.wait().unwrap();

    // A run that has returned, and whose children go on.
    let runtime = started();
    let parent = || async {
        foster::Group::current()
            .unit()
            .name("child")
            .serve(service(Smol, pending::<()>))
            .unwrap();
    };
    let parent = runtime
        .unit()
        .name("parent")
        .serve(service(Smol, parent))
        .unwrap();
    expect("its run is over", || parent.state() == UnitState::Finishing);
    assert_eq!(
        node(&runtime.status(), "parent").waits_for,
        ["parent/child"]
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i1_why_it_stops() {
    let cause = |runtime: &Runtime| runtime.status().stop.expect("it stops").cause;
    let runtime = started();
    runtime
        .named("bad")
        .adopt(Smol, || async { Err::<(), _>("no luck") })
        .unwrap();
    runtime.wait().unwrap_err();
    let StopCause::Failure(line) = cause(&runtime) else {
        panic!("{:?}", cause(&runtime));
    };
    assert!(line.contains("`bad`") && line.contains("no luck"), "{line}");
    assert_eq!(runtime.status().failures, 1);

    let runtime = builder().until_idle().build();
    runtime.run().unwrap();
    assert_eq!(cause(&runtime), StopCause::Idle);

    let runtime = started();
    runtime
        .serve(service(Smol, || async { Exit::Shutdown }))
        .unwrap();
    runtime.wait().unwrap();
    assert_eq!(cause(&runtime), StopCause::Service);
}

fn i1_a_very_deep_tree_is_listed() {
    let runtime = runtime();
    let mut groups = vec![runtime.group("0").create().unwrap()];
    for _ in 0..500 {
        let inner = groups.last().unwrap().group("0").create().unwrap();
        groups.push(inner);
    }
    let status = runtime.status();
    assert_eq!(status.units.len(), 501);
    assert_eq!(status.units.last().unwrap().depth, 500);
}

fn i1_a_limit_is_shown() {
    let runtime = runtime();
    let group = runtime.group("few").limit(2).create().unwrap();
    group.adopt(Manual::new(), pending::<()>).unwrap();
    let place = group.try_place().unwrap();
    let limit = node(&runtime.status(), "few").limit.expect("it has one");
    assert_eq!((limit.limit, limit.taken, limit.waiting), (2, 2, 0));
    drop(place);
    assert_eq!(node(&runtime.status(), "few").limit.unwrap().taken, 1);
    let blocking = runtime.group("threads").create().unwrap();
    blocking.adopt(Thread, || ()).unwrap();
    assert_eq!(node(&runtime.status(), "threads").payloads, 1);
}
