//! A flavour that loses, refuses or keeps payloads, polls them where it must not, or does not end. Rows E5, F1 and F2.

use super::*;

once!(
    f1_a_strangers_flavour_keeps_the_rows,
    e5_a_caller_of_a_stuck_flavour_is_let_go,
    f2_a_flavour_that_drops_a_payload_is_reported,
    f2_a_poll_on_a_second_thread_is_reported_and_sound,
    f2_a_drop_on_a_second_thread_is_reported_and_sound,
    a_flavour_that_rejects_says_why,
    a_flavour_that_will_not_join_is_a_straggler,
    a_flavour_that_keeps_its_payloads_is_told,
    a_flavour_that_panics_in_cancel_and_join_is_a_failure,
);

/// A runtime with little patience.
fn hasty() -> Runtime {
    let runtime = builder().cancel_timeout(Duration::from_millis(100)).build();
    runtime.start().unwrap();
    runtime
}

fn f1_a_strangers_flavour_keeps_the_rows() {
    let key = Strange(Fault::None);
    let runtime = started();
    assert_eq!(runtime.execute(key.clone(), || async { 1 }).unwrap(), 1);
    let inner = runtime.clone();
    let own = key.clone();
    let kind = runtime
        .execute(key.clone(), move || async move {
            inner.execute(own, || async {}).unwrap_err().kind()
        })
        .unwrap();
    assert_eq!(kind, ExecuteErrorKind::Deadlock);
    let dropped = Event::new();
    let is_dropped = dropped.clone();
    runtime
        .adopt(key.clone(), move || async move {
            let _on_drop = OnDrop(move || is_dropped.happen());
            pending::<()>().await;
        })
        .unwrap();
    runtime
        .named("broken")
        .adopt(key, || async { Err::<(), _>("x") })
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].flavour(), "strange");
    assert!(dropped.has_happened());
}

fn e5_a_caller_of_a_stuck_flavour_is_let_go() {
    let runtime = builder()
        .grace(Duration::from_millis(50))
        .cancel_timeout(Duration::from_millis(50))
        .build();
    runtime.start().unwrap();
    let inner = runtime.clone();
    let caller = thread::spawn(move || inner.execute(Strange(Fault::Stuck), || async {}));
    BLOCKED.expect("the caller waits");
    runtime.shutdown();
    runtime.wait().unwrap_err();
    let error = caller.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Cancelled);
}

fn f2_a_flavour_that_drops_a_payload_is_reported() {
    let runtime = started();
    runtime
        .named("dear")
        .adopt(Strange(Fault::DropsPayloads), || async {})
        .unwrap();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1);
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(error.failures()[0].payload(), "dear");
}

/// Adopts a future that is not `Send` and must neither be polled nor dropped off its thread.
fn adopt_bound(runtime: &Runtime, key: Strange) -> Arc<AtomicUsize> {
    let strays = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&strays);
    runtime
        .named("bound")
        .adopt(key, move || {
            let home = thread::current().id();
            let check = move || {
                if thread::current().id() != home {
                    count.fetch_add(1, SeqCst);
                }
            };
            async move {
                let _on_drop = OnDrop(&check);
                loop {
                    check();
                    futures_lite::future::yield_now().await;
                }
            }
        })
        .unwrap();
    strays
}

fn f2_a_poll_on_a_second_thread_is_reported_and_sound() {
    let runtime = started();
    let strays = adopt_bound(&runtime, Strange(Fault::PollsElsewhere));
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(error.failures()[0].payload(), "bound");
    assert!(error.to_string().contains("leaked"), "{error}");
    assert_eq!(strays.load(SeqCst), 0);
}

fn f2_a_drop_on_a_second_thread_is_reported_and_sound() {
    let runtime = started();
    let strays = adopt_bound(&runtime, Strange(Fault::DropsElsewhere));
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures().len(), 1, "{error}");
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert_eq!(strays.load(SeqCst), 0);
}

fn a_flavour_that_rejects_says_why() {
    let runtime = started();
    let error = runtime
        .adopt(Strange(Fault::Rejects), || async {})
        .unwrap_err();
    assert_eq!(error.kind(), AdoptErrorKind::Rejected);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "not on Tuesdays"
    );
    let error = runtime
        .execute(Strange(Fault::Rejects), || async {})
        .unwrap_err();
    assert_eq!(error.kind(), ExecuteErrorKind::Rejected);
    runtime.shutdown();
    runtime.wait().unwrap();

    let early = runtime_with_waiting(Strange(Fault::Rejects));
    let error = early.run().unwrap_err();
    assert!(error.to_string().contains("not on Tuesdays"), "{error}");
}

fn runtime_with_waiting(key: Strange) -> Runtime {
    let runtime = common::runtime();
    runtime.adopt(key, || async {}).unwrap();
    runtime
}

fn a_flavour_that_will_not_join_is_a_straggler() {
    let runtime = hasty();
    runtime
        .execute(Strange(Fault::WillNotJoin), || async {})
        .unwrap();
    runtime.execute(Smol, || async {}).unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.flavour(), "strange");
    assert_eq!(straggler.payload(), None);
    assert_eq!(straggler.reason(), StragglerReason::Thread);
    assert!(
        error.to_string().contains("executor thread of strange"),
        "{error}"
    );
}

fn a_flavour_that_keeps_its_payloads_is_told() {
    let runtime = hasty();
    runtime
        .named("kept")
        .adopt(Strange(Fault::NeverPolls), pending::<()>)
        .unwrap();
    KEPT.expect("the flavour forgets the payload");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("one straggler, not {error}");
    };
    assert_eq!(straggler.payload(), Some("kept"));
    assert_eq!(straggler.reason(), StragglerReason::Kept);
}

fn a_flavour_that_panics_in_cancel_and_join_is_a_failure() {
    let runtime = started();
    runtime
        .execute(Strange(Fault::PanicsAtTheEnd), || async {})
        .unwrap();
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    assert_eq!(error.failures()[0].kind(), FailureKind::Lost);
    assert!(error.to_string().contains("in cancel"), "{error}");
}
