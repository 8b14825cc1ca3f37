//! Units that are started again. Row V17.

use super::*;

on_every_flavour!(
    v17_a_startable_one_is_started_again,
    v17_its_value_and_its_name_are_kept,
    v17_a_runtime_does_not_wait_for_one_that_is_over,
    v17_a_start_takes_back_a_stop,
    v17_what_is_not_startable_says_so,
);

fn v17_a_startable_one_is_started_again<F: Host>(flavour: F) {
    let runtime = runtime();
    let unit = runtime.unit().name("part").startable();
    let unit = flavour.serve(unit, until_asked).unwrap();
    let others = runtime.unit().after("part").notifies_ready();
    let other = flavour.serve(others, || async {
        Ready::current().notify();
        until_asked().await;
    });
    let other = other.unwrap();
    runtime.start().unwrap();
    for restarts in 0..3 {
        unit.expect(UnitState::Running);
        other.expect(UnitState::Running);
        assert_eq!(unit.restarts(), restarts);
        unit.stop();
        assert!(unit.wait_stopped(SOON));
        unit.expect(UnitState::Ended);
        assert_eq!(other.state(), UnitState::Running);
        unit.start().unwrap();
    }
    unit.expect(UnitState::Running);
    // By a restart as well, and not by a stop.
    unit.stop();
    unit.expect(UnitState::Ended);
    unit.stop();
    assert_eq!(unit.state(), UnitState::Ended);
    unit.restart();
    unit.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
    assert_eq!(unit.start().unwrap_err().kind(), ServeErrorKind::Stopping);
}

fn v17_its_value_and_its_name_are_kept<F: Host>(flavour: F) {
    let runtime = runtime();
    let (runs, dropped) = (Arc::new(AtomicUsize::new(0)), Event::new());
    let is_dropped = dropped.clone();
    let value = (Arc::clone(&runs), OnDrop(move || is_dropped.happen()));
    let value = std::sync::Mutex::new(value);
    let unit = runtime.unit().name("part").startable();
    let unit = flavour.serve(unit, move || {
        value.lock().unwrap().0.fetch_add(1, SeqCst);
        async {}
    });
    let unit = unit.unwrap();
    runtime.start().unwrap();
    unit.expect(UnitState::Ended);
    let taken = flavour.serve(runtime.unit().name("part"), until_asked);
    assert_eq!(taken.unwrap_err().kind(), ServeErrorKind::Name);
    unit.start().unwrap();
    expect("its second run", || runs.load(SeqCst) == 2);
    unit.expect(UnitState::Ended);
    assert!(!dropped.has_happened());
    runtime.shutdown();
    runtime.wait().unwrap();
    dropped.expect("its value goes with the runtime");
}

fn v17_a_runtime_does_not_wait_for_one_that_is_over<F: Host>(flavour: F) {
    let runtime = builder().until_idle().build();
    let unit = flavour
        .serve(runtime.unit().startable(), || async {})
        .unwrap();
    runtime.run().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
}

fn v17_a_start_takes_back_a_stop<F: Host>(flavour: F) {
    let runtime = runtime();
    let (first, second) = (runtime.unit().startable(), runtime.unit().startable());
    let first = flavour.serve(first, until_asked).unwrap();
    let second = flavour.serve(second, until_asked).unwrap();
    let waits = flavour
        .serve(runtime.unit().after(&*first), until_asked)
        .unwrap();
    for unit in [&first, &second] {
        unit.stop();
    }
    second.start().unwrap();
    runtime.start().unwrap();
    second.expect(UnitState::Running);
    // The one that was off from the beginning is waited for.
    first.expect(UnitState::Ended);
    assert_eq!(waits.state(), UnitState::Waiting);
    first.start().unwrap();
    waits.expect(UnitState::Running);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn v17_what_is_not_startable_says_so<F: Host>(flavour: F) {
    let runtime = runtime();
    let unit = flavour
        .serve(runtime.unit().name("once"), || async {})
        .unwrap();
    unit.start().unwrap();
    runtime.start().unwrap();
    unit.expect(UnitState::Ended);
    let error = unit.start().unwrap_err();
    assert_eq!(error.kind(), ServeErrorKind::Over);
    let text = error.to_string();
    assert!(
        text.contains("`once`") && text.contains("`startable`"),
        "{text}"
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}
