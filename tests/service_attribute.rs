//! The attribute `service`, and services that are linked. Rows V13 and V14.
#![forbid(unsafe_code)]

mod common;

use std::fmt::Debug;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use common::*;
use foster::{
    Exit, Instance, Restart, RunErrorKind, Runtime, Service, Smol, Thread, Tokio, TokioMultiThread,
    UnitState,
};

once!(
    v13_a_type_with_the_attribute_is_a_service,
    v13_a_function_with_the_attribute_is_a_service,
    v13_a_function_can_give_its_unit_its_own_name,
    v13_generics_and_further_methods_are_kept,
    v13_its_options_are_the_settings,
    v13_what_it_requires_is_needed,
    v13_what_it_is_a_part_of_takes_it_along,
    v13_what_the_caller_sets_wins,
    v14_linked_services_start_where_a_builder_asks,
    v14_linking_starts_nothing,
    v14_a_missing_one_is_an_error,
);

static BEATS: AtomicUsize = AtomicUsize::new(0);

struct Beat {
    times: usize,
}

#[foster::service(flavour = Smol)]
impl Beat {
    async fn run(&self) -> anyhow::Result<()> {
        for _ in 0..self.times {
            self.beat().await;
        }
        Ok(())
    }

    async fn beat(&self) {
        BEATS.fetch_add(1, SeqCst);
    }
}

/// Walks.
struct Walker;

#[foster::service(flavour = Thread, name = "walker")]
impl Walker {
    fn run(&self) -> Result<(), std::io::Error> {
        BEATS.fetch_add(10, SeqCst);
        Ok(())
    }
}

fn v13_a_type_with_the_attribute_is_a_service() {
    let runtime = builder().until_idle().build();
    assert_eq!(runtime.serve(Beat { times: 3 }).unwrap().name(), "beat");
    assert_eq!(runtime.serve(Walker).unwrap().name(), "walker");
    runtime.run().unwrap();
    assert_eq!(BEATS.load(SeqCst), 13);
}

static PAGES: AtomicUsize = AtomicUsize::new(0);

/// Shows how all is.
#[foster::service(flavour = TokioMultiThread::new().worker_threads(2))]
async fn status_page() -> Result<Exit, String> {
    tokio::task::yield_now().await;
    PAGES.fetch_add(1, SeqCst);
    Ok(Exit::Done)
}

#[foster::service(flavour = Thread, crate = foster)]
pub(crate) fn scan() {
    PAGES.fetch_add(1, SeqCst);
}

fn v13_a_function_with_the_attribute_is_a_service() {
    let runtime = builder().until_idle().build();
    assert_eq!(runtime.serve(status_page).unwrap().name(), "status_page");
    assert_eq!(runtime.serve(scan).unwrap().name(), "scan");
    runtime.run().unwrap();
    assert_eq!(PAGES.load(SeqCst), 2);
    drop(scan.run());
    assert_eq!(PAGES.load(SeqCst), 3);
}

struct Say<T> {
    what: T,
    log: Log<String>,
}

#[foster::service(flavour = Tokio, restart = "never")]
impl<T: Debug + Send + 'static> Say<T>
where
    T: Clone,
{
    async fn run(&self) {
        self.log.write(format!("{:?}", self.what.clone()));
    }
}

#[foster::service(flavour = Smol)]
async fn quick() {}

fn v13_a_function_can_give_its_unit_its_own_name() {
    let runtime = builder().until_idle().build();
    let quick = runtime.serve(quick).unwrap();
    runtime.run().unwrap();
    assert_eq!(quick.name(), "quick");
    assert_eq!(quick.state(), UnitState::Ended);
}

fn v13_generics_and_further_methods_are_kept() {
    let runtime = builder().until_idle().build();
    let log = Log::new();
    assert_eq!(
        runtime
            .serve(Say {
                what: 7,
                log: log.clone()
            })
            .unwrap()
            .name(),
        "say"
    );
    runtime
        .serve(Say {
            what: "text",
            log: log.clone(),
        })
        .unwrap();
    runtime.run().unwrap();
    assert_eq!(log.read(), ["7", "\"text\""]);
}

const IO: Instance<Smol> = Instance::new(Smol, "smol::io");
const SECOND: Duration = Duration::from_secs(1);

struct All;

