//! Life: when a runtime starts, runs and ends. Rows L1 to L10.

mod common;

use std::error::Error;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use foster::{
    AdoptErrorKind, BoxError, Coroutine, ExecuteErrorKind, FailureKind, Flavour, Identifier,
    Instance, Key, Reporter, RunErrorKind, Shutdown, Smol, Thread, Tokio,
};

on_every_flavour!(
    l1_a_failure_ends_the_run,
    l1_shutdown_ends_the_run_cleanly,
    l3_what_waits_starts_in_order,
    l4_a_dropped_runtime_drops_what_waits_unrun,
    l6_shutdown_works_inside_a_payload,
    l6_what_waits_at_an_early_shutdown_is_dropped_unrun,
    l7_adopt_is_refused_once_the_stop_has_begun,
    l7_the_stop_begins_inside_the_failing_payload,
    l8_a_stopping_error_is_no_failure,
    l9_until_idle_ends_when_all_is_done,
    l10_runtimes_live_beside_each_other,
);
on_async_flavours!(
    l1_everything_else_is_stopped,
    l5_no_executor_thread_outlives_the_run,
    l7_what_was_accepted_gets_its_first_poll,
    l7_the_first_poll_is_waited_for_to_its_end,
    l7_the_stop_goes_on_when_the_last_first_poll_is_over,
    l7_any_payload_may_execute_while_stopping,
);
once!(
    l2_a_runtime_runs_once,
    l2_runs_at_the_same_time_are_refused,
    l3_a_conflicting_key_is_refused_at_once,
    l3_a_flavour_that_cannot_start_is_told,
    l4_a_flavour_costs_nothing_before_its_first_payload,
    l6_shutdown_works_in_destructors_and_any_number_of_times,
    l7_a_subroutine_accepted_before_the_stop_gets_its_thread,
    l9_without_until_idle_the_run_goes_on,
    l9_an_idle_runtime_ends_at_once,
    l10_runtimes_live_one_after_another,
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

fn l2_a_runtime_runs_once() {
    let runtime = builder().until_idle().build();
    runtime.run().unwrap();
    for error in [runtime.run().unwrap_err(), runtime.start().unwrap_err()] {
        assert_eq!(error.kind(), RunErrorKind::AlreadyStarted);
        assert!(error.to_string().contains("runs once"), "{error}");
        assert!(error.failures().is_empty());
    }
}

fn l2_runs_at_the_same_time_are_refused() {
    let runtime = runtime();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.start().is_ok())
        })
        .collect();
    let started = starts.into_iter().map(|start| start.join().unwrap());
    assert_eq!(started.filter(|ok| *ok).count(), 1);
    assert_eq!(
        runtime.run().unwrap_err().kind(),
        RunErrorKind::AlreadyStarted
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l3_what_waits_starts_in_order<F: AnyFlavour>(flavour: F) {
    let runtime = builder().until_idle().build();
    let log = Log::new();
    for number in 0..100 {
        let log = log.clone();
        flavour.adopt(&runtime, move || log.write(number)).unwrap();
    }
    assert!(log.read().is_empty(), "nothing runs before the start");
    runtime.run().unwrap();
    let mut seen = log.read();
    if !F::IN_TURN {
        // They start in order; when each gets to write is the scheduler's choice.
        seen.sort_unstable();
    }
    assert_eq!(seen, (0..100).collect::<Vec<_>>());
}

fn l3_a_conflicting_key_is_refused_at_once() {
    const TWIN: Instance<Tokio> = Instance::new(Tokio, "smol");
    let runtime = runtime();
    runtime.adopt(Smol, || async {}).unwrap();
    let error = runtime.adopt(TWIN, || async {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Conflict);
    let text = error.to_string();
    assert!(text.contains("Tokio") && text.contains("Smol"), "{text}");

    let other_kind: Instance<Thread> = Instance::new(Thread, "smol");
    let error = runtime.adopt(other_kind, || {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Conflict);

    let error = builder()
        .register(Smol)
        .unwrap()
        .register(TWIN)
        .unwrap_err();
    assert!(error.to_string().contains("one identifier"), "{error}");
}

/// A flavour that cannot be started.
#[derive(Clone, Debug, PartialEq)]
struct Unstartable;

impl Key for Unstartable {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        Identifier::new("un::startable")
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Err("no fuel".into())
    }
}

fn l3_a_flavour_that_cannot_start_is_told() {
    let early = runtime();
    early
        .named("early")
        .adopt(Unstartable, || async {})
        .unwrap();
    let error = early.run().unwrap_err();
    let failure = &error.failures()[0];
    assert_eq!(failure.kind(), FailureKind::Lost);
    assert_eq!(failure.payload(), "early");
    assert!(error.to_string().contains("no fuel"), "{error}");

    let running = started();
    let error = running.adopt(Unstartable, || async {}).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Start);
    assert_eq!(error.source().unwrap().to_string(), "no fuel");
    let error = running.execute(Unstartable, || async {}).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Start);
    running.shutdown();
    running.wait().unwrap();
}

