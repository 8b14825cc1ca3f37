//! Failures and their report: all of them, in order, told at once. Rows A6 and A7.

mod common;

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Wake};
use std::time::Duration;

use anyhow::Context as _;
use common::*;
use foster::{FailureKind, RunError, Shutdown, Smol, StragglerReason, Thread, Tokio};

on_every_flavour!(
    a6_the_run_waits_for_a_waker_and_goes_on_after_it,
    a6_the_cause_comes_first_and_the_rest_in_order,
    a6_the_first_64_are_kept_and_the_rest_counted,
    a7_a_failure_names_payload_flavour_place_and_chain,
    a7_a_failure_is_traced_the_moment_it_happens,
    a7_without_a_name_a_payload_is_known_by_its_place,
);
once!(
    the_report_reads_well,
    hostile_texts_do_not_break_the_report,
    an_error_that_cannot_be_shown_is_still_a_failure,
    a_refused_payload_is_a_report_too,
    an_error_whose_drop_panics_hurts_nobody,
    a_report_of_many_stragglers_stays_short,
);

fn a6_the_cause_comes_first_and_the_rest_in_order<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let (begun, is_begun) = (Event::new(), Event::new());
    let has_begun = begun.clone();
    runtime
        .named("second")
        .adopt(Thread, move || {
            let token = Shutdown::current();
            has_begun.happen();
            assert!(token.wait_timeout(SOON));
            Err::<(), _>("afterwards")
        })
        .unwrap();
    is_begun.happen();
    flavour
        .adopt_named(&runtime, "first", move || {
            begun.expect("the other holds a token");
            Err::<(), _>("the cause")
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let seen: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| {
            (
                failure.payload(),
                failure.message(),
                failure.during_shutdown(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("first", "the cause", false),
            ("second", "afterwards", true)
        ]
    );
    assert_eq!(error.omitted(), 0);
}

fn a6_the_first_64_are_kept_and_the_rest_counted<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    for number in 0..200 {
        flavour
            .adopt(&runtime, move || Err::<(), _>(number.to_string()))
            .unwrap();
    }
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures().len(), 64);
    assert_eq!(error.failures().len() + error.omitted(), 200);
    assert_eq!(
        error
            .failures()
            .iter()
            .filter(|one| !one.during_shutdown())
            .count(),
        1
    );
    if F::IN_TURN {
        let numbers = error
            .failures()
            .iter()
            .map(|failure| failure.message().parse::<usize>());
        assert!(
            numbers.eq((0..64).map(Ok)),
            "in the order in which they happened"
        );
    }
    assert!(error.to_string().contains("136 more failures"), "{error}");
}

fn a7_a_failure_names_payload_flavour_place_and_chain<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour
        .adopt_named(&runtime, "reader", || -> anyhow::Result<()> {
            let disk = io::Error::other("the disk is gone");
            Err(disk)
                .context("cannot read the index")
                .context("cannot start")
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.payload(), "reader");
    assert_eq!(failure.flavour(), F::NAME);
    assert!(failure.location().file().ends_with(".rs"));
    assert_eq!(failure.message(), "cannot start");
    assert_eq!(
        failure.chain(),
        ["cannot read the index", "the disk is gone"]
    );
    assert!(failure.error().is_some());
    let report = without_backtraces(&error.to_string());
    for part in [
        "reader",
        F::NAME,
        "cannot start",
        "cannot read the index",
        "the disk is gone",
    ] {
        assert_eq!(
            report.matches(part).count(),
            1,
            "`{part}` once in: {report}"
        );
    }
}

fn a7_without_a_name_a_payload_is_known_by_its_place<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    // The trait's own method is called here, and it is the place: `#[track_caller]` leads back.
    let line = line!() + 1;
    flavour.adopt(&runtime, || Err::<(), _>("x")).unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.location().line(), line);
    assert_eq!(failure.payload(), format!("{}:{line}", file!()));
}

