//! How a runtime begins, alone and beside others. Rows L2 to L4 and L10.

use super::*;

on_every_flavour!(
    l3_what_waits_starts_in_order,
    l4_a_dropped_runtime_drops_what_waits_unrun,
    l10_runtimes_live_beside_each_other,
);

once!(
    l2_a_runtime_runs_once,
    l2_runs_at_the_same_time_are_refused,
    l3_a_conflicting_key_is_refused_at_once,
    l3_a_flavour_that_cannot_start_is_told,
    #[cfg(target_os = "linux")]
    l4_a_flavour_costs_nothing_before_its_first_payload,
    l10_runtimes_live_one_after_another,
);

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

#[cfg(target_os = "linux")]
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
