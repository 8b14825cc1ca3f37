//! What services are called, and how long that is known. Rows V1 and V4.

mod common;

use std::future::pending;
use std::time::Duration;

use common::*;
use foster::{
    Coroutine, Restart, Run, ServeErrorKind, Service, Settings, Shutdown, Smol, Thread, Tokio,
    UnitState, service,
};

once!(
    v1_a_name_comes_from_the_type_and_is_numbered,
    v1_a_name_that_was_given_is_refused_while_it_is_taken,
    v1_an_empty_name_is_refused,
    v1_a_number_is_not_given_twice,
    v4_the_oldest_that_are_over_are_forgotten,
    v1_a_name_is_taken_until_its_service_is_over,
    v1_a_name_that_was_derived_is_not_derived_again,
    v4_a_name_that_is_anothers_by_now_is_not_forgotten,
    v1_a_unit_is_found_by_its_name,
    v1_a_name_is_the_last_ones_whether_derived_or_given,
    v4_those_with_derived_names_are_forgotten_one_by_one,
);

struct Pulse;

impl Service for Pulse {
    type Flavour = Smol;

    fn flavour(&self) -> Smol {
        Smol
    }

    fn run(&self) -> impl Run<Coroutine> {
        pending::<()>()
    }
}

fn v1_a_name_comes_from_the_type_and_is_numbered() {
    let runtime = builder().build();
    // Before the start, and while it runs.
    let name = || runtime.serve(Pulse).unwrap().name().to_owned();
    assert_eq!([name(), name()], ["pulse", "pulse#2"]);
    runtime.start().unwrap();
    assert_eq!(name(), "pulse#3");
    let named = runtime.unit().name("beat").serve(Pulse).unwrap();
    assert_eq!(named.name(), "beat");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_name_that_was_given_is_refused_while_it_is_taken() {
    let runtime = started();
    let one = runtime
        .unit()
        .name("one")
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let error = runtime
        .unit()
        .name("one")
        .serve(service(Tokio, pending::<()>))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.name(), error.flavour()),
        (ServeErrorKind::Name, "one", "tokio")
    );
    one.stop();
    assert!(one.wait_stopped(SOON));
    runtime
        .unit()
        .name("one")
        .serve(service(Tokio, pending::<()>))
        .unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_an_empty_name_is_refused() {
    let runtime = builder().build();
    let dropped = Log::new();
    let beat = || {
        let log = dropped.clone();
        let on_drop = OnDrop(move || log.write(()));
        service(Smol, move || {
            let _ = &on_drop;
            pending::<()>()
        })
    };
    let refused = |refusals: usize| {
        let settings = Settings::new().name("");
        let errors = [
            runtime.unit().name("").serve(beat()).unwrap_err(),
            runtime.serve(beat().with(settings)).unwrap_err(),
            runtime.unit().name(String::new()).serve(Pulse).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ServeErrorKind::Name);
            let text =
                "it was given the name `\"\"`: a name has at least one character, or is left away";
            assert!(error.to_string().ends_with(text), "{error}");
            assert!(error.name().contains("service_names.rs:"), "{error}");
        }
        assert_eq!(dropped.read().len(), refusals);
    };
    refused(2);
    runtime.start().unwrap();
    refused(4);
    assert!(runtime.units().is_empty());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_number_is_not_given_twice() {
    let runtime = started();
    let named = |name: &'static str| runtime.unit().name(name).serve(Pulse);
    let name = || runtime.serve(Pulse).unwrap().name().to_owned();
    // Before there are any of the kind.
    named("pulse#2").unwrap();
    assert_eq!([name(), name()], ["pulse", "pulse#3"]);
    named("pulse#4").unwrap();
    assert_eq!(name(), "pulse#5");
    // And when there is one already.
    let closure = || {
        let unit = runtime.serve(service(Smol, pending::<()>)).unwrap();
        unit.name().to_owned()
    };
    let first = closure();
    let second = format!("{first}#2");
    let given = runtime.unit().name(second).serve(Pulse).unwrap();
    assert_eq!(closure(), format!("{first}#3"));
    given.stop();
    assert!(given.wait_stopped(SOON));
    runtime
        .unit()
        .name(format!("{first}#2"))
        .serve(Pulse)
        .unwrap();
    for taken in ["pulse", "pulse#2", "pulse#3", "pulse#5"] {
        assert_eq!(named(taken).unwrap_err().kind(), ServeErrorKind::Name);
    }
    // A name says which one it is, whether it was given or not.
    for known in ["pulse", "pulse#2", "pulse#3"] {
        let after = runtime.unit().after(known).serve(Pulse).unwrap();
        assert!(after.wait_ready(SOON), "after {known}");
    }
    for unknown in ["pulse#1", "pulse#02", "pulse#99", "other", "other#2"] {
        let error = runtime.unit().after(unknown).serve(Pulse).unwrap_err();
        assert_eq!(error.kind(), ServeErrorKind::Order, "after {unknown}");
    }
    let units = runtime.units();
    let names = units.iter().map(|unit| unit.name());
    let names: Vec<_> = names.filter(|name| name.starts_with("pulse")).collect();
    let expected = [
        "pulse#2", "pulse", "pulse#3", "pulse#4", "pulse#5", "pulse#6",
    ];
    assert_eq!(names[..6], expected);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v4_the_oldest_that_are_over_are_forgotten() {
    const JOBS: usize = 3_000;
    let runtime = started();
    let named = |name: String| runtime.unit().name(name);
    named("server".to_owned())
        .serve(service(Smol, pending::<()>))
        .unwrap();
    for number in 0..JOBS {
        let job = named(format!("job {number}"));
        let job = job.serve(service(Smol, || async {})).unwrap();
        assert!(job.wait_stopped(SOON));
    }
    let units = runtime.units();
    let names: Vec<_> = units.iter().map(|unit| unit.name()).collect();
    assert_eq!(names[0], "server");
    assert!(names.len() < JOBS, "{} are known", names.len());
    let kept: Vec<_> = (JOBS - 512..JOBS)
        .map(|number| format!("job {number}"))
        .collect();
    assert_eq!(names[names.len() - 512..], kept);
    // Its name is forgotten with it.
    let after = |name: &'static str| {
        let unit = runtime.unit().after(name);
        unit.serve(service(Smol, || async {})).map(drop)
    };
    after("job 2999").unwrap();
    assert_eq!(after("job 0").unwrap_err().kind(), ServeErrorKind::Order);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_name_is_taken_until_its_service_is_over() {
    let (clock, runtime) = manual();
    let taken = || {
        let unit = runtime.unit().name("one").serve(Pulse);
        unit.is_err_and(|error| error.kind() == ServeErrorKind::Name)
    };
    // It waits for another one.
    let never = runtime.unit().notifies_ready().serve(Pulse).unwrap();
    let waits = runtime.unit().name("one").after(&never);
    let waits = waits.serve(Pulse).unwrap();
    assert_eq!(waits.state(), UnitState::Waiting);
    assert!(taken());
    waits.stop();
    // It waits for its next start.
    let fails = || async { Err::<(), _>("at once") };
    let restart = Restart::on_failure();
    let unit = runtime.unit().name("one").restart(restart);
    let unit = unit.serve(service(Smol, fails)).unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(unit.state(), UnitState::Delayed);
    assert!(taken());
    unit.stop();
    // It was asked to end.
    let (asked, go_on) = (Event::new(), Event::new());
    let (is_asked, goes_on) = (asked.clone(), go_on.clone());
    let run = move || {
        let token = Shutdown::current();
        token.wait_timeout(SOON);
        is_asked.happen();
        block_until(&goes_on);
    };
    let unit = runtime.unit().name("one").serve(service(Thread, run));
    let unit = unit.unwrap();
    assert!(unit.wait_ready(SOON));
    unit.stop();
    asked.expect("it is asked to end");
    assert_eq!(unit.state(), UnitState::Stopping);
    assert!(taken());
    go_on.happen();
    assert!(unit.wait_stopped(SOON));
    assert!(!taken());
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_name_that_was_derived_is_not_derived_again() {
    let runtime = started();
    for name in ["pulse", "pulse#2", "pulse#3"] {
        let unit = runtime.serve(Pulse).unwrap();
        assert_eq!(unit.name(), name);
        unit.stop();
        assert!(unit.wait_stopped(SOON));
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v4_a_name_that_is_anothers_by_now_is_not_forgotten() {
    const JOBS: usize = 3_000;
    let runtime = started();
    let served = |name: &str| {
        let unit = runtime.unit().name(name.to_owned());
        unit.serve(Pulse).unwrap()
    };
    let first = served("server");
    first.stop();
    assert!(first.wait_stopped(SOON));
    let second = served("server");
    for number in 0..JOBS {
        let job = runtime.unit().name(format!("job {number}"));
        let job = job.serve(service(Smol, || async {})).unwrap();
        assert!(job.wait_stopped(SOON));
    }
    let units = runtime.units();
    let servers = units.iter().filter(|unit| unit.name() == "server");
    let servers: Vec<_> = servers.map(|unit| unit.state()).collect();
    assert_eq!(servers, [UnitState::Running], "the first is forgotten");
    // The name is the second one's still.
    let after = runtime.unit().after("server").serve(Pulse).unwrap();
    assert!(after.wait_ready(SOON));
    let error = runtime.unit().name("server").serve(Pulse).unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Name);
    second.stop();
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_unit_is_found_by_its_name() {
    let runtime = builder().build();
    let named = |name: &str| runtime.unit_named(name).map(|unit| unit.state());
    let units = [(); 3].map(|()| runtime.serve(Pulse).unwrap());
    let one = runtime.unit().name("one").serve(Pulse).unwrap();
    for name in ["pulse", "pulse#2", "pulse#3", "one"] {
        assert_eq!(named(name), Some(UnitState::Waiting), "{name}");
    }
    for name in [
        "", "pulse#", "pulse#1", "pulse#02", "pulse#4", "one#2", "puls",
    ] {
        assert_eq!(named(name), None, "{name}");
    }
    runtime.start().unwrap();
    units[1].stop();
    assert!(units[1].wait_stopped(SOON));
    assert!(one.wait_ready(SOON));
    assert_eq!(
        named("pulse#2"),
        Some(UnitState::Ended),
        "the last one that had it"
    );
    assert_eq!(named("one"), Some(UnitState::Running));
    // It is the unit itself.
    runtime.unit_named("one").unwrap().stop();
    assert!(one.wait_stopped(SOON));
    let again = runtime.unit().name("one").serve(Pulse).unwrap();
    assert!(again.wait_ready(SOON));
    assert_eq!(named("one"), Some(UnitState::Running), "the second one");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v1_a_name_is_the_last_ones_whether_derived_or_given() {
    let runtime = started();
    let derived = || runtime.serve(Pulse).unwrap();
    let given = |name: &'static str| runtime.unit().name(name).serve(Pulse);
    let is_running = |name: &'static str| {
        let unit = runtime.unit_named(name).expect("it is known");
        let taken = given(name).map_err(|error| error.kind()).map(drop);
        assert_eq!(taken, Err(ServeErrorKind::Name), "{name}");
        unit.wait_ready(SOON)
    };
    let (_first, second) = (derived(), derived());
    second.stop();
    assert!(second.wait_stopped(SOON));
    given("pulse#2").unwrap();
    assert!(is_running("pulse#2"), "given after it was derived");
    let third = given("pulse#3").unwrap();
    third.stop();
    assert!(third.wait_stopped(SOON));
    assert_eq!(derived().name(), "pulse#3");
    assert!(is_running("pulse#3"), "derived after it was given");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v4_those_with_derived_names_are_forgotten_one_by_one() {
    const JOBS: usize = 3_000;
    let runtime = started();
    let job = |run: fn() -> std::future::Ready<()>| runtime.serve(service(Smol, run)).unwrap();
    let mut names = Vec::new();
    let stays = runtime.serve(Pulse).unwrap();
    for _ in 0..JOBS {
        let job = job(|| std::future::ready(()));
        assert!(job.wait_stopped(SOON));
        names.push(job.name().to_owned());
    }
    let is_known = |name: &str| runtime.unit_named(name).is_some();
    assert!(!is_known(&names[0]) && !is_known(&names[1]), "the oldest");
    for name in &names[JOBS - 512..] {
        assert!(is_known(name), "{name}");
    }
    assert!(is_known(stays.name()), "it is not over");
    // No number is given again.
    let next = job(|| std::future::ready(()));
    let (series, _) = names[1].rsplit_once('#').expect("it has a number");
    assert_eq!(next.name(), format!("{series}#{}", JOBS + 1));
    runtime.shutdown();
    runtime.wait().unwrap();
}
