//! Whose failure is their own affair, and who starts without whom. Rows V16 and V5.

use super::*;

on_every_flavour!(
    v16_a_failure_of_one_that_may_fail_ends_nothing_else,
    v16_a_panic_of_one_that_may_fail_ends_nothing_else,
    v16_one_that_may_fail_is_given_up_alone,
    v16_a_failure_at_the_stop_is_listed_and_no_error,
    v16_others_start_without_one_that_failed,
    v16_one_that_requires_it_fails_with_it,
    v16_one_that_may_fail_and_waits_too_long_fails_alone,
    v16_a_failure_after_its_own_stop_is_its_own_affair,
    v5_no_restart_follows_a_permanent_error,
);

fn v16_a_failure_of_one_that_may_fail_ends_nothing_else<F: Host>(flavour: F) {
    let runtime = runtime();
    let core = flavour
        .serve(runtime.unit().name("core"), until_asked)
        .unwrap();
    let unit = runtime.unit().name("exporter").may_fail();
    let exporter = flavour
        .serve(unit, || async { Err::<(), _>("no port") })
        .unwrap();
    runtime.start().unwrap();
    exporter.expect(UnitState::Failed);
    assert_eq!(exporter.last_failure().unwrap().message(), "no port");
    core.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    let tolerated = runtime.tolerated();
    assert_eq!(tolerated.len(), 1);
    assert_eq!(tolerated[0].payload(), "exporter");
}

fn v16_a_panic_of_one_that_may_fail_ends_nothing_else<F: Host>(flavour: F) {
    let runtime = runtime();
    let unit = runtime.unit().may_fail();
    let unit = flavour
        .serve(unit, || async {
            if true {
                panic!("a bug")
            }
        })
        .unwrap();
    runtime.start().unwrap();
    unit.expect(UnitState::Failed);
    assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Panic);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v16_one_that_may_fail_is_given_up_alone<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let restart = Restart::on_failure()
        .delay(SECOND)
        .jitter(0.0)
        .limit(2, 60 * SECOND);
    let unit = runtime.unit().restart(restart).may_fail();
    let unit = flavour
        .serve(unit, || async { Err::<(), _>("again") })
        .unwrap();
    unit.expect(UnitState::Delayed);
    clock.advance(SECOND);
    unit.expect(UnitState::Failed);
    assert_eq!(unit.last_failure().unwrap().starts(), Some(2));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(runtime.tolerated()[0].starts(), Some(2));
}

fn v16_a_failure_at_the_stop_is_listed_and_no_error<F: Host>(flavour: F) {
    let runtime = runtime();
    let run = || async {
        until_asked().await;
        Err::<(), _>("as it ends")
    };
    let optional = runtime.unit().name("optional").may_fail();
    let optional = flavour.serve(optional, run).unwrap();
    runtime.start().unwrap();
    optional.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(runtime.tolerated()[0].message(), "as it ends");
    // Where something else fails, the report has both.
    let runtime = common::runtime();
    let optional = runtime.unit().name("optional").may_fail();
    let optional = flavour.serve(optional, run).unwrap();
    let other = flavour.serve(runtime.unit().name("other"), run).unwrap();
    runtime.start().unwrap();
    optional.expect(UnitState::Running);
    other.expect(UnitState::Running);
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let names = |failures: &[foster::Failure]| -> Vec<_> {
        failures
            .iter()
            .map(|one| one.payload().to_owned())
            .collect()
    };
    assert_eq!(names(error.failures()), ["other"]);
    assert_eq!(names(error.tolerated()), ["optional"]);
    let text = error.to_string();
    assert!(
        text.contains("failed, which ended nothing else:\n  service `optional`"),
        "{text}"
    );
}

