//! Several services at once: stopped, restarted and started in their order, and parts of others. Row V20.

mod common;

use std::time::Duration;

use common::services::*;
use common::*;
use foster::{Ready, Restart, Runtime, Shutdown, Unit, UnitState};

on_every_flavour!(
    v20_those_that_come_after_others_end_first,
    v20_they_restart_in_their_order,
    v20_they_start_in_their_order,
    v20_a_part_stops_with_the_whole,
    v20_a_part_restarts_with_a_whole_that_fails,
    v20_a_part_is_over_with_the_whole,
);

once!(v20_an_unknown_whole_is_refused);

/// What a stage of services does, in order.
#[derive(Clone)]
struct Play {
    runtime: Runtime,
    log: Log<String>,
}

impl Play {
    fn new() -> Self {
        let (runtime, log) = (started(), Log::new());
        Self { runtime, log }
    }

    fn serve<F: Host>(
        &self,
        flavour: F,
        name: &'static str,
        with: impl FnOnce(foster::UnitBuilder<'_>) -> foster::UnitBuilder<'_>,
    ) -> Served {
        let log = self.log.clone();
        let run = move || {
            let log = log.clone();
            async move {
                let token = Shutdown::current();
                log.write(format!("{name} begins"));
                Ready::current().notify();
                token.requested().await;
                log.write(format!("{name} ends"));
            }
        };
        let unit = with(self.runtime.unit().name(name).notifies_ready());
        let unit = flavour.serve(unit, run).unwrap();
        unit.expect(UnitState::Running);
        unit
    }

    /// Three that come after each other.
    fn three<F: Host>(&self, flavour: F) -> [Served; 3] {
        let first = self.serve(flavour, "first", |unit| unit.startable());
        let second = self.serve(flavour, "second", |unit| unit.after("first").startable());
        let third = self.serve(flavour, "third", |unit| unit.after("second").startable());
        [first, second, third]
    }

    #[track_caller]
    fn expect(&self, expected: &[&str]) {
        expect(&format!("{expected:?}"), || self.log.read() == expected);
    }

    fn end(self) {
        self.runtime.shutdown();
        self.runtime.wait().unwrap();
    }
}

const BEGUN: [&str; 3] = ["first begins", "second begins", "third begins"];
const ENDED: [&str; 3] = ["third ends", "second ends", "first ends"];

fn v20_those_that_come_after_others_end_first<F: Host>(flavour: F) {
    let play = Play::new();
    let [first, second, third] = play.three(flavour);
    Unit::stop_together([&*first, &*third]);
    first.expect(UnitState::Ended);
    play.expect(&[&BEGUN[..], &["third ends", "first ends"]].concat());
    assert_eq!(second.state(), UnitState::Running);
    assert_eq!(third.state(), UnitState::Ended);
    play.end();
}

fn v20_they_restart_in_their_order<F: Host>(flavour: F) {
    let play = Play::new();
    let all = play.three(flavour);
    Unit::restart_together(all.iter().map(|unit| &**unit));
    play.expect(&[BEGUN, ENDED, BEGUN].concat());
    for unit in &all {
        unit.expect(UnitState::Running);
        assert_eq!(unit.restarts(), 1);
    }
    play.end();
}

fn v20_they_start_in_their_order<F: Host>(flavour: F) {
    let play = Play::new();
    let all = play.three(flavour);
    Unit::stop_together(all.iter().map(|unit| &**unit));
    all[0].expect(UnitState::Ended);
    Unit::start_together(all.iter().rev().map(|unit| &**unit)).unwrap();
    play.expect(&[BEGUN, ENDED, BEGUN].concat());
    play.end();
}

fn v20_a_part_stops_with_the_whole<F: Host>(flavour: F) {
    let play = Play::new();
    let whole = play.serve(flavour, "whole", |unit| unit);
    let part = play.serve(flavour, "part", |unit| unit.after("whole").part_of("whole"));
    let other = play.serve(flavour, "other", |unit| unit.after("whole"));
    whole.restart();
    part.expect(UnitState::Running);
    play.expect(&[
        "whole begins",
        "part begins",
        "other begins",
        "part ends",
        "whole ends",
        "whole begins",
        "part begins",
    ]);
    part.expect(UnitState::Running);
    whole.stop();
    whole.expect(UnitState::Ended);
    assert_eq!(part.state(), UnitState::Ended);
    assert_eq!((other.state(), other.restarts()), (UnitState::Running, 0));
    play.end();
}

fn v20_a_part_restarts_with_a_whole_that_fails<F: Host>(flavour: F) {
    let play = Play::new();
    let fails = Event::new();
    let (log, fail) = (play.log.clone(), fails.clone());
    let run = move || {
        let (log, fail) = (log.clone(), fail.clone());
        async move {
            let token = Shutdown::current();
            let is_first = log.read().is_empty();
            log.write("whole begins".to_owned());
            Ready::current().notify();
            while is_first && !fail.has_happened() {
                futures_lite::future::yield_now().await;
            }
            if is_first {
                return Err("on purpose");
            }
            token.requested().await;
            Ok(())
        }
    };
    let restart = Restart::on_failure().delay(Duration::ZERO);
    let unit = play
        .runtime
        .unit()
        .name("whole")
        .notifies_ready()
        .restart(restart);
    let whole = flavour.serve(unit, run).unwrap();
    whole.expect(UnitState::Running);
    let part = play.serve(flavour, "part", |unit| unit.after("whole").part_of("whole"));
    fails.happen();
    expect("it starts again", || play.log.read().len() == 5);
    let seen = play.log.read();
    assert_eq!(&seen[..2], ["whole begins", "part begins"]);
    assert_eq!(seen[4], "part begins", "when the whole is ready: {seen:?}");
    assert_eq!((whole.restarts(), part.restarts()), (1, 1));
    play.end();
}

fn v20_a_part_is_over_with_the_whole<F: Host>(flavour: F) {
    let play = Play::new();
    let go = Event::new();
    let goes = go.clone();
    let run = move || {
        let goes = goes.clone();
        async move {
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let whole = flavour
        .serve(play.runtime.unit().name("whole"), run)
        .unwrap();
    whole.expect(UnitState::Running);
    let part = play.serve(flavour, "part", |unit| unit.part_of("whole"));
    go.happen();
    whole.expect(UnitState::Ended);
    part.expect(UnitState::Ended);
    play.end();
}

fn v20_an_unknown_whole_is_refused() {
    let play = Play::new();
    let unit = play.runtime.unit().name("part").part_of("nobody");
    let refused = foster::Smol.serve(unit, || async {}).unwrap_err();
    let expected = "it is a part of `nobody`, which is no service or group here (there are: none)";
    assert!(refused.to_string().ends_with(expected), "{refused}");
    play.end();
}