fn l4_a_flavour_costs_nothing_before_its_first_payload() {
    const QUIET: Instance<Smol> = Instance::new(Smol, "s::l4");
    let runtime = builder().register(QUIET).unwrap().build();
    runtime.start().unwrap();
    assert_eq!(threads_named("foster s::l4"), 0);
    runtime.execute(QUIET, || async {}).unwrap();
    // The kernel's list may miss a thread while others come and go.
    while threads_named("foster s::l4") == 0 {
        thread::yield_now();
    }
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l4_a_dropped_runtime_drops_what_waits_unrun<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let dropped = Event::new();
    let on_drop = OnDrop({
        let dropped = dropped.clone();
        move || dropped.happen()
    });
    flavour
        .adopt(&runtime, move || {
            let _on_drop = on_drop;
            unreachable!("it must not run");
        })
        .unwrap();
    assert!(!dropped.has_happened());
    drop(runtime);
    assert!(dropped.has_happened());
}

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
    let deadline = Instant::now() + Duration::from_millis(100);
    while threads_named(name) > 0 {
        assert!(Instant::now() < deadline, "its thread is still there");
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

fn l7_adopt_is_refused_once_the_stop_has_begun<F: AnyFlavour>(flavour: F) {
    let runtime = started();
    runtime.shutdown();
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
    runtime.wait().unwrap();
    let error = flavour.adopt(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Stopping);
    let error = flavour.execute(&runtime, || ()).unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Stopping);
}

fn l7_the_stop_begins_inside_the_failing_payload<F: AnyFlavour>(flavour: F) {
    let runtime = runtime();
    let refused = Event::new();
    let (adopter, was_refused) = (runtime.clone(), refused.clone());
    // A second payload, adopted after the first, sees the stop at its first poll.
    runtime
        .adopt(Smol, {
            let runtime = runtime.clone();
            move || async move {
                let token = Shutdown::current();
                flavour.adopt(&runtime, || Err::<(), _>("first")).unwrap();
                token.requested().await;
                if adopter.adopt(Thread, || ()).is_err() {
                    was_refused.happen();
                }
            }
        })
        .unwrap();
    runtime.run().unwrap_err();
    assert!(refused.has_happened());
}

fn l7_what_was_accepted_gets_its_first_poll<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let polled = Arc::new(AtomicUsize::new(0));
    let outer = runtime.clone();
    let count = Arc::clone(&polled);
    runtime
        .adopt(flavour, move || async move {
            // All of them are in the queue of the very thread that stops the runtime.
            for _ in 0..1_000 {
                let count = Arc::clone(&count);
                outer
                    .adopt(flavour, move || async move {
                        count.fetch_add(1, SeqCst);
                        pending::<()>().await;
                    })
                    .unwrap();
            }
            outer.shutdown();
        })
        .unwrap();
    runtime.wait().unwrap();
    assert_eq!(polled.load(SeqCst), 1_000);
}

