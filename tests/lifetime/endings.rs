//! What ends a runtime, and what its end is to those within. Rows L1, L5, L6, L8 and L9.

use super::*;

on_every_flavour!(
    l1_a_failure_ends_the_run,
    l1_shutdown_ends_the_run_cleanly,
    l6_shutdown_works_inside_a_payload,
    l6_what_waits_at_an_early_shutdown_is_dropped_unrun,
    l8_a_stopping_error_is_no_failure,
    l9_until_idle_ends_when_all_is_done,
);

on_async_flavours!(
    l1_everything_else_is_stopped,
    #[cfg(target_os = "linux")]
    l5_no_executor_thread_outlives_the_run,
);

once!(
    l6_shutdown_works_in_destructors_and_any_number_of_times,
    l9_without_until_idle_the_run_goes_on,
    l9_an_idle_runtime_ends_at_once,
);

fn l1_a_failure_ends_the_run<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    flavour.adopt(&runtime, || Err::<(), _>("broken")).unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.kind(), RunErrorKind::Failed);
    let [failure] = error.failures() else {
        panic!("one failure, not {error}");
    };
    assert_eq!(failure.flavour(), F::NAME);
    assert_eq!(failure.kind(), FailureKind::Error);
    assert_eq!(failure.message(), "broken");
    assert!(!failure.during_shutdown());
}

fn l1_shutdown_ends_the_run_cleanly<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    let ran = Event::new();
    flavour
        .adopt(&runtime, {
            let ran = ran.clone();
            move || ran.happen()
        })
        .unwrap();
    ran.expect("the payload runs");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l1_everything_else_is_stopped<F: AsyncFlavour>(flavour: F) {
    let runtime = runtime();
    let dropped = Event::new();
    for key in [true, false] {
        let dropped = dropped.clone();
        let payload = move || async move {
            let _on_drop = OnDrop(move || dropped.happen());
            pending::<()>().await;
        };
        if key {
            runtime.adopt(flavour, payload).unwrap();
        } else {
            runtime.adopt(Tokio, payload).unwrap();
        }
    }
    let stopped = Event::new();
    let thread_stopped = stopped.clone();
    runtime
        .adopt(Thread, move || {
            let token = Shutdown::current();
            assert!(token.wait_timeout(SOON));
            thread_stopped.happen();
        })
        .unwrap();
    runtime
        .adopt(flavour, || async { Err::<(), _>("cause") })
        .unwrap();
    let error = runtime.run().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert!(dropped.has_happened() && stopped.has_happened());
}

#[cfg(target_os = "linux")]
fn l5_no_executor_thread_outlives_the_run<F: AsyncFlavour>(flavour: F) {
    let name: &'static str = match F::NAME {
        "smol" => "a::l5",
        _ => "b::l5",
    };
    let instance = Instance::named(flavour, Identifier::parse(name).unwrap());
    let runtime = runtime();
    let seen = Arc::new(AtomicUsize::new(0));
    let (stop, count) = (runtime.clone(), Arc::clone(&seen));
    runtime
        .adopt(instance, move || async move {
            count.store(threads_named(name), SeqCst);
            stop.shutdown();
            pending::<()>().await;
        })
        .unwrap();
    runtime.run().unwrap();
    assert!(seen.load(SeqCst) > 0, "its thread is seen while it runs");
    // A joined thread leaves the kernel's list a moment after the join.
    let deadline = std::time::Instant::now() + Duration::from_millis(100);
    while threads_named(name) > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "its thread is still there"
        );
        thread::yield_now();
    }
}

fn l6_shutdown_works_inside_a_payload<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let stop = runtime.clone();
    flavour.adopt(&runtime, move || stop.shutdown()).unwrap();
    runtime.run().unwrap();
}

fn l6_what_waits_at_an_early_shutdown_is_dropped_unrun<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let dropped = Event::new();
    let on_drop = OnDrop({
        let dropped = dropped.clone();
        move || dropped.happen()
    });
    flavour
        .adopt(&runtime, move || {
            let _on_drop = on_drop;
            Err::<(), _>("it must not run")
        })
        .unwrap();
    runtime.shutdown();
    runtime.run().unwrap();
    assert!(dropped.has_happened());
}

fn l6_shutdown_works_in_destructors_and_any_number_of_times() {
    let runtime = runtime();
    for _ in 0..3 {
        let stop = runtime.clone();
        runtime
            .adopt(Tokio, move || async move {
                stop.shutdown();
                let _again = OnDrop(|| stop.shutdown());
                pending::<()>().await;
            })
            .unwrap();
    }
    runtime.run().unwrap();
    runtime.shutdown();
}

fn l8_a_stopping_error_is_no_failure<F: AnyFlavour>(flavour: F) {
    use anyhow::Context as _;

    for wrapped in 0..4 {
        let runtime = started();
        let inner = runtime.clone();
        flavour
            .adopt(&runtime, move || -> anyhow::Result<()> {
                let _token = Shutdown::current();
                inner.shutdown();
                let adopted = inner.adopt(Smol, || async {});
                match wrapped {
                    0 => adopted?,
                    1 => adopted.context("a helper")?,
                    2 => adopted.map_err(std::io::Error::other)?,
                    _ => adopted.map_err(foster::RunError::from)?,
                }
                Ok(())
            })
            .unwrap();
        runtime.wait().unwrap();
    }

    let runtime = started();
    let inner = runtime.clone();
    let never_started = common::runtime();
    never_started.shutdown();
    flavour
        .adopt(&runtime, move || {
            inner.shutdown();
            never_started
                .execute(Smol, || async {})
                .map_err(Box::<dyn Error + Send + Sync>::from)
        })
        .unwrap();
    runtime.wait().unwrap();
}

fn l9_until_idle_ends_when_all_is_done<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let (inner, done) = (runtime.clone(), Arc::clone(&done));
        flavour
            .adopt(&runtime, move || {
                let count = Arc::clone(&done);
                inner
                    .adopt(Tokio, move || async move {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                        count.fetch_add(1, SeqCst);
                    })
                    .unwrap();
                done.fetch_add(1, SeqCst);
            })
            .unwrap();
    }
    runtime.run().unwrap();
    assert_eq!(done.load(SeqCst), 20);
}

fn l9_an_idle_runtime_ends_at_once() {
    builder().until_idle().build().run().unwrap();
}

fn l9_without_until_idle_the_run_goes_on() {
    let runtime = runtime();
    runtime.adopt(Smol, || async {}).unwrap();
    let run = thread::spawn({
        let runtime = runtime.clone();
        move || runtime.run()
    });
    // Idle again and again, and still there for the next one.
    for _ in 0..100 {
        while runtime.execute(Tokio, || async {}).is_err() {
            assert!(!run.is_finished(), "the run must not end by itself");
            thread::yield_now();
        }
    }
    assert!(!run.is_finished());
    runtime.shutdown();
    run.join().unwrap().unwrap();
}
