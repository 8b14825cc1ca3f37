//! What counts, and for how long. Row G5.

use super::*;

on_every_flavour!(
    g5_a_group_that_is_full_refuses,
    g5_a_place_takes_one_payload,
    g5_what_is_in_groups_inside_counts,
    g5_a_service_keeps_its_place_in_its_delay,
);

once!(g5_a_thread_that_is_left_behind_keeps_its_place,);

fn g5_a_group_that_is_full_refuses<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 2);
    let holders = [flavour.holder(&group), flavour.holder(&group)];
    assert_eq!(
        (group.limit(), group.taken(), group.running()),
        (Some(2), 2, 2)
    );
    let refused = flavour.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Full);
    assert!(
        refused
            .to_string()
            .ends_with("not adopted: the limit of 2 of the group `limited` is reached"),
        "{refused}"
    );
    let refused = flavour.serve(group.unit(), || async {}).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Full);
    let refused = group.execute(Smol, || async {}).unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Full);
    let refused = block_on(group.call(Smol, || async {})).unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Full);
    for holder in &holders {
        holder.go.happen();
    }
    group.shutdown();
    assert!(group.wait_stopped(SOON));
    assert_eq!(group.taken(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_place_takes_one_payload<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let place = block_on(group.place()).unwrap();
    assert_eq!(place.group().taken(), 1);
    assert!(
        flavour.adopt_in(&group, || async {}).is_err(),
        "it is taken"
    );
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    place
        .adopt(Smol, || async move {
            begins.happen();
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        })
        .unwrap();
    begun.expect("it runs");
    assert_eq!(group.taken(), 1);
    go.happen();
    expect("its place is free", || group.taken() == 0);
    // One that waits and gives up has none.
    let held = block_on(group.place()).unwrap();
    let mut waiting = Box::pin(group.place());
    assert!(block_on(poll_once(waiting.as_mut())).is_none());
    drop(held);
    drop(waiting);
    assert_eq!((group.taken(), group.waiting()), (0, 0));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_what_is_in_groups_inside_counts<F: Member>(flavour: F) {
    let runtime = started();
    let outer = limited(&runtime, 2);
    let inner = outer.group("inner").limit(10).create().unwrap();
    let (one, two) = (flavour.holder(&outer), flavour.holder(&inner));
    assert_eq!((outer.taken(), inner.taken()), (2, 1));
    assert_eq!(
        flavour.adopt_in(&inner, || async {}).unwrap_err().kind(),
        AdoptErrorKind::Full
    );
    assert_eq!(inner.taken(), 1, "nothing is left of the refusal");
    let mut place = Box::pin(inner.place());
    assert!(block_on(poll_once(place.as_mut())).is_none());
    one.go.happen();
    two.go.happen();
    inner.shutdown();
    assert!(inner.wait_stopped(SOON));
    let stopped = block_on(place).unwrap_err();
    assert_eq!(stopped.kind(), PlaceErrorKind::Stopping);
    outer.shutdown();
    assert!(outer.wait_stopped(SOON));
    assert_eq!((outer.taken(), inner.taken()), (0, 0));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_service_keeps_its_place_in_its_delay<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let group = limited(&runtime, 1);
    let restart = Restart::always().delay(SECOND).jitter(0.0);
    let unit = group.unit().restart(restart);
    let unit = flavour.serve(unit, || async {}).unwrap();
    unit.expect(UnitState::Delayed);
    assert_eq!(group.taken(), 1);
    clock.advance(SECOND);
    unit.expect(UnitState::Delayed);
    unit.stop();
    unit.expect(UnitState::Ended);
    assert_eq!(group.taken(), 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g5_a_thread_that_is_left_behind_keeps_its_place() {
    let runtime = started();
    let outer = limited(&runtime, 1);
    let inner = outer.group("inner").create().unwrap();
    let (begun, go) = (Event::new(), Event::new());
    let (begins, goes) = (begun.clone(), go.clone());
    inner
        .adopt(Thread, move || {
            begins.happen();
            block_until(&goes);
        })
        .unwrap();
    begun.expect("it runs");
    inner.shutdown();
    assert!(inner.wait_stopped(SOON), "it holds up nobody");
    assert_eq!(outer.taken(), 1, "it is alive");
    go.happen();
    expect("its place is free", || outer.taken() == 0);
    runtime.shutdown();
    runtime.wait().unwrap();
}
