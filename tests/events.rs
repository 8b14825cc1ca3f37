//! The events of a life, and the spans of runs. Row I4.

mod common;

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use common::groups::*;
use common::services::*;
use common::*;
use foster::{Reload, Restart, Shutdown, Smol, UnitState, service};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Traced, Metadata, Subscriber};

on_every_flavour!(
    i4_each_step_of_a_service_is_an_event,
    i4_a_run_is_polled_inside_a_span,
    i4_groups_begin_and_end,
    i4_a_service_that_overruns_its_stop_is_told_of_while_it_does,
);

on_async_flavours!(i4_a_stall_begins_and_is_over);

once!(
    i4_the_life_of_a_runtime,
    i4_a_failure_says_why_it_stops,
    i4_a_drain_is_told_before_the_stop,
    i4_a_reload_begins_and_is_over,
    i4_a_straggler_is_told,
);

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
static SPANS: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    static INSIDE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps what it hears, with the spans around it.
struct Listener;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "foster" || metadata.target() == "library"
    }

    fn event(&self, event: &Traced<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let around = INSIDE.with_borrow(|inside| inside.join("/"));
        lock(&HEARD).push(format!("{around}> {}", text.0));
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let mut text = Text(String::new());
        attributes.record(&mut text);
        let mut spans = lock(&SPANS);
        spans.push(text.0);
        LAST.store(spans.len() as u64, SeqCst);
        Id::from_u64(LAST.load(SeqCst))
    }

    fn enter(&self, id: &Id) {
        let name = lock(&SPANS)[id.into_u64() as usize - 1].clone();
        INSIDE.with_borrow_mut(|inside| inside.push(name));
    }

    fn exit(&self, _: &Id) {
        INSIDE.with_borrow_mut(|inside| drop(inside.pop()));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One test at a time listens, from here on.
fn listen() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    static LISTENS: Once = Once::new();
    let guard = lock(&ONE);
    LISTENS.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
    lock(&HEARD).clear();
    guard
}

fn heard() -> Vec<String> {
    lock(&HEARD).clone()
}