#[foster::service(
    flavour = IO,
    key = Instance<Smol>,
    name = "all",
    restart = Restart::on_failure().limit(3, 60 * SECOND),
    after = ["scan"],
    notifies_ready,
    return_is_failure,
    may_fail,
    startable,
    start_timeout = 5 * SECOND,
    stop_time = SECOND,
)]
impl All {
    async fn run(&self) {
        pending().await
    }
}

fn v13_its_options_are_the_settings() {
    let runtime = runtime();
    let unit = runtime.serve(All).unwrap();
    assert_eq!((unit.name(), unit.status().flavour()), ("all", "smol::io"));
    let settings = format!("{:?}", All.settings());
    for part in [
        "name: Some(\"all\")",
        "after: [\"scan\"]",
        "OnFailure",
        "most_starts: 3",
        "window: Some(60s)",
        "notifies_ready: true",
        "return_is_failure: true",
        "may_fail: true",
        "startable: true",
        "start_timeout: Some(5s)",
        "stop_time: Some(1s)",
    ] {
        assert!(settings.contains(part), "{part} is not in {settings}");
    }
    assert_eq!(runtime.run().unwrap_err().kind(), RunErrorKind::Order);
}

#[foster::service(flavour = Smol, may_fail, notifies_ready)]
async fn cache() -> Result<(), &'static str> {
    Err("none")
}

#[foster::service(flavour = Smol, after = "cache", may_fail)]
async fn does_without() {}

#[foster::service(flavour = Smol, requires = ["cache"], may_fail)]
async fn needs_it() {}

fn v13_what_it_requires_is_needed() {
    let runtime = builder().until_idle().build();
    runtime.serve(cache).unwrap();
    let without = runtime.serve(does_without).unwrap();
    let needs = runtime.serve(needs_it).unwrap();
    runtime.run().unwrap();
    assert_eq!(without.state(), UnitState::Ended);
    assert_eq!(needs.state(), UnitState::Failed);
}

#[foster::service(flavour = Smol)]
async fn whole() {
    std::future::pending().await
}

#[foster::service(flavour = Smol, after = "whole", part_of = ["whole"])]
async fn part() {
    std::future::pending().await
}

fn v13_what_it_is_a_part_of_takes_it_along() {
    let runtime = builder().build();
    let (whole, part) = (runtime.serve(whole).unwrap(), runtime.serve(part).unwrap());
    runtime.start().unwrap();
    runtime.wait_ready(common::SOON).unwrap();
    whole.stop();
    assert!(part.wait_stopped(common::SOON));
    assert!(whole.wait_stopped(common::SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v13_what_the_caller_sets_wins() {
    let runtime = builder().until_idle().build();
    let unit = runtime.unit().name("other").serve(Walker).unwrap();
    assert_eq!(unit.name(), "other");
    drop(runtime);
    assert_eq!(unit.state(), UnitState::Ended);
}

static LINKED: AtomicUsize = AtomicUsize::new(0);

#[foster::service(flavour = Smol, linked)]
async fn first_linked() {
    LINKED.fetch_add(1, SeqCst);
}

#[foster::service(flavour = Thread, name = "second", after = "first_linked", linked)]
fn second_linked() {
    LINKED.fetch_add(1, SeqCst);
}

fn v14_linked_services_start_where_a_builder_asks() {
    let names = ["elsewhere", "first_linked", "second"];
    let before = LINKED.load(SeqCst);
    let elsewhere = foster_tests::STARTED.load(SeqCst);
    let runtime = builder().expect_linked(names).until_idle().build();
    runtime.run().unwrap();
    assert_eq!(
        runtime
            .units()
            .iter()
            .map(|unit| unit.name().to_owned())
            .collect::<Vec<_>>(),
        names
    );
    assert_eq!(LINKED.load(SeqCst) - before, 2);
    assert_eq!(foster_tests::STARTED.load(SeqCst) - elsewhere, 1);
}

fn v14_linking_starts_nothing() {
    let runtime = builder().until_idle().build();
    runtime.run().unwrap();
    assert!(runtime.units().is_empty());
}

fn v14_a_missing_one_is_an_error() {
    let runtime: Runtime = builder().expect_linked(["second", "third"]).build();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Setup);
    assert_eq!(
        error.to_string(),
        "linked services are missing: `third` (found: elsewhere, first_linked, second)"
    );
}
