//! The texts of reports, and errors that do their worst to them.

use super::*;

once!(
    the_report_reads_well,
    hostile_texts_do_not_break_the_report,
    an_error_that_cannot_be_shown_is_still_a_failure,
    a_refused_payload_is_a_report_too,
    an_error_whose_drop_panics_hurts_nobody,
    a_report_of_many_stragglers_stays_short,
);

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