/// The names of the events that were heard about `whom`, or about the runtime if that is empty, in order.
fn names(whom: &str) -> Vec<String> {
    let about = format!("payload=\"{whom}\" ");
    let is_about = |line: &String| match whom.is_empty() {
        true => !line.contains("payload="),
        false => line.contains(&about),
    };
    let name = |line: &str| {
        let (_, rest) = line.split_once("event=\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    heard()
        .iter()
        .filter(|line| is_about(line))
        .filter_map(|line| name(line))
        .collect()
}

#[track_caller]
fn line_of(event: &str) -> String {
    let name = format!("event=\"{event}\"");
    let heard = heard();
    let line = heard.iter().find(|line| line.contains(&name));
    line.unwrap_or_else(|| panic!("{event} in {heard:#?}"))
        .clone()
}

fn i4_each_step_of_a_service_is_an_event<F: Host>(flavour: F) {
    let _one = listen();
    let runtime = started();
    let has_failed = Arc::new(AtomicBool::new(false));
    let run = move || {
        let fails = !has_failed.swap(true, SeqCst);
        async move {
            if fails {
                return Err("no luck");
            }
            Shutdown::current().requested().await;
            Ok(())
        }
    };
    let restart = Restart::on_failure()
        .delay(Duration::from_millis(1))
        .jitter(0.0);
    let unit = runtime.unit().name("poller").restart(restart);
    let unit = flavour.serve(unit, run).unwrap();
    expect("it runs again", || {
        unit.restarts() == 1 && unit.state() == UnitState::Running
    });
    runtime.shutdown();
    runtime.wait().unwrap();
    let steps = [
        "unit.started",
        "unit.started",
        "unit.ready",
        "unit.stopping",
        "unit.stopped",
    ];
    // Failures are told apart, and may come a moment later.
    let (bad, mut told): (Vec<_>, Vec<_>) = names("poller")
        .into_iter()
        .partition(|name| name == "unit.failed" || name == "unit.restarting");
    assert_eq!(bad, ["unit.failed", "unit.restarting"]);
    // A coroutine that fails in its first poll was never ready; a thread has begun before its code does.
    if told.get(1).is_some_and(|name| name == "unit.ready") {
        told.remove(1);
    }
    assert_eq!(told, steps);
    let restarting = line_of("unit.restarting");
    assert!(
        restarting.contains("delay=0.001 ") && restarting.contains("restarts=1 "),
        "{restarting}"
    );
    assert!(
        restarting.contains(&format!("flavour={:?} ", F::NAME)),
        "{restarting}"
    );
    assert!(line_of("unit.failed").contains("no luck"));
}

fn i4_a_run_is_polled_inside_a_span<F: Host>(flavour: F) {
    let _one = listen();
    let runtime = started();
    let run = || {
        tracing::info!(target: "library", "made");
        async {
            tracing::info!(target: "library", "first");
            futures_lite::future::yield_now().await;
            tracing::info!(target: "library", "second");
        }
    };
    let unit = flavour.serve(runtime.unit().name("speaker"), run).unwrap();
    expect("it is over", || unit.state() == UnitState::Ended);
    let around = format!("unit=\"speaker\" flavour={:?} run=1 ", F::NAME);
    for what in ["made", "first", "second"] {
        let line = format!("{around}> message={what} ");
        assert!(heard().contains(&line), "{line} in {:#?}", heard());
    }
    // Others have no part in it.
    flavour
        .execute(&runtime, || tracing::info!(target: "library", "outside"))
        .unwrap();
    assert!(
        heard().contains(&"> message=outside ".to_owned()),
        "{:#?}",
        heard()
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i4_a_service_that_overruns_its_stop_is_told_of_while_it_does<F: Host>(flavour: F) {
    let _one = listen();
    let (clock, runtime) = manual();
    let (asked, go) = (Event::new(), Event::new());
    let (asks, goes) = (asked.clone(), go.clone());
    let run = move || {
        let (asks, goes) = (asks.clone(), goes.clone());
        async move {
            Shutdown::current().requested().await;
            asks.happen();
            match F::NAME {
                "std::thread" => block_until(&goes),
                _ => std::future::pending().await,
            }
        }
    };
    let unit = runtime.unit().name("hangs").stop_time(SECOND).may_fail();
    let unit = flavour.serve(unit, run).unwrap();
    unit.expect(UnitState::Running);
    unit.stop();
    asked.expect("it is asked");
    assert!(!names("hangs").contains(&"unit.overran".to_owned()));
    clock.advance(SECOND);
    expect("it is told", || {
        names("hangs").contains(&"unit.overran".to_owned())
    });
    // The runtime runs, so nobody is a straggler yet.
    assert!(!names("hangs").contains(&"straggler".to_owned()));
    assert!(!runtime.is_stopping());
    go.happen();
    runtime.shutdown();
    let _ = runtime.wait();
}

fn i4_groups_begin_and_end<F: Member>(flavour: F) {
    let _one = listen();
    let runtime = started();
    let group = runtime.group("ports").may_fail().create().unwrap();
    let bad = || async { Err::<(), _>("no luck") };
    flavour.adopt_in_as(&group, "port", bad).unwrap();
    assert!(group.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(
        names("ports"),
        ["group.started", "group.stopping", "group.stopped"]
    );
    assert_eq!(names("ports/port"), ["payload.failed"]);
}

fn i4_a_stall_begins_and_is_over<F: AsyncFlavour>(flavour: F) {
    let _one = listen();
    let runtime = builder().stall_after(Duration::from_millis(100)).build();
    runtime.start().unwrap();
    let blocker = Blocker::new();
    let blocks = blocker.clone();
    let block = move || {
        blocks.block();
    };
    flavour.adopt_named(&runtime, "greedy", block).unwrap();
    blocker.expect_blocked();
    expect("it is told", || names("greedy") == ["stall.began"]);
    blocker.go_on();
    expect("that it is over, too", || {
        names("greedy") == ["stall.began", "stall.over"]
    });
    let began = line_of("stall.began");
    assert!(
        began.contains("lasts=0.1") || began.contains("lasts=0."),
        "{began}"
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i4_the_life_of_a_runtime() {
    let _one = listen();
    let runtime = runtime();
    let held = || async { Shutdown::current().requested().await };
    runtime
        .unit()
        .name("one")
        .serve(service(Smol, held))
        .unwrap();
    runtime.start().unwrap();
    runtime.wait_ready(SOON).unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut told = names("");
    // The service may be ready before the start is over.
    told[..2].sort();
    assert_eq!(
        told,
        [
            "runtime.ready",
            "runtime.started",
            "runtime.stopping",
            "runtime.stopped"
        ]
    );
    assert!(line_of("runtime.stopping").contains("cause=\"call\" "));
}

fn i4_a_drain_is_told_before_the_stop() {
    let _one = listen();
    let clock = foster::Clock::manual();
    let runtime = builder().drain(SECOND).clock(clock.clone()).build();
    runtime.start().unwrap();
    runtime.drain();
    clock.advance(SECOND);
    runtime.wait().unwrap();
    let told = names("");
    let of_end = ["runtime.draining", "runtime.stopping", "runtime.stopped"];
    assert!(told.ends_with(&of_end.map(String::from)), "{told:?}");
    let line = line_of("runtime.draining");
    assert!(
        line.contains("cause=\"call\" ") && line.contains("lasts=1"),
        "{line}"
    );
}

fn i4_a_failure_says_why_it_stops() {
    let _one = listen();
    let runtime = started();
    runtime
        .named("bad")
        .adopt(Smol, || async { Err::<(), _>("no luck") })
        .unwrap();
    runtime.wait().unwrap_err();
    assert!(line_of("runtime.stopping").contains("cause=\"failure\" "));
    assert_eq!(names("bad"), ["payload.failed"]);
}

fn i4_a_reload_begins_and_is_over() {
    let _one = listen();
    let runtime = started();
    let run = || async {
        let (reload, shutdown) = (Reload::current(), Shutdown::current());
        while let Some(Some(request)) = shutdown.until_requested(reload.requested()).await {
            request.done();
        }
    };
    let unit = runtime
        .unit()
        .name("taker")
        .serve(service(Smol, run))
        .unwrap();
    expect("it runs", || unit.state() == UnitState::Running);
    runtime.reload().wait(SOON).unwrap();
    expect("it is told", || {
        names("").contains(&"reload.over".to_owned())
    });
    let told = names("");
    let reloads: Vec<_> = told
        .iter()
        .filter(|name| name.starts_with("reload."))
        .collect();
    assert_eq!(reloads, ["reload.began", "reload.over"]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn i4_a_straggler_is_told() {
    let _one = listen();
    let runtime = builder().grace(Duration::from_millis(10)).build();
    runtime.start().unwrap();
    let (holds, held) = (Event::new(), Event::new());
    let is_held = held.clone();
    let holder = move || async move {
        let _token = Shutdown::current();
        is_held.happen();
        futures_lite::future::pending::<()>().await;
    };
    runtime.named("slow").adopt(Smol, holder).unwrap();
    held.expect("it holds a token");
    runtime.shutdown();
    runtime.wait().unwrap_err();
    holds.happen();
    let told = names("");
    let end = ["runtime.grace_over", "straggler", "runtime.stopped"];
    assert!(told.ends_with(&end.map(str::to_owned)), "{told:?}");
    assert!(line_of("straggler").contains("`slow`"));
}