fn v16_others_start_without_one_that_failed<F: Host>(flavour: F) {
    let runtime = runtime();
    let cache = runtime.unit().name("cache").notifies_ready().may_fail();
    let cache = flavour
        .serve(cache, || async { Err::<(), _>("no cache") })
        .unwrap();
    let api = runtime.unit().name("api").after("cache");
    let api = flavour.serve(api, until_asked).unwrap();
    runtime.start().unwrap();
    cache.expect(UnitState::Failed);
    api.expect(UnitState::Running);
    // One that comes later as well.
    let late = runtime.unit().after("cache");
    flavour
        .serve(late, until_asked)
        .unwrap()
        .expect(UnitState::Running);
    let late = runtime.unit().requires("cache");
    let error = flavour.serve(late, until_asked).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Order);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v16_one_that_requires_it_fails_with_it<F: Host>(flavour: F) {
    let runtime = runtime();
    let cache = runtime.unit().name("cache").notifies_ready().may_fail();
    flavour
        .serve(cache, || async { Err::<(), _>("no cache") })
        .unwrap();
    let warmer = runtime.unit().name("warmer").requires("cache").may_fail();
    let warmer = flavour.serve(warmer, until_asked).unwrap();
    let heater = runtime.unit().name("heater").requires("warmer").may_fail();
    let heater = flavour.serve(heater, until_asked).unwrap();
    let core = flavour
        .serve(runtime.unit().name("core"), until_asked)
        .unwrap();
    runtime.start().unwrap();
    warmer.expect(UnitState::Failed);
    heater.expect(UnitState::Failed);
    let why = warmer.last_failure().unwrap();
    assert_eq!(why.kind(), FailureKind::NotReady);
    assert!(why.message().contains("`cache`"), "{why}");
    let why = heater.last_failure().unwrap();
    assert!(why.message().contains("`warmer`, which is over"), "{why}");
    core.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    // One that may not fail ends the runtime.
    let runtime = common::runtime();
    let cache = runtime.unit().name("cache").notifies_ready().may_fail();
    flavour
        .serve(cache, || async { Err::<(), _>("no cache") })
        .unwrap();
    flavour
        .serve(runtime.unit().name("api").requires("cache"), until_asked)
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].payload(), "api");
    assert_eq!(error.tolerated()[0].payload(), "cache");
}

fn v16_one_that_may_fail_and_waits_too_long_fails_alone<F: Host>(flavour: F) {
    let (clock, runtime) = manual();
    let slow = runtime.unit().name("slow").notifies_ready();
    let slow = flavour.serve(slow, until_asked).unwrap();
    let waits = runtime
        .unit()
        .after("slow")
        .start_timeout(SECOND)
        .may_fail();
    let waits = flavour.serve(waits, until_asked).unwrap();
    slow.expect(UnitState::Starting);
    clock.advance(SECOND);
    waits.expect(UnitState::Failed);
    assert_eq!(slow.state(), UnitState::Starting);
    runtime.shutdown();
    runtime.wait().unwrap();
}

#[derive(Debug)]
struct Outer(Permanent);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no configuration")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn v5_no_restart_follows_a_permanent_error<F: Host>(flavour: F) {
    let errors: [fn() -> anyhow::Error; 3] = [
        || Permanent::new("no such file").into(),
        || anyhow::Error::new(Permanent::new("no such file")).context("no configuration"),
        || anyhow::Error::new(Outer(Permanent::new("no such file"))),
    ];
    for error in errors {
        let runtime = runtime();
        let unit = runtime
            .unit()
            .restart(Restart::always().delay(Duration::ZERO));
        let run = move || async move { Err::<(), _>(error()) };
        let unit = flavour.serve(unit, run).unwrap();
        let report = runtime.run().unwrap_err();
        assert_eq!((unit.state(), unit.restarts()), (UnitState::Failed, 0));
        let text = report.to_string();
        assert!(text.contains("no such file"), "{text}");
    }
    // Its own affair, if it may fail.
    let runtime = runtime();
    let unit = runtime.unit().restart(Restart::always()).may_fail();
    let run = || async { Err::<(), _>(Permanent::new("no such file")) };
    let unit = flavour.serve(unit, run).unwrap();
    runtime.start().unwrap();
    unit.expect(UnitState::Failed);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Its own stop changes nothing about whose affair it is: an error is the unit's with or without `may_fail`, a panic is
/// with it.
fn v16_a_failure_after_its_own_stop_is_its_own_affair<F: Host>(flavour: F) {
    let at_once = Restart::on_failure().delay(Duration::ZERO);
    for (panics, policy) in [
        (false, Restart::never()),
        (true, Restart::never()),
        (true, at_once),
    ] {
        let runtime = runtime();
        let core = flavour
            .serve(runtime.unit().name("core"), until_asked)
            .unwrap();
        let (runs, held) = (Arc::new(AtomicUsize::new(0)), Event::new());
        let (count, holds) = (Arc::clone(&runs), held.clone());
        let run = move || {
            count.fetch_add(1, SeqCst);
            let held = holds.clone();
            async move {
                let token = Shutdown::current();
                held.happen();
                token.requested().await;
                assert!(!panics, "as it ends");
                Err::<(), _>("as it ends")
            }
        };
        let unit = runtime.unit().name("part").may_fail().restart(policy);
        let part = flavour.serve(unit, run).unwrap();
        runtime.start().unwrap();
        held.expect("it holds its token");
        part.stop();
        assert!(part.wait_stopped(SOON));
        assert_eq!((part.state(), runs.load(SeqCst)), (UnitState::Failed, 1));
        let failure = part.last_failure().expect("it is kept");
        let kind = match panics {
            true => FailureKind::Panic,
            false => FailureKind::Error,
        };
        assert_eq!((failure.kind(), failure.message()), (kind, "as it ends"));
        core.expect(UnitState::Running);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