/// What the process has traced, as text.
fn traced() -> &'static Mutex<Vec<u8>> {
    static TRACED: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    TRACED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(|| Writer)
            .init();
        Mutex::default()
    })
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        traced().lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn a7_a_failure_is_traced_the_moment_it_happens<F: AnyFlavour>(flavour: F) {
    let traced = traced();
    let runtime = started();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    runtime
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the grace time is held open");
    let name: &'static str = match F::NAME {
        "smol" => "traced on smol",
        "tokio" => "traced on tokio",
        "tokio::multi_thread" => "traced on several threads",
        _ => "traced on a thread",
    };
    flavour
        .adopt_named(&runtime, name, || Err::<(), _>("told at once"))
        .unwrap();
    // The runtime cannot end yet, and the failure is told already.
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let text = String::from_utf8(traced.lock().unwrap().clone()).unwrap();
        if let Some(line) = text.lines().find(|line| line.contains(name)) {
            assert!(
                line.contains("told at once") && line.contains(F::NAME),
                "{line}"
            );
            assert!(line.contains("during_shutdown=false"), "{line}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "not traced: {text}");
        std::thread::yield_now();
    }
    go.happen();
    runtime.wait().unwrap_err();
}

fn the_report_reads_well() {
    let runtime = builder()
        .grace(std::time::Duration::from_millis(20))
        .build();
    let (ready, go) = (Event::new(), Event::new());
    let (is_ready, its_go) = (ready.clone(), go.clone());
    let left = Event::new();
    let is_left = left.clone();
    runtime
        .named("deaf")
        .adopt(Thread, move || {
            is_left.happen();
            block_until(&its_go);
        })
        .unwrap();
    runtime
        .named("slow")
        .adopt(Smol, move || async move {
            let _token = Shutdown::current();
            let _on_drop = OnDrop(|| panic!("at the end"));
            is_ready.happen();
            std::future::pending::<()>().await;
        })
        .unwrap();
    let line = line!() + 3;
    runtime
        .named("server")
        .adopt(Tokio, move || async move {
            ready.expect("the other runs");
            left.expect("the thread runs");
            Err::<(), _>(anyhow::anyhow!("two\nlines").context("cannot serve"))
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    go.happen();
    let file = file!();
    let place = |payload: &str| {
        let failures = error
            .failures()
            .iter()
            .map(|one| (one.payload(), one.location()));
        let stragglers = error.stragglers().iter().chain(error.left_behind());
        let stragglers = stragglers.map(|one| (one.payload().unwrap(), one.location().unwrap()));
        let found = failures
            .chain(stragglers)
            .find(|(name, _)| *name == payload);
        let place = found.unwrap().1;
        format!("{}:{}", place.file(), place.line())
    };
    assert_eq!(place("server"), format!("{file}:{line}"));
    let wanted = format!(
        "payload `server` on tokio failed (from {})
  cannot serve
  caused by: two
  lines
then, during shutdown:
  payload `slow` on smol panicked (from {})
    at the end
did not end in time:
  payload `slow` on smol (from {}): asked to end, it overran the time that it had
left behind, still running:
  payload `deaf` on std::thread (from {})",
        place("server"),
        place("slow"),
        place("slow"),
        place("deaf"),
    );
    assert_eq!(without_backtraces(&error.to_string()), wanted);
    assert_eq!(
        without_backtraces(&format!("{error:?}")),
        wanted,
        "main prints it once, and whole"
    );
    assert_eq!(error.stragglers()[0].reason(), StragglerReason::Overran);
}

fn hostile_texts_do_not_break_the_report() {
    let runtime = runtime();
    let name = format!("\u{1b}[2J\nfake line{}", "x".repeat(1_000_000));
    runtime
        .named(name.clone())
        .adopt(Smol, || async {
            Err::<(), _>(format!("\u{1b}]0;\r{}", "y".repeat(1_000_000)))
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].payload(), name, "as data it is whole");
    let report = error.to_string();
    assert!(report.len() < 10_000, "{} bytes", report.len());
    assert!(!report.contains('\u{1b}') && !report.contains('\r'));
    assert!(
        !report.lines().any(|line| line.starts_with("fake line")),
        "{report}"
    );
}

#[derive(Debug)]
struct Unshowable;

impl std::fmt::Display for Unshowable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no text");
    }
}

