//! Who hears of a failure, and that nobody who does can hold anything up. Rows A6, A7, S3.
//!
//! Each in a child, as subscribers, loggers and standard error are the process's.

use std::future::pending;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use foster::{Restart, Runtime, Settings, Shutdown, Smol, Thread, Tokio, service};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event as Traced, Level, Metadata, Subscriber};

use crate::child::{self, Scenario};
use crate::common::{self, *};
use crate::{on_every_flavour, once};

on_every_flavour!(a6_a_subscriber_that_stalls_loses_no_failure_and_hangs_no_run);
once!(
    a7_a_line_that_stalls_leaves_no_service_unwatched,
    a7_a_failure_is_a_line_the_moment_it_happens,
    a7_what_is_not_taken_is_a_line,
    a7_what_a_subscriber_takes_is_no_line,
    a7_what_a_logger_takes_is_no_line,
    a7_a_quiet_runtime_prints_nothing,
    a7_lines_beyond_a_limit_are_counted,
    a7_each_restart_is_a_line,
    a7_a_subscriber_set_while_a_line_waits_hears_of_all_that_follow,
    a6_a_failure_that_comes_of_telling_another_is_in_the_report,
);

/// A subscriber that takes what its first half wants, and calls its second half for it.
struct Calls<W, C>(W, C);

