//! What is printed of failures and stragglers, one by one. Rows A7 and S3.

mod common;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env;
use std::process::Command;
use std::time::Duration;

use common::*;
use foster::{
    Coroutine, FailureKind, IntoPayload, Parallel, Shutdown, Smol, StragglerReason, Subroutine,
    Thread, Ticket, TokioMultiThread,
};

once!(
    a7_each_kind_of_failure_has_a_name,
    a7_a_failure_shows_all_that_it_knows,
    a7_a_failure_on_one_line_has_its_whole_chain,
    a7_a_backtrace_that_an_error_carries_is_in_the_report,
    a7_a_backtrace_is_reported,
    a7_what_a_flavour_sees_says_whose_it_is,
    s3_a_straggler_says_where_it_comes_from,
);

fn a7_each_kind_of_failure_has_a_name() {
    let names = [
        (FailureKind::Error, "error"),
        (FailureKind::Panic, "panic"),
        (FailureKind::OrphanedReturn, "orphaned return"),
        (FailureKind::Lost, "lost"),
        (FailureKind::NotReady, "not ready"),
        (FailureKind::Returned, "returned"),
        (FailureKind::Stuck, "stuck"),
    ];
    for (kind, name) in names {
        assert_eq!(kind.to_string(), name);
    }
}

fn a7_a_failure_shows_all_that_it_knows() {
    let runtime = runtime();
    runtime
        .named("poller")
        .adopt(Smol, || async {
            Err::<(), _>(anyhow::anyhow!("no route").context("no answer"))
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let shown = format!("{:?}", error.failures()[0]);
    for part in [
        "poller",
        "smol",
        "texts.rs",
        "Error",
        "no answer",
        "no route",
        "during_shutdown: false",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

fn a7_a_failure_on_one_line_has_its_whole_chain() {
    let runtime = runtime();
    runtime
        .named("poller")
        .adopt(Smol, || async {
            let error = anyhow::anyhow!("no\nroute").context("cannot connect");
            Err::<(), _>(error.context("no answer"))
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    let failure = error.failures()[0].clone();
    assert_eq!(
        format!("{failure:#}"),
        "payload `poller` on smol failed: no answer: cannot connect: no\\nroute"
    );
    assert_eq!(failure.to_string(), "payload `poller` on smol failed");
    // As anyhow does it, but for the line break.
    let shown = format!("{:#}", anyhow::Error::new(failure.clone()));
    assert_eq!(format!("{failure:#}"), shown.replace('\n', "\\n"));

    let runtime = common::runtime();
    let panic = || -> () { panic!("no luck") };
    runtime.named("once").adopt(Thread, panic).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(
        format!("{:#}", error.failures()[0]),
        "payload `once` on std::thread panicked: no luck"
    );
}

/// Only a process that was started with the variable takes backtraces.
fn a7_a_backtrace_that_an_error_carries_is_in_the_report() {
    for (variable, is_there) in [("1", true), ("0", false)] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["once::a7_a_backtrace_is_reported", "--exact", "--nocapture"])
            .env("RUST_BACKTRACE", variable)
            .env_remove("RUST_LIB_BACKTRACE")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        let mut report = text
            .lines()
            .skip_while(|line| !line.starts_with("payload `poller`"))
            .take_while(|line| *line != "the end of the report");
        report.next().expect("it begins with the failure");
        assert_eq!(report.next(), Some("  no answer"));
        assert_eq!(report.next(), Some("  caused by: no route"));
        let title = is_there.then_some("backtrace of payload `poller` on smol:");
        assert_eq!(report.next(), title, "{text}");
        let frames: Vec<_> = report.collect();
        assert!(frames.iter().all(|line| line.starts_with("  ")), "{text}");
        let place = frames.iter().any(|line| line.contains("texts::no_answer"));
        assert_eq!(place, is_there, "{text}");
    }
}

#[inline(never)]
fn no_answer() -> anyhow::Error {
    anyhow::anyhow!("no route").context("no answer")
}

fn a7_a_backtrace_is_reported() {
    let runtime = runtime();
    let fail = || async { Err::<(), _>(no_answer()) };
    runtime.named("poller").adopt(Smol, fail).unwrap();
    let error = runtime.run().unwrap_err();
    println!("\n{error}\nthe end of the report");
    // One that was not taken is no line.
    let is_taken = Backtrace::capture().status() == BacktraceStatus::Captured;
    assert_eq!(error.to_string().contains("backtrace of"), is_taken);
}

/// A payload that does nothing and shows itself as a flavour sees it.
struct Shown(Log<String>);

macro_rules! shown {
    ($kind:ident, $code:expr) => {
        impl IntoPayload<$kind> for Shown {
            type Output = ();

            fn into_payload(self, ticket: Ticket<()>) -> $kind {
                self.0.write(format!("{ticket:?}"));
                let payload = $kind::new($code, ticket);
                self.0.write(format!("{payload:?}"));
                self.0.write(format!("{:?}", payload.completion()));
                payload
            }
        }
    };
}

shown!(Coroutine, || async {});
shown!(Parallel, || async {});
shown!(Subroutine, || ());

fn a7_what_a_flavour_sees_says_whose_it_is() {
    let runtime = started();
    let log = Log::new();
    let poller = || runtime.named("poller");
    poller().adopt(Smol, Shown(log.clone())).unwrap();
    let threads = TokioMultiThread::new();
    poller().adopt(threads, Shown(log.clone())).unwrap();
    poller().adopt(Thread, Shown(log.clone())).unwrap();
    let mut expected = Vec::new();
    for (kind, flavour) in [
        ("Coroutine", "smol"),
        ("Parallel", "tokio::multi_thread"),
        ("Subroutine", "std::thread"),
    ] {
        expected.push(format!("Ticket for payload `poller` on {flavour}"));
        expected.push(format!("{kind} of payload `poller` on {flavour}"));
        expected.push("Completion".to_owned());
    }
    assert_eq!(log.read(), expected);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn s3_a_straggler_says_where_it_comes_from() {
    let runtime = builder().grace(Duration::from_millis(10)).build();
    runtime.start().unwrap();
    let (held, go) = (Event::new(), Event::new());
    let (is_held, its_go) = (held.clone(), go.clone());
    let line = line!() + 2;
    runtime
        .adopt(Thread, move || {
            let _token = Shutdown::current();
            is_held.happen();
            block_until(&its_go);
        })
        .unwrap();
    held.expect("the payload holds a token");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    go.happen();
    let straggler = &error.stragglers()[0];
    assert_eq!(straggler.flavour(), "std::thread");
    assert_eq!(straggler.reason(), StragglerReason::Overran);
    let location = straggler.location().expect("it is a payload");
    assert!(location.file().ends_with("texts.rs"), "{location}");
    assert_eq!(location.line(), line);
    let place = format!("texts.rs:{line}");
    assert!(
        straggler
            .payload()
            .is_some_and(|name| name.ends_with(&place))
    );
    let shown = format!("{straggler:?}");
    for part in [place.as_str(), "std::thread", "Overran"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}
