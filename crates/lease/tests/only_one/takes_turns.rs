//! One after the other.

use std::sync::mpsc::channel;

use foster::{Group, Thread};

use super::*;

#[test]
fn the_next_one_begins_when_the_one_before_has_ended() {
    let stage = Stage::new(Clock::system());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    stage.log.expect(&["first begins with 1"]);
    let second = stage.replica("second");
    second.expect(UnitState::Standby);
    assert!(second.unit.state().is_ready());
    assert_eq!(stage.engine.holder("billing"), (Some("first".into()), 1));
    let began = Instant::now();
    first.end();
    second.expect(UnitState::Held);
    assert!(
        began.elapsed() < seconds(10),
        "it watches, and need not wait until the lease runs out"
    );
    stage
        .log
        .expect(&["first begins with 1", "first ends", "second begins with 2"]);
    second.end();
    assert_eq!(stage.engine.holder("billing"), (None, 2));
}

#[test]
fn what_comes_after_one_that_stands_by_runs() {
    let stage = Stage::new(Clock::system());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    let second = stage.replica("second");
    let after = second.runtime.unit().name("after").after("billing");
    let after = after
        .serve(service(Smol, std::future::pending::<()>))
        .unwrap();
    assert!(after.wait_ready(SOON));
    second.expect(UnitState::Standby);
    first.end();
    second.end();
}

#[test]
fn all_that_a_turn_does_has_its_fence() {
    let stage = Stage::new(Clock::system());
    let runtime = stage.runtime();
    assert!(Fence::try_current().is_none());
    let (found, is_found) = channel();
    let outer = runtime.clone();
    let work = service(Smol, move || {
        let (found, outer) = (found.clone(), outer.clone());
        async move {
            let mine = Fence::current();
            let (child, found_by_child) = (Group::current(), found.clone());
            child
                .adopt(Thread, move || {
                    found_by_child.send(Fence::current()).unwrap()
                })
                .unwrap();
            found
                .send(child.call(Thread, Fence::current).await.unwrap())
                .unwrap();
            found
                .send(outer.call(Thread, Fence::current).await.unwrap())
                .unwrap();
            assert!(mine.is_held() && mine.left() <= LENGTH);
            found.send(mine).unwrap();
            Shutdown::current().requested().await;
        }
    });
    let unit = runtime
        .unit()
        .only_one(stage.lease("one"))
        .serve(work)
        .unwrap();
    let fences: Vec<_> = (0..4)
        .map(|_| is_found.recv_timeout(SOON).unwrap())
        .collect();
    assert!(fences.iter().all(|fence| *fence == fences[0]), "{fences:?}");
    assert_eq!(fences[0].number(), 1);
    // It is over with its turn.
    unit.stop();
    assert!(unit.wait_stopped(SOON));
    assert!(!fences[0].is_held());
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn a_group_begins_anew_in_each_turn() {
    let stage = Stage::new(Clock::manual());
    let (runtime, log) = (stage.runtime(), stage.log.clone());
    let fill = move |group: &Group| {
        for name in ["one", "other"] {
            let log = log.clone();
            let payload = move || async move {
                log.write(format!("{name} of {}", Fence::current()));
                Shutdown::current().requested().await;
            };
            group.named(name).adopt(Smol, payload)?;
        }
        Ok(())
    };
    let unit = runtime.unit().name("batch");
    let unit = unit.only_one(stage.lease("one")).group(fill).unwrap();
    let replica = Replica { runtime, unit };
    replica.expect(UnitState::Held);
    until("both run", || stage.log.read().len() == 2);
    assert!(replica.runtime.group_named("batch/1").is_some());
    stage.engine.take_away("billing");
    stage.pass_until("it has another turn", || stage.log.read().len() == 4);
    let mut log = stage.log.read();
    log.sort();
    assert_eq!(log, ["one of 1", "one of 2", "other of 1", "other of 2"]);
    replica.end();
}

#[test]
fn times_that_cannot_work_are_refused() {
    let stage = Stage::new(Clock::system());
    let runtime = stage.runtime();
    let gated = runtime
        .unit()
        .only_one(stage.lease("one"))
        .stop_time(seconds(14));
    let error = gated.group(|_| Ok(())).unwrap_err().to_string();
    assert!(
        error.contains("a lease of 15s") && error.contains("14s to stop"),
        "{error}"
    );
    let _taken = runtime
        .unit()
        .name("billing")
        .serve(service(Smol, std::future::pending::<()>));
    let error = runtime
        .unit()
        .only_one(stage.lease("one"))
        .group(|_| Ok(()))
        .unwrap_err();
    assert!(error.to_string().contains("billing"), "{error}");
    runtime.shutdown();
    runtime.wait().unwrap();
}