impl std::error::Error for Unshowable {}

/// An error that is its own source, without end.
#[derive(Debug)]
struct Endless;

impl std::fmt::Display for Endless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("again")
    }
}

impl std::error::Error for Endless {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self)
    }
}

/// An error that panics when it is asked for its source.
#[derive(Debug)]
struct NoSource;

impl std::fmt::Display for NoSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("mine")
    }
}

impl std::error::Error for NoSource {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        panic!("no source");
    }
}

fn an_error_that_cannot_be_shown_is_still_a_failure() {
    let runtime = runtime();
    runtime
        .adopt(Smol, || async { Err::<(), _>(NoSource) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Error);
    assert_eq!(error.failures()[0].message(), "mine");

    let runtime = common::runtime();
    runtime
        .adopt(Smol, || async { Err::<(), _>(Unshowable) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Error);
    assert!(error.to_string().contains("cannot be shown"), "{error}");

    let runtime = common::runtime();
    runtime
        .adopt(Smol, || async { Err::<(), _>(Endless) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].chain().len(), 32);
}

fn a_refused_payload_is_a_report_too() {
    fn adopt_too_late() -> Result<(), RunError> {
        let runtime = started();
        runtime.shutdown();
        runtime.named("late").adopt(Smol, || async {})?;
        runtime.wait()
    }
    let error = adopt_too_late().unwrap_err();
    assert_eq!(error.failures()[0].payload(), "late");
    assert!(error.to_string().contains("stopping"), "{error}");
}

/// An error whose destructor panics, wherever that may be.
#[derive(Debug)]
struct Explosive;

impl std::fmt::Display for Explosive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("handle with care")
    }
}

impl std::error::Error for Explosive {}

impl Drop for Explosive {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

fn an_error_whose_drop_panics_hurts_nobody() {
    let runtime = runtime();
    runtime
        .adopt(Smol, || async { Err::<(), _>(Explosive) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "handle with care");
    // The last of the report: its drop must not unwind into this test.
    drop(runtime);
    drop(error);
}

fn a_report_of_many_stragglers_stays_short() {
    let short = std::time::Duration::from_millis(20);
    let runtime = builder().grace(short).build();
    runtime.start().unwrap();
    for _ in 0..500 {
        runtime
            .adopt(Smol, || async {
                let _token = Shutdown::current();
                std::future::pending::<()>().await;
            })
            .unwrap();
    }
    runtime.execute(Smol, || async {}).unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.stragglers().len(), 500, "as data it is whole");
    let report = error.to_string();
    assert_eq!(report.lines().count(), 1 + 64 + 1);
    assert!(report.ends_with("… and 436 more"), "{report}");
}

/// A waker that comes back when it may.
struct Waits {
    woken: Event,
    go: Event,
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        self.woken.happen();
        block_until(&self.go);
    }
}

fn a6_the_run_waits_for_a_waker_and_goes_on_after_it<F: AnyFlavour>(flavour: F) {
    let runtime = builder().cancel_timeout(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let (sender, receiver) = channel();
    let holder = move || async move {
        let token = Shutdown::current();
        sender.send(token.clone()).unwrap();
        token.requested().await;
    };
    runtime.adopt(Smol, holder).unwrap();
    let token = receiver.recv_timeout(SOON).unwrap();
    let (woken, go) = (Event::new(), Event::new());
    let waits = Waits {
        woken: woken.clone(),
        go: go.clone(),
    };
    let waker = Arc::new(waits).into();
    let mut requested = pin!(token.requested());
    let polled = requested.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    flavour.adopt(&runtime, || Err::<(), _>("fails")).unwrap();
    woken.expect("the failure ends the runtime");
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("nothing is told any more");
    let error = waiter.join().unwrap().unwrap_err();
    assert_eq!(error.failures().len(), 1);
}
