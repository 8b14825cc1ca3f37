//! What ends of services mean. Row V2.

use super::*;

once!(v2_a_thread_that_was_never_asked_is_left_behind);

on_every_flavour!(
    v2_a_failure_ends_the_runtime_and_names_the_service,
    v2_a_panic_at_once_is_a_failure,
    v2_a_normal_return_is_fine_or_a_failure,
    v2_an_exit_may_end_the_runtime,
    v2_what_is_returned_after_its_own_stop_is_the_units_and_a_panic_is_not,
    until_idle_waits_for_services,
);

fn v2_a_failure_ends_the_runtime_and_names_the_service<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    let settings = Settings::new().name("poller");
    let unit = flavour
        .serve(&runtime, settings, || Err::<(), _>("no answer"))
        .unwrap();
    let error = runtime.run().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!((failure.payload(), failure.flavour()), ("poller", F::NAME));
    assert_eq!(
        (failure.kind(), failure.message()),
        (FailureKind::Error, "no answer")
    );
    assert!(
        failure.to_string().starts_with("service `poller` on "),
        "{failure}"
    );
    assert_eq!(failure.starts(), None);
    assert_eq!(unit.state(), UnitState::Failed);
    assert_eq!(
        runtime.units()[0].last_failure().unwrap().message(),
        "no answer"
    );
}

fn v2_a_panic_at_once_is_a_failure<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    let unit = flavour
        .serve(&runtime, Settings::new(), || -> () { panic!("at once") })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(unit.state(), UnitState::Failed);
}

fn v2_a_normal_return_is_fine_or_a_failure<F: AnyKind>(flavour: F) {
    let runtime = builder().until_idle().build();
    flavour
        .serve(&runtime, Settings::new().return_is_failure(), || Exit::Done)
        .unwrap();
    flavour.serve(&runtime, Settings::new(), || ()).unwrap();
    runtime.run().unwrap();

    let runtime = builder().build();
    flavour
        .serve(&runtime, Settings::new().return_is_failure(), || ())
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Returned);
}

fn v2_an_exit_may_end_the_runtime<F: AnyKind>(flavour: F) {
    let runtime = runtime();
    runtime.serve(service(Smol, pending::<()>)).unwrap();
    flavour
        .serve(&runtime, Settings::new(), || {
            Ok::<_, String>(Exit::Shutdown)
        })
        .unwrap();
    runtime.run().unwrap();
}

fn v2_what_is_returned_after_its_own_stop_is_the_units_and_a_panic_is_not<F: AnyKind>(flavour: F) {
    for panics in [false, true] {
        let runtime = started();
        let held = Event::new();
        let is_held = held.clone();
        let unit = runtime
            .serve(service(Thread, move || {
                let token = Shutdown::current();
                is_held.happen();
                assert!(token.wait_timeout(SOON));
                assert!(!panics, "while stopping");
                Err::<(), _>("asked to")
            }))
            .unwrap();
        flavour.serve(&runtime, Settings::new(), || ()).unwrap();
        held.expect("it runs");
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        assert_eq!(unit.state(), UnitState::Failed);
        runtime.shutdown();
        let result = runtime.wait();
        assert_eq!(result.is_err(), panics);
        if let Err(error) = result {
            assert_eq!(error.failures()[0].kind(), FailureKind::Panic);
        }
    }
}

fn v2_a_thread_that_was_never_asked_is_left_behind() {
    let runtime = started();
    let (done, ended) = (Event::new(), Event::new());
    let (until, has_ended) = (done.clone(), ended.clone());
    let unit = runtime
        .unit()
        .name("deaf")
        .serve(service(Thread, move || {
            block_until(&until);
            has_ended.happen();
        }))
        .unwrap();
    assert!(unit.wait_ready(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(runtime.left_behind()[0].payload(), Some("deaf"));
    assert_eq!(unit.state(), UnitState::LeftBehind);
    done.happen();
    ended.expect("it goes on");
}

fn until_idle_waits_for_services<F: AnyKind>(flavour: F) {
    let runtime = builder().until_idle().build();
    let ran = Arc::new(AtomicUsize::new(0));
    for _ in 0..20 {
        let ran = Arc::clone(&ran);
        let serve = move || {
            ran.fetch_add(1, SeqCst);
        };
        flavour.serve(&runtime, Settings::new(), serve).unwrap();
    }
    runtime.run().unwrap();
    assert_eq!(ran.load(SeqCst), 20);
}
