//! What payloads may return, their panics, and what they spawn. Rows A4 and A5.

use super::*;

on_every_flavour!(
    a4_nothing_is_no_failure,
    a4_an_error_of_any_type_is_a_failure,
    a4_an_orphaned_return_is_a_failure,
    a5_a_panic_is_a_failure_with_its_message,
    a5_a_panic_whose_value_is_no_text_is_a_failure,
);

on_async_flavours!(
    a4_async_payloads_may_diverge,
    a5_a_panic_before_the_first_await_is_a_failure,
    a_task_that_a_payload_spawned_is_its_own_business,
);

once!(a4_subroutines_may_diverge);

fn a4_nothing_is_no_failure<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    flavour.adopt(&runtime, || ()).unwrap();
    flavour.adopt(&runtime, || Ok::<(), String>(())).unwrap();
    flavour
        .adopt(&runtime, || Ok::<(), anyhow::Error>(()))
        .unwrap();
    flavour.adopt(&runtime, || None::<u8>).unwrap();
    flavour.adopt(&runtime, || None::<Infallible>).unwrap();
    runtime.run().unwrap();
}

#[derive(Debug, PartialEq)]
struct Custom(u8);

impl fmt::Display for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "custom {}", self.0)
    }
}

impl Error for Custom {}

fn a4_an_error_of_any_type_is_a_failure<F: AnyFlavour>(flavour: F) {
    let message = |adopt: fn(&Runtime, F)| {
        let runtime = runtime();
        adopt(&runtime, flavour);
        let error = runtime.run().unwrap_err();
        assert_eq!(error.failures().len(), 1, "{error}");
        let failure = &error.failures()[0];
        assert_eq!(failure.kind(), FailureKind::Error);
        if failure.message().starts_with("custom") {
            let custom = failure.error().unwrap().downcast_ref::<Custom>();
            assert_eq!(custom, Some(&Custom(7)));
        }
        failure.message().to_owned()
    };
    assert_eq!(
        message(|runtime, flavour| flavour.adopt(runtime, || Err::<(), _>("text")).unwrap()),
        "text"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<Infallible, _>(String::from("string")))
            .unwrap()),
        "string"
    );
    assert_eq!(
        message(|runtime, flavour| flavour.adopt(runtime, || Err::<(), _>(Custom(7))).unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), _>(anyhow::Error::from(Custom(7))))
            .unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), Box<dyn Error + Send + Sync>>(
                Box::new(Custom(7))
            ))
            .unwrap()),
        "custom 7"
    );
    assert_eq!(
        message(|runtime, flavour| flavour
            .adopt(runtime, || Err::<(), _>(std::io::Error::other("io")))
            .unwrap()),
        "io"
    );
}

fn a4_an_orphaned_return_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour.adopt(&runtime, || Some(Custom(3))).unwrap();
    let error = runtime.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.kind(), FailureKind::OrphanedReturn);
    assert_eq!(failure.message(), "Custom(3)");
}

fn a4_async_payloads_may_diverge<F: AsyncFlavour>(flavour: F) {
    let runtime = runtime();
    runtime.adopt(flavour, async || {}).unwrap();
    runtime
        .adopt(flavour, || async {
            loop {
                pending::<()>().await;
            }
        })
        .unwrap();
    runtime
        .adopt(flavour, async || panic!("at the end"))
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "at the end");
}

fn a4_subroutines_may_diverge() {
    let runtime = runtime();
    let (end, ended) = (Event::new(), Event::new());
    let (is_end, is_ended) = (end.clone(), ended.clone());
    runtime
        .adopt(Thread, move || {
            // Unwinds in the end, so that the thread does not outlive its test.
            let _on_drop = OnDrop(move || is_ended.happen());
            loop {
                assert!(!is_end.has_happened(), "the test is over");
                thread::park_timeout(Duration::from_millis(1));
            }
        })
        .unwrap();
    runtime.adopt(Thread, || panic!("at the end")).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "at the end");
    end.happen();
    ended.expect("the endless payload ends with the test");
}

fn a5_a_panic_is_a_failure_with_its_message<F: AnyFlavour>(flavour: F) {
    for formatted in [false, true] {
        let runtime = runtime();
        flavour
            .adopt(&runtime, move || -> () {
                if formatted {
                    panic!("broken {}", 1 + 1);
                }
                panic!("broken");
            })
            .unwrap();
        let error = runtime.run().unwrap_err();
        let failure = &error.failures()[0];
        assert_eq!(failure.kind(), FailureKind::Panic);
        assert_eq!(
            failure.message(),
            if formatted { "broken 2" } else { "broken" }
        );
        assert_eq!(failure.flavour(), F::NAME);
        assert!(failure.error().is_none());
    }
}

fn a5_a_panic_whose_value_is_no_text_is_a_failure<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let bomb = || OnDrop(|| panic!("the value's destructor panics as well"));
    flavour
        .adopt(&runtime, move || -> () { std::panic::panic_any(bomb()) })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert!(error.failures()[0].message().contains("no text"), "{error}");
}

fn a5_a_panic_before_the_first_await_is_a_failure<F: AsyncFlavour>(flavour: F) {
    let runtime = runtime();
    runtime
        .adopt(flavour, || {
            if true {
                panic!("while the future is made");
            }
            async {}
        })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].message(), "while the future is made");
}

fn a_task_that_a_payload_spawned_is_its_own_business<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let outcome = runtime
        .execute(Tokio, || async {
            let has_token = tokio::task::spawn_local(async { Shutdown::try_current().is_some() });
            let panic = tokio::spawn(async { panic!("nobody watches this") });
            (has_token.await.unwrap(), panic.await.is_err())
        })
        .unwrap();
    assert_eq!(
        outcome,
        (false, true),
        "no token there, and the panic is the payload's to see"
    );
    assert_eq!(
        runtime.execute(flavour, || async { 1 }).unwrap(),
        1,
        "the runtime goes on"
    );
    runtime.shutdown();
    let start = Instant::now();
    runtime.wait().unwrap();
    assert!(start.elapsed() < SOON);
}