impl<W, C> Subscriber for Calls<W, C>
where
    W: Fn(&Metadata<'_>) -> bool + 'static,
    C: Fn(String) + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        (self.0)(metadata)
    }

    fn event(&self, event: &Traced<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        (self.1)(text.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

fn trace(
    wants: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static,
    call: impl Fn(String) + Send + Sync + 'static,
) {
    tracing::subscriber::set_global_default(Calls(wants, call)).unwrap();
}

/// A subscriber whose `event` never returns, as on a pipe that nobody reads. On Windows it takes Foster's events alone: smol's
/// reactor writes some there as well, and would stand still.
fn trace_stalled() -> Event {
    let stalled = Event::new();
    let is_stalled = stalled.clone();
    trace(
        |metadata| !cfg!(windows) || metadata.target() == "foster",
        move |_| {
            is_stalled.happen();
            block_until(&Event::new());
        },
    );
    stalled
}

pub struct Stalls;

impl Scenario for Stalls {
    fn play<F: AnyFlavour>(self, flavour: F) {
        let stalled = trace_stalled();
        let runtime = builder().cancel_timeout(Duration::from_millis(300)).build();
        runtime.start().unwrap();
        let (held, ended) = (Event::new(), Event::new());
        let (is_held, has_ended) = (held.clone(), ended.clone());
        // Their executors must end as well, that of the payload that fails included.
        for adopt in [Smol.adopt(&runtime, || ()), Tokio.adopt(&runtime, || ())] {
            adopt.unwrap();
        }
        runtime
            .named("holder")
            .adopt(Smol, move || async move {
                let token = Shutdown::current();
                is_held.happen();
                token.requested().await;
                has_ended.happen();
            })
            .unwrap();
        held.expect("the other holds a token");
        let start = Instant::now();
        let fails = || {
            let _token = Shutdown::current();
            Err::<(), _>("the disk is gone")
        };
        flavour.adopt_named(&runtime, "fails", fails).unwrap();
        let error = runtime.wait().unwrap_err();
        assert!(start.elapsed() < SOON);
        assert!(stalled.has_happened());
        assert!(ended.has_happened(), "the other ended in order");
        let [failure] = error.failures() else {
            panic!("one failure, not {error}");
        };
        assert_eq!(failure.message(), "the disk is gone");
        assert!(!failure.during_shutdown());
        // Nobody innocent is blamed for what hangs, nor is who failed.
        assert!(error.stragglers().is_empty(), "{error}");
        assert!(error.left_behind().is_empty(), "{error}");
    }
}

fn a6_a_subscriber_that_stalls_loses_no_failure_and_hangs_no_run<F: AnyFlavour>(_: F) {
    child::play_on(F::NAME, "stalled").has_ended();
}

pub fn stalled_lines() {
    let stalled = trace_stalled();
    let runtime = builder().cancel_timeout(Duration::from_millis(300)).build();
    runtime.start().unwrap();
    let restart = Restart::on_failure()
        .jitter(0.0)
        .delay(Duration::from_millis(1));
    let starts = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&starts);
    let flaps = move || {
        let start = count.fetch_add(1, SeqCst);
        async move {
            match start {
                // A failure that meets the stop would be the runtime's.
                0..5 => Err::<(), _>("flaps"),
                _ => pending().await,
            }
        }
    };
    let settings = Settings::new().restart(restart);
    runtime.serve(service(Smol, flaps).with(settings)).unwrap();
    stalled.expect("the first line stalls");
    // The supervision goes on, for this service and for others.
    let deadline = Instant::now() + SOON;
    while starts.load(SeqCst) <= 5 {
        assert!(Instant::now() < deadline, "it is not restarted");
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a7_a_line_that_stalls_leaves_no_service_unwatched() {
    child::play("stalled lines").has_ended();
}

/// A payload that fails while another one holds the grace time open for ever.
pub fn untold() {
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let held = Event::new();
    let is_held = held.clone();
    let holder = move || async move {
        let _token = Shutdown::current();
        is_held.happen();
        pending::<()>().await;
    };
    runtime.adopt(Smol, holder).unwrap();
    held.expect("the grace time is held open");
    let fails =
        || -> anyhow::Result<()> { Err(anyhow::anyhow!("no\nspace").context("cannot write")) };
    runtime.named("writer").adopt(Thread, fails).unwrap();
    // As in a program whose handle is gone: nobody waits for the report.
    drop(runtime);
    block_until(&Event::new());
}

const WRITER: &str = "foster: payload `writer` on std::thread failed";

fn a7_a_failure_is_a_line_the_moment_it_happens() {
    let mut child = child::begin("untold");
    let stderr = BufReader::new(child.stderr.take().unwrap());
    let line = stderr
        .lines()
        .map(Result::unwrap)
        .find(|line| line.starts_with(WRITER));
    // It would never end by itself.
    child.kill().unwrap();
    child.wait().unwrap();
    let line = line.expect("the line is there before the end");
    assert!(line.contains("(from tests/faults/telling.rs:"), "{line}");
    assert!(line.ends_with(r": cannot write: no\nspace"), "{line}");
}

/// Runs a payload that fails, and waits for the end.
fn fail_on(runtime: &Runtime) {
    let fails = || Err::<(), _>("cannot write");
    runtime.named("writer").adopt(Thread, fails).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "cannot write");
}

/// How many lines of what the child printed start like that of the failure.
fn lines(scenario: &str) -> usize {
    let played = child::play(scenario);
    let text = &played.has_ended().text;
    text.lines().filter(|line| line.starts_with(WRITER)).count()
}

/// Failures and what goes wrong, not each step of a life.
fn is_warning(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "foster" && *metadata.level() <= Level::WARN
}

pub fn taken() {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    trace(is_warning, move |text| {
        sender.lock().unwrap().send(text).unwrap()
    });
    fail_on(&common::runtime());
    // It was told before the run returned, and once.
    let told: Vec<_> = receiver.try_iter().collect();
    let [text] = &told[..] else {
        panic!("one event, not {told:?}");
    };
    for part in [
        "message=cannot write",
        "payload=\"writer\"",
        "during_shutdown=false",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

fn a7_what_a_subscriber_takes_is_no_line() {
    assert_eq!(lines("taken"), 0);
}

/// A logger that counts.
struct Logger(AtomicUsize);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = record.args().to_string();
        assert!(
            text.starts_with("payload `writer` on std::thread failed"),
            "{text}"
        );
        assert_eq!(record.level(), log::Level::Error);
        self.0.fetch_add(1, SeqCst);
    }

    fn flush(&self) {}
}

pub fn logged() {
    static LOGGER: Logger = Logger(AtomicUsize::new(0));
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    fail_on(&common::runtime());
    assert_eq!(LOGGER.0.load(SeqCst), 1);
}

fn a7_what_a_logger_takes_is_no_line() {
    assert_eq!(lines("logged"), 0);
}

pub fn not_taken() {
    // Not where none was ever set, but where none wants it.
    trace(|metadata| metadata.target() != "foster", |_| {});
    fail_on(&common::runtime());
}

fn a7_what_is_not_taken_is_a_line() {
    assert_eq!(lines("not taken"), 1);
}

pub fn quiet() {
    fail_on(&builder().quiet().build());
}

fn a7_a_quiet_runtime_prints_nothing() {
    assert_eq!(lines("quiet"), 0);
}

/// Failures while the first of them is still being told.
pub fn flood() {
    const FAILURES: usize = 3_000;
    let (stalled, go) = (Event::new(), Event::new());
    let (is_stalled, its_go) = (stalled.clone(), go.clone());
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    trace(is_warning, move |text| {
        is_stalled.happen();
        block_until(&its_go);
        sender.lock().unwrap().send(text).unwrap();
    });
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    for number in 0..FAILURES {
        let fails = move || async move {
            // The flood comes when the first line is under way.
            Shutdown::current().requested().await;
            Err::<(), _>(number.to_string())
        };
        runtime.adopt(Smol, fails).unwrap();
    }
    runtime
        .adopt(Tokio, || async { Err::<(), _>("the first") })
        .unwrap();
    runtime.start().unwrap();
    stalled.expect("the first is being told");
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(200)));
    go.happen();
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures().len() + error.omitted(), FAILURES + 1);
    let told: Vec<_> = receiver.try_iter().collect();
    let (last, lines) = told.split_last().unwrap();
    let omitted = FAILURES + 1 - lines.len();
    assert!(lines.len() <= 1_024, "{}", lines.len());
    let text = format!("{omitted} more lines were not told");
    assert!(last.contains(&text), "{last}");
}

