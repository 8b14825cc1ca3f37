//! Services that look on until all else has ended. Rows I1 and V11.

mod common;

use std::time::Duration;

use common::groups::*;
use common::services::*;
use common::*;
use foster::{Runtime, Shutdown, StragglerReason, UnitState};

on_every_flavour!(
    i1_who_looks_on_waits_for_all_others_and_for_nobody_who_does,
    v11_who_looks_on_is_not_to_blame_for_a_grace_time_that_is_cut,
);

/// A run that goes on until the stop waits for nobody else, or has no time left; writes down whom it waits for.
fn look_on(
    runtime: &Runtime,
    seen: &Log<Vec<String>>,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync + use<> {
    let (runtime, seen) = (runtime.clone(), seen.clone());
    move || {
        let (runtime, seen) = (runtime.clone(), seen.clone());
        Box::pin(async move {
            let _token = Shutdown::current();
            loop {
                if let Some(stop) = runtime.status().stop {
                    if stop.is_empty() || stop.grace_left < Duration::from_millis(100) {
                        return;
                    }
                    seen.write(stop.waits_for);
                }
                futures_lite::future::yield_now().await;
            }
        })
    }
}

fn i1_who_looks_on_waits_for_all_others_and_for_nobody_who_does<F: Member>(flavour: F) {
    let runtime = started();
    let seen: Log<Vec<String>> = Log::new();
    for name in ["page", "notifier"] {
        let unit = runtime.unit().looks_on().name(name);
        let unit = flavour.serve(unit, look_on(&runtime, &seen)).unwrap();
        unit.expect(UnitState::Running);
    }
    let group = runtime.group("ports").create().unwrap();
    let holder = flavour.holder(&group);
    runtime.shutdown();
    holder.asked.expect("it is asked");
    expect("both have looked", || seen.read().len() > 2);
    holder.go.happen();
    runtime.wait().unwrap();
    // None is named where it ends at this moment, and is counted.
    for one in seen.read().iter().flatten() {
        assert!(one.contains("ports/"), "{one}");
    }
}

/// Somebody else is, who hangs.
fn v11_who_looks_on_is_not_to_blame_for_a_grace_time_that_is_cut<F: Member>(flavour: F) {
    let runtime = started();
    let seen = Log::new();
    let unit = runtime.unit().looks_on().name("page");
    let unit = flavour.serve(unit, look_on(&runtime, &seen)).unwrap();
    unit.expect(UnitState::Running);
    let hangs = || async {
        let token = Shutdown::current();
        token.requested().await;
        std::future::pending::<()>().await;
    };
    let hangs = flavour.serve(runtime.unit().name("hangs"), hangs).unwrap();
    hangs.expect(UnitState::Running);
    runtime.shutdown();
    expect("it has looked", || seen.read().len() > 2);
    runtime.end_grace();
    let error = runtime.wait().unwrap_err();
    let named = error.stragglers().iter();
    let named: Vec<_> = named.map(|one| (one.payload(), one.reason())).collect();
    assert!(
        matches!(*named, [(Some("hangs"), StragglerReason::CutShort)]),
        "{error}"
    );
}
