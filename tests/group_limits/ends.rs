//! The ends of groups and of the runtime, for whoever waits for a place there. Rows G5 and L8.

use super::*;

on_every_flavour!(
    g5_the_stop_ends_the_wait,
    g5_the_end_of_the_group_ends_the_wait,
    l8_the_end_of_a_wait_for_a_place_is_no_failure,
    l8_a_group_that_is_refused_by_the_stop_is_no_failure,
    l8_the_end_of_another_group_is_a_failure,
    l8_the_end_of_the_own_group_is_no_failure,
    l8_the_end_of_a_run_with_its_group_is_no_failure,
);

fn g5_the_stop_ends_the_wait<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let holder = flavour.holder(&group);
    holder.go.happen();
    let waiting = std::thread::spawn({
        let group = group.clone();
        move || block_on(group.place()).unwrap_err().kind()
    });
    expect("it waits", || group.waiting() == 1);
    runtime.shutdown();
    assert_eq!(waiting.join().unwrap(), PlaceErrorKind::Stopping);
    runtime.wait().unwrap();
}

fn g5_the_end_of_the_group_ends_the_wait<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let holder = flavour.holder(&group);
    let waiting = std::thread::spawn({
        let group = group.clone();
        move || group.wait_place(SOON).unwrap_err().kind()
    });
    expect("it waits", || group.waiting() == 1);
    group.shutdown();
    assert_eq!(waiting.join().unwrap(), PlaceErrorKind::Stopping);
    holder.go.happen();
    assert!(group.wait_stopped(SOON));
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l8_the_end_of_a_wait_for_a_place_is_no_failure<F: Member>(flavour: F) {
    let runtime = started();
    let group = limited(&runtime, 1);
    let holder = flavour.holder(&group);
    holder.go.happen();
    let waits = group.clone();
    flavour
        .adopt_in(&runtime.group("waits").create().unwrap(), || async move {
            // Held until it has heard of the stop.
            let _token = Shutdown::current();
            waits.place().await.map(drop)
        })
        .unwrap();
    expect("it waits", || group.waiting() == 1);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l8_a_group_that_is_refused_by_the_stop_is_no_failure<F: Member>(flavour: F) {
    let runtime = started();
    let (makes, begun) = (runtime.clone(), Event::new());
    let begins = begun.clone();
    let group = runtime.group("makes").create().unwrap();
    flavour
        .adopt_in(&group, || async move {
            let token = Shutdown::current();
            begins.happen();
            token.requested().await;
            makes.group("late").create().map(drop)
        })
        .unwrap();
    begun.expect("it runs");
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l8_the_end_of_another_group_is_a_failure<F: Member>(flavour: F) {
    let runtime = started();
    let other = limited(&runtime, 1);
    let place = block_on(other.place()).unwrap();
    let group = runtime.group("waits").may_fail().create().unwrap();
    let waits = other.clone();
    flavour
        .adopt_in(&group, || async move { waits.place().await.map(drop) })
        .unwrap();
    let waits = other.clone();
    let run = move || {
        let waits = waits.clone();
        async move { waits.place().await.map(drop) }
    };
    let unit = flavour.serve(runtime.unit().may_fail(), run).unwrap();
    expect("both wait", || other.waiting() == 2);
    other.shutdown();
    // Nobody else would tell that they wait no more.
    assert!(group.wait_stopped(SOON));
    assert_eq!(group.state(), UnitState::Failed);
    unit.expect(UnitState::Failed);
    drop(place);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l8_the_end_of_the_own_group_is_no_failure<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("own").create().unwrap();
    let inner = group.group("inner").limit(1).create().unwrap();
    let place = block_on(inner.place()).unwrap();
    let waits = inner.clone();
    flavour
        .adopt_in(&group, || async move {
            let _token = Shutdown::current();
            waits.place().await.map(drop)
        })
        .unwrap();
    let waits = inner.clone();
    let run = move || {
        let waits = waits.clone();
        async move {
            let _token = Shutdown::current();
            waits.place().await.map(drop)
        }
    };
    let unit = flavour.serve(group.unit(), run).unwrap();
    expect("both wait", || inner.waiting() == 2);
    group.shutdown();
    unit.expect(UnitState::Ended);
    assert!(group.wait_stopped(SOON));
    assert_eq!(group.state(), UnitState::Ended);
    drop(place);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l8_the_end_of_a_run_with_its_group_is_no_failure<F: Member>(flavour: F) {
    let runtime = started();
    let groups = Log::new();
    let log = groups.clone();
    let run = move || {
        let log = log.clone();
        async move {
            let _token = Shutdown::current();
            let group = Group::current().group("limited").limit(1).create()?;
            let _place = group.place().await?;
            log.write(group.clone());
            group.place().await.map(drop)?;
            Ok::<(), foster::BoxError>(())
        }
    };
    let unit = flavour.serve(runtime.unit().name("listener"), run).unwrap();
    expect("it waits", || {
        groups
            .read()
            .last()
            .is_some_and(|group: &Group| group.waiting() == 1)
    });
    unit.stop();
    unit.expect(UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}
