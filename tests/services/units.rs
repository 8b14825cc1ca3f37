//! Units: stopped, dropped and looked at. Rows V3 and V4.

use super::*;

once!(v4_the_stream_tells_changes_in_order_and_counts_what_was_missed);

on_every_flavour!(
    v3_one_unit_stops_and_the_others_go_on,
    v3_the_value_is_dropped_on_its_flavours_thread,
);

fn v3_one_unit_stops_and_the_others_go_on<F: AnyKind>(flavour: F) {
    let runtime = started();
    let other = runtime
        .unit()
        .name("other")
        .serve(service(Smol, pending::<()>))
        .unwrap();
    let unit = runtime
        .unit()
        .after(&other)
        .serve(service(Thread, || {
            Shutdown::current().wait_timeout(SOON);
        }))
        .unwrap();
    assert!(unit.wait_ready(SOON) && other.wait_ready(SOON));
    // Also one that others come after.
    other.stop();
    assert!(other.wait_stopped(SOON));
    assert_eq!(unit.state(), UnitState::Running);
    let third = flavour.serve(&runtime, Settings::new(), || ()).unwrap();
    assert!(third.wait_stopped(SOON));
    unit.stop();
    assert_ne!(
        unit.state(),
        UnitState::Running,
        "who asked does not see it run any more"
    );
    assert!(unit.wait_stopped(SOON));
    assert_eq!(
        (unit.state(), other.state()),
        (UnitState::Ended, UnitState::Ended)
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v3_the_value_is_dropped_on_its_flavours_thread<F: AnyKind>(flavour: F) {
    let runtime = started();
    let log = Log::new();
    let dropped = log.clone();
    let on_drop = OnDrop(move || dropped.write(thread::current().id()));
    let ran = log.clone();
    let unit = flavour
        .serve(&runtime, Settings::new(), move || {
            let _ = &on_drop;
            ran.write(thread::current().id());
        })
        .unwrap();
    assert!(unit.wait_stopped(SOON));
    let threads = log.read();
    assert_eq!(threads.len(), 2);
    assert_eq!(threads[0], threads[1]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v4_the_stream_tells_changes_in_order_and_counts_what_was_missed() {
    let runtime = runtime();
    let mut all = runtime.unit_changes(100);
    let mut few = runtime.unit_changes(2);
    let unit = runtime
        .unit()
        .name("one")
        .serve(service(Smol, || async {}))
        .unwrap();
    runtime.start().unwrap();
    assert!(unit.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
    let mut states = Vec::new();
    while let Some(change) = all.recv_timeout(SOON) {
        assert_eq!(change.name(), "one");
        states.push(change.state());
    }
    assert_eq!(
        states,
        [UnitState::Starting, UnitState::Running, UnitState::Ended]
    );
    assert_eq!((all.missed(), few.missed()), (0, 1));
    let few: Vec<_> = std::iter::from_fn(|| few.try_recv())
        .map(|change| change.state())
        .collect();
    assert_eq!(few, [UnitState::Running, UnitState::Ended]);
    assert!(futures_lite::future::block_on(all.recv()).is_none());
}
