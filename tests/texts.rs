//! What is printed of failures and stragglers, one by one. Rows A7 and S3.

mod common;

use std::time::Duration;

use common::*;
use foster::{
    Coroutine, FailureKind, IntoPayload, Parallel, Shutdown, Smol, StragglerReason, Subroutine,
    Thread, Ticket, TokioMultiThread,
};

once!(
    a7_each_kind_of_failure_has_a_name,
    a7_a_failure_shows_all_that_it_knows,
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
