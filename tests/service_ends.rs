//! How services end, and what is known of it afterwards. Rows V3, V4, V10, V11, L6.

mod common;

use std::future::pending;
use std::time::Duration;

use common::*;
use foster::{FailureKind, Smol, UnitState, service};

once!(l6_a_destructor_that_panics_before_the_start_is_told,);
on_async_flavours!(
    v3_what_waits_for_one_that_is_stopped_has_failed,
    v11_one_that_blocks_its_thread_is_told_alone_and_is_over,
);

fn v3_what_waits_for_one_that_is_stopped_has_failed<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let base = runtime.unit().name("base").notifies_ready();
    let base = base.serve(service(flavour, pending::<()>)).unwrap();
    let other = runtime.serve(service(flavour, pending::<()>)).unwrap();
    assert!(other.wait_ready(SOON));
    let dependent = runtime.unit().name("dependent").after(&base);
    let dependent = dependent.serve(service(flavour, pending::<()>)).unwrap();
    assert_eq!(dependent.state(), UnitState::Waiting);
    base.stop();
    let error = runtime.wait().unwrap_err();
    let [failure] = error.failures() else {
        panic!("{error}")
    };
    assert_eq!(
        (failure.payload(), failure.kind()),
        ("dependent", FailureKind::NotReady)
    );
    let text = "it waits for `base`, which was stopped before it was ready";
    assert!(error.to_string().contains(text), "{error}");
    let states = [base.state(), other.state(), dependent.state()];
    assert_eq!(
        states,
        [UnitState::Ended, UnitState::Ended, UnitState::Failed]
    );
}

fn v11_one_that_blocks_its_thread_is_told_alone_and_is_over<F: AsyncFlavour>(flavour: F) {
    const MOMENT: Duration = Duration::from_millis(50);
    let runtime = builder().grace(MOMENT).cancel_timeout(MOMENT).build();
    runtime.start().unwrap();
    let mut changes = runtime.unit_changes(100);
    let (blocks, go_on) = (Event::new(), Event::new());
    let (blocked, goes_on) = (blocks.clone(), go_on.clone());
    let run = move || {
        let (blocks, goes_on) = (blocks.clone(), goes_on.clone());
        async move {
            futures_lite::future::yield_now().await;
            blocks.happen();
            block_until(&goes_on);
        }
    };
    let unit = runtime.unit().name("blocker");
    let unit = unit.serve(service(flavour, run)).unwrap();
    blocked.expect("it blocks");
    runtime.shutdown();
    let error = runtime.wait().unwrap_err();
    let [straggler] = error.stragglers() else {
        panic!("{error}")
    };
    assert_eq!(straggler.payload(), Some("blocker"));
    assert_eq!(unit.state(), UnitState::LeftBehind);
    let mut last = None;
    while let Some(change) = changes.try_recv() {
        last = Some(change.state());
    }
    assert_eq!(last, Some(UnitState::LeftBehind));
    go_on.happen();
}

fn l6_a_destructor_that_panics_before_the_start_is_told() {
    for _ in 0..20 {
        let runtime = builder().build();
        let on_drop = OnDrop(|| panic!("as it is dropped"));
        let run = move || {
            let _ = &on_drop;
            pending::<()>()
        };
        let unit = runtime.serve(service(Smol, run)).unwrap();
        runtime.shutdown();
        runtime.start().unwrap();
        let error = runtime.wait().unwrap_err();
        let [failure] = error.failures() else {
            panic!("{error}")
        };
        assert_eq!(failure.kind(), FailureKind::Panic);
        assert_eq!(unit.state(), UnitState::Failed);
        assert_eq!(unit.last_failure().unwrap().kind(), FailureKind::Panic);
    }
}