/// A token that is taken in its last lines counts as one in its first.
fn l7_the_first_poll_is_waited_for_to_its_end<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let (polled, go, ended) = (Event::new(), Event::new(), Event::new());
    let (is_polled, its_go, has_ended) = (polled.clone(), go.clone(), ended.clone());
    let payload = move || async move {
        is_polled.happen();
        block_until(&its_go);
        let token = Shutdown::current();
        futures_lite::future::yield_now().await;
        token.requested().await;
        has_ended.happen();
    };
    runtime.adopt(flavour, payload).unwrap();
    polled.expect("the payload has its first poll");
    runtime.shutdown();
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("the payload ends, and the runtime with it");
    waiter.join().unwrap().unwrap();
    assert!(ended.has_happened(), "it was not dropped where it awaits");
}

/// Nothing ends then that the stop could hear of, and nobody holds it up any more.
fn l7_the_stop_goes_on_when_the_last_first_poll_is_over<F: AsyncFlavour>(flavour: F) {
    let runtime = builder().grace(Duration::from_secs(3_600)).build();
    runtime.start().unwrap();
    let (polled, go) = (Event::new(), Event::new());
    let (is_polled, its_go) = (polled.clone(), go.clone());
    let payload = move || async move {
        is_polled.happen();
        block_until(&its_go);
        pending::<()>().await;
    };
    runtime.adopt(flavour, payload).unwrap();
    polled.expect("the payload has its first poll");
    runtime.shutdown();
    let (over, waiter) = wait_apart(runtime);
    assert!(!over.happens_within(Duration::from_millis(50)));
    go.happen();
    over.expect("the stop goes on");
    waiter.join().unwrap().unwrap();
}

fn l7_a_subroutine_accepted_before_the_stop_gets_its_thread() {
    for _ in 0..20 {
        let runtime = started();
        let ran = Event::new();
        let thread_ran = ran.clone();
        runtime.adopt(Thread, move || thread_ran.happen()).unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        ran.expect("its thread runs it");
    }
}

fn l7_any_payload_may_execute_while_stopping<F: AsyncFlavour>(flavour: F) {
    let runtime = started();
    let ready = Event::new();
    let log = Log::new();
    for holds in [true, false] {
        let (inner, ready, log) = (runtime.clone(), ready.clone(), log.clone());
        runtime
            .adopt(Thread, move || {
                let token = holds.then(Shutdown::current);
                ready.happen();
                if let Some(token) = &token {
                    assert!(token.wait_timeout(SOON));
                } else {
                    while inner.adopt(Thread, || ()).is_ok() {
                        thread::yield_now();
                    }
                }
                let value = inner.execute(flavour, || async { 7 });
                log.write((holds, value.map_err(|error| error.kind())));
            })
            .unwrap();
    }
    ready.expect("a payload holds a token");
    // Keeps the grace time open until both have tried.
    let (seen, held) = (log.clone(), Event::new());
    runtime
        .adopt(Thread, {
            let held = held.clone();
            move || {
                let _token = Shutdown::current();
                held.happen();
                while seen.read().len() < 2 {
                    thread::yield_now();
                }
            }
        })
        .unwrap();
    held.expect("the keeper holds a token");
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut seen = log.read();
    seen.sort_by_key(|(holds, _)| *holds);
    assert_eq!(seen, [(false, Ok(7)), (true, Ok(7))]);
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

fn l10_runtimes_live_beside_each_other<F: AnyFlavour>(flavour: F) {
    let (one, two) = (started(), started());
    flavour.adopt(&one, || Err::<(), _>("one fails")).unwrap();
    one.wait().unwrap_err();
    assert_eq!(flavour.execute(&two, || 2).unwrap(), 2);
    two.shutdown();
    two.wait().unwrap();
}

fn l10_runtimes_live_one_after_another() {
    for _ in 0..50 {
        let runtime = builder().until_idle().build();
        runtime.adopt(Smol, || async {}).unwrap();
        runtime.adopt(Tokio, || async {}).unwrap();
        runtime.adopt(Thread, || ()).unwrap();
        runtime.run().unwrap();
    }
}