fn a7_lines_beyond_a_limit_are_counted() {
    child::play("flood").has_ended();
}

pub fn restarts() {
    let runtime = common::started();
    let restart = Restart::on_failure()
        .jitter(0.0)
        .delay(Duration::from_millis(1));
    let count = AtomicUsize::new(0);
    let flaps = move || {
        let start = count.fetch_add(1, SeqCst);
        async move {
            match start {
                0..5 => Err(format!("failure {start}")),
                _ => Ok(()),
            }
        }
    };
    let settings = Settings::new().name("flaps").restart(restart);
    let unit = runtime.serve(service(Smol, flaps).with(settings)).unwrap();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn a7_each_restart_is_a_line() {
    let played = child::play("restarts");
    let text = &played.has_ended().text;
    for start in 0..5 {
        let lines = text.lines().filter(|line| {
            line.starts_with("foster: service `flaps` on smol failed")
                && line.contains(&format!("failure {start}"))
        });
        assert_eq!(lines.count(), 1, "{text}");
    }
}

/// A logger that stalls at the first warning.
struct StallsOnce {
    stalled: OnceLock<Event>,
    go: OnceLock<Event>,
}

impl log::Log for StallsOnce {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() == log::Level::Warn {
            self.stalled.get_or_init(Event::new).happen();
            block_until(self.go.get_or_init(Event::new));
        }
    }

    fn flush(&self) {}
}

pub fn set_meanwhile() {
    static LOGGER: StallsOnce = StallsOnce {
        stalled: OnceLock::new(),
        go: OnceLock::new(),
    };
    log::set_logger(&LOGGER).unwrap();
    log::set_max_level(log::LevelFilter::Warn);
    let runtime = common::started();
    let restart = Restart::on_failure()
        .jitter(0.0)
        .delay(Duration::from_secs(3_600));
    let flaps = service(Smol, || async { Err::<(), _>("flaps") });
    let settings = Settings::new().restart(restart);
    runtime.serve(flaps.with(settings)).unwrap();
    let stalled = LOGGER.stalled.get_or_init(Event::new);
    stalled.expect("the line of the restart stalls");
    // On the thread of the payload that fails, so it sees the stop when that failure has been handed on.
    let (holds, kept) = (Event::new(), Event::new());
    let (is_held, is_kept) = (holds.clone(), kept.clone());
    let next = move || async move {
        let token = Shutdown::current();
        is_held.happen();
        token.requested().await;
        is_kept.happen();
    };
    runtime.adopt(Smol, next).unwrap();
    holds.expect("it holds a token");
    let fails = || async { Err::<(), _>("while nobody listens") };
    runtime.adopt(Smol, fails).unwrap();
    kept.expect("the failure waits to be told");
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    trace(is_warning, move |text| {
        sender.lock().unwrap().send(text).unwrap()
    });
    LOGGER.go.get_or_init(Event::new).happen();
    runtime.wait().unwrap_err();
    fail_on(&common::runtime());
    let told: Vec<_> = receiver.try_iter().collect();
    let is_heard = told.iter().any(|text| text.contains("cannot write"));
    assert!(is_heard, "{told:?}");
}

/// An event that is first told under no subscriber is known to none: `tracing` remembers that.
fn a7_a_subscriber_set_while_a_line_waits_hears_of_all_that_follow() {
    child::play("set meanwhile").has_ended();
}

/// What hears of a failure brings another one about, of a payload that would be left behind.
pub fn failing_meanwhile() {
    let (go, told) = (Event::new(), Event::new());
    let (goes, is_told) = (go.clone(), told.clone());
    trace(is_warning, move |text| match text.contains("the second") {
        true => is_told.happen(),
        false => {
            // Long enough for a report that does not wait.
            thread::sleep(Duration::from_millis(100));
            goes.happen();
            told.expect("the second failure is told on the thread of its own");
        }
    });
    let runtime = common::started();
    let running = Event::new();
    let is_running = running.clone();
    let second = move || {
        is_running.happen();
        block_until(&go);
        Err::<(), _>("the second")
    };
    runtime.adopt(Thread, second).unwrap();
    running.expect("the second runs");
    let first = || async { Err::<(), _>("the first") };
    runtime.adopt(Smol, first).unwrap();
    let error = runtime.wait().unwrap_err();
    let messages: Vec<_> = error.failures().iter().map(|one| one.message()).collect();
    assert_eq!(messages, ["the first", "the second"]);
    assert!(error.left_behind().is_empty(), "{error}");
}

fn a6_a_failure_that_comes_of_telling_another_is_in_the_report() {
    child::play("failing meanwhile").has_ended();
}
