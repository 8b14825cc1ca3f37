//! The end of a turn.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use foster::Group;

use super::*;

#[test]
fn the_lease_is_released_when_all_that_the_work_began_is_over() {
    let stage = Stage::new(Clock::system());
    let (runtime, log) = (stage.runtime(), stage.log.clone());
    let (hold, held) = flume::bounded::<()>(0);
    let work = service(Smol, move || {
        let (log, held) = (log.clone(), held.clone());
        let asked = log.clone();
        async move {
            let token = Shutdown::current();
            let child = move || async move {
                let _token = Shutdown::current();
                let _ = held.recv_async().await;
                log.write("the child ends".into());
            };
            Group::current().adopt(Smol, child).unwrap();
            token.requested().await;
            asked.write("asked".into());
        }
    });
    let unit = runtime
        .unit()
        .only_one(stage.lease("one"))
        .serve(work)
        .unwrap();
    until("it is held", || unit.state() == UnitState::Held);
    let group = runtime.group_named("billing/1").unwrap();
    until("the child is there", || group.taken() == 2);
    runtime.shutdown();
    stage.log.expect(&["asked"]);
    assert_eq!(stage.engine.holder("billing").0.as_deref(), Some("one"));
    drop(hold);
    runtime.wait().unwrap();
    assert_eq!(stage.engine.holder("billing"), (None, 1));
    stage.log.expect(&["asked", "the child ends"]);
}

#[test]
fn a_service_that_returns_is_over_and_its_lease_is_free() {
    let stage = Stage::new(Clock::system());
    let runtime = stage.runtime();
    let work = service(Smol, || async {});
    let unit = runtime
        .unit()
        .only_one(stage.lease("one"))
        .serve(work)
        .unwrap();
    assert!(unit.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Ended);
    assert_eq!(stage.engine.holder("billing"), (None, 1));
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn a_failure_ends_the_runtime_and_the_next_one_takes_over() {
    let stage = Stage::new(Clock::system());
    for may_fail in [false, true] {
        let runtime = stage.runtime();
        let work = service(Smol, || async { Err::<(), _>("no money") });
        let unit = match may_fail {
            true => runtime.unit().may_fail(),
            false => runtime.unit(),
        };
        let unit = unit.only_one(stage.lease("one")).serve(work).unwrap();
        assert!(unit.wait_stopped(SOON));
        until("it is released", || {
            stage.engine.holder("billing").0.is_none()
        });
        assert_eq!(runtime.is_stopping(), !may_fail);
        runtime.shutdown();
        match runtime.wait() {
            Ok(()) => assert!(may_fail && unit.state() == UnitState::Failed),
            Err(error) => assert!(
                !may_fail && error.to_string().contains("no money"),
                "{error}"
            ),
        }
    }
    let next = stage.replica("next");
    next.expect(UnitState::Held);
    next.end();
}

#[test]
fn a_service_that_restarts_does_so_within_its_turn() {
    let stage = Stage::new(Clock::system());
    let (runtime, log) = (stage.runtime(), stage.log.clone());
    let work = service(Smol, move || {
        let log = log.clone();
        async move {
            log.write(format!("run of {}", Fence::current()));
            if log.read().len() < 3 {
                return Err("again");
            }
            Shutdown::current().requested().await;
            Ok(())
        }
    });
    let restart = foster::Restart::on_failure().delay(Duration::from_millis(1));
    let gated = runtime.unit().only_one(stage.lease("one"));
    let unit = gated
        .each(foster::Settings::new().restart(restart))
        .serve(work);
    let unit = unit.unwrap();
    stage.log.expect(&["run of 1", "run of 1", "run of 1"]);
    assert_eq!(unit.state(), UnitState::Held);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[test]
fn one_that_stands_by_ends_at_once() {
    let stage = Stage::new(Clock::system());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    let second = stage.replica("second");
    second.expect(UnitState::Standby);
    second.end();
    assert_eq!(stage.engine.holder("billing"), (Some("first".into()), 1));
    first.end();
}

/// In the reverse of the order in which they started, as any other (row V11).
#[test]
fn what_comes_after_it_ends_before_the_work_does() {
    let stage = Stage::new(Clock::system());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    let log = stage.log.clone();
    let after = service(Smol, move || {
        let log = log.clone();
        async move {
            Shutdown::current().requested().await;
            log.write("what comes after it ends".into());
        }
    });
    let unit = first.runtime.unit().name("after").after("billing");
    assert!(unit.serve(after).unwrap().wait_ready(SOON));
    stage.log.expect(&["first begins with 1"]);
    first.end();
    stage.log.expect(&[
        "first begins with 1",
        "what comes after it ends",
        "first ends",
    ]);
}

#[test]
fn with_a_thread_left_behind_nothing_is_released() {
    let stage = Stage::new(Clock::manual());
    let runtime = stage.runtime();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = Mutex::new(Some(gone));
    let released = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&released);
    stage.engine.on_call(move |request| {
        if (request.call, request.holder.as_str()) == ("release", "one") {
            counted.fetch_add(1, SeqCst);
        }
        foster_lease::Delivery::Now
    });
    // It takes no token, so that the stop leaves it behind.
    let work = service(foster::Thread, move || {
        let gone = gone.lock().unwrap().take();
        if let Some(gone) = gone {
            let _ = gone.recv_timeout(SOON * 2);
        }
    });
    let gated = runtime.unit().only_one(stage.lease("one"));
    let gated = gated.on_overrun(foster_lease::Overrun::Tell);
    let unit = gated.serve(work).unwrap();
    until("it is held", || unit.state() == UnitState::Held);
    unit.stop();
    stage.pass_until("its unit is over", || unit.state().is_over());
    assert_eq!(released.load(SeqCst), 0, "something of it goes on");
    let second = stage.replica("second");
    drop(go);
    stage.pass_until("it has run out", || second.unit.state() == UnitState::Held);
    assert_eq!(released.load(SeqCst), 0);
    second.end();
    runtime.shutdown();
    let waits = runtime.clone();
    let waiting = std::thread::spawn(move || waits.wait());
    until("it ends", || {
        stage.clock.advance(Duration::from_millis(100));
        waiting.is_finished()
    });
}
