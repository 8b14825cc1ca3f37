//! Engines that do not answer, answer late, or take the lease away.

use foster_lease::Delivery;

use super::*;

/// What becomes of the calls of one holder from now on.
fn have(stage: &Stage, holder: &'static str, call: &'static str, delivery: Delivery) {
    stage.engine.on_call(move |request| {
        let is_it = request.holder == holder && (call.is_empty() || request.call == call);
        match is_it {
            true => delivery.clone(),
            false => Delivery::Now,
        }
    });
}

#[test]
fn a_lease_that_cannot_be_renewed_ends_the_work_before_it_does() {
    let stage = Stage::new(Clock::manual());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    let second = stage.replica("second");
    second.expect(UnitState::Standby);
    have(&stage, "first", "renew", Delivery::Swallow);
    stage.pass(seconds(8));
    stage.log.expect(&["first begins with 1"]);
    // Its stop time is a third of the lease: it is asked six seconds before the end.
    stage.pass_until("it is asked", || stage.log.read().len() >= 2);
    // Released, although no renewal came through.
    second.expect(UnitState::Held);
    stage
        .log
        .expect(&["first begins with 1", "first ends", "second begins with 2"]);
    first.expect(UnitState::Standby);
    assert!(!first.runtime.is_stopping(), "that is no failure");
    first.end();
    second.end();
}

#[test]
fn work_that_does_not_listen_is_cancelled_a_second_before_the_end() {
    let stage = Stage::new(Clock::manual());
    let (runtime, log) = (stage.runtime(), stage.log.clone());
    struct Dropped(Log);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.write("dropped".into());
        }
    }
    let work = service(Smol, move || {
        let dropped = Dropped(log.clone());
        async move {
            let (_token, _dropped) = (Shutdown::current(), dropped);
            std::future::pending::<()>().await;
        }
    });
    let unit = runtime
        .unit()
        .only_one(stage.lease("one"))
        .serve(work)
        .unwrap();
    let replica = Replica { runtime, unit };
    replica.expect(UnitState::Held);
    have(&stage, "one", "", Delivery::Swallow);
    stage.pass(seconds(13));
    assert!(stage.log.read().is_empty());
    stage.pass_until("it is cancelled", || !stage.log.read().is_empty());
    replica.end();
}

#[test]
fn one_that_was_taken_away_is_cancelled_at_the_next_renewal() {
    let stage = Stage::new(Clock::manual());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    stage.engine.take_away("billing");
    // Whether it could still write that it ends is chance.
    stage.pass_until("it has another turn", || {
        let log = stage.log.read();
        log.last().is_some_and(|last| last == "first begins with 2")
    });
    first.end();
}

#[test]
fn answers_out_of_order_extend_by_their_own_time() {
    let stage = Stage::new(Clock::manual());
    let first = stage.replica("first");
    first.expect(UnitState::Held);
    have(&stage, "first", "renew", Delivery::PutOffAnswer);
    stage.pass_until("two are on their way", || stage.engine.put_off() == 2);
    assert!(stage.engine.deliver(1) && stage.engine.deliver(0));
    // Beyond what the first acquire gave, less what the work needs to stop.
    stage.pass(seconds(4));
    stage.log.expect(&["first begins with 1"]);
    first.end();
}

#[test]
fn an_acquire_that_was_lost_on_its_way_back_is_tried_again() {
    let stage = Stage::new(Clock::manual());
    have(&stage, "first", "acquire", Delivery::SwallowAnswer);
    let first = stage.replica("first");
    until("the engine has given it", || {
        stage.engine.holder("billing").1 == 1
    });
    first.expect(UnitState::Standby);
    have(&stage, "first", "none", Delivery::Now);
    stage.pass_until("it has a turn", || first.unit.state() == UnitState::Held);
    stage.log.expect(&["first begins with 2"]);
    first.end();
}

#[test]
fn an_engine_that_fails_and_comes_back_is_no_failure() {
    let stage = Stage::new(Clock::manual());
    have(
        &stage,
        "first",
        "",
        Delivery::Refuse("connection refused".into()),
    );
    let first = stage.replica("first");
    first.expect(UnitState::Standby);
    stage.pass(seconds(60));
    first.expect(UnitState::Standby);
    have(&stage, "first", "none", Delivery::Now);
    stage.pass_until("it has a turn", || first.unit.state() == UnitState::Held);
    assert!(!first.runtime.is_stopping());
    first.end();
}

#[test]
fn an_engine_that_panics_is_one_that_fails() {
    #[derive(Debug)]
    struct Panics;
    impl Lease for Panics {
        fn name(&self) -> &str {
            "billing"
        }
        fn length(&self) -> Duration {
            LENGTH
        }
        fn acquire(&self, _: foster_lease::Answer<foster_lease::Acquired>) {
            panic!("the client is broken")
        }
        fn renew(&self, _: u64, _: foster_lease::Answer<foster_lease::Renewed>) {}
        fn release(&self, _: u64, _: foster_lease::Answer<()>) {}
        fn watch(&self, _: foster_lease::Answer<()>) {}
        fn members(&self, _: foster_lease::Answer<Vec<String>>) {}
    }
    let stage = Stage::new(Clock::system());
    let runtime = stage.runtime();
    let unit = runtime
        .unit()
        .only_one(Arc::new(Panics))
        .group(|_| Ok(()))
        .unwrap();
    until("it stands by", || unit.state() == UnitState::Standby);
    runtime.shutdown();
    runtime.wait().unwrap();
}
