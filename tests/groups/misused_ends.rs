//! Groups that are ended, dropped and ordered as they should not be. Row G1.

use super::*;

on_every_flavour!(
    g1_a_group_may_be_shut_down_from_inside,
    g1_a_group_may_be_cancelled_from_inside,
    g1_a_group_that_is_dropped_empty_is_over,
    g1_a_group_that_is_found_again_goes_on,
    g1_a_group_that_is_forgotten_ends_with_the_runtime,
    g1_a_group_that_is_shut_down_twice_ends_once,
    g1_one_that_is_never_ready_holds_up_no_end,
    g1_one_that_may_fail_and_is_never_ready_holds_up_nobody,
    g1_a_group_that_is_dropped_before_the_start_ends_after_it,
    g1_what_comes_after_what_it_is_in_is_refused,
);

once!(
    g1_who_comes_after_something_in_a_group_does_not_keep_it_from_ending,
    g1_a_group_that_is_shut_down_before_the_start_takes_nothing_more,
    g1_a_group_that_is_cancelled_before_the_start_takes_nothing_more,
    g1_what_is_in_a_group_that_ends_before_the_start_takes_nothing_more,
    g1_a_group_in_one_that_ends_before_the_start_holds_up_no_end,
);

fn g1_a_group_that_is_cancelled_before_the_start_takes_nothing_more() {
    let runtime = runtime();
    let group = runtime.group("group").create().unwrap();
    group.cancel();
    let refused = Smol.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    runtime.start().unwrap();
    expect_over(&group, UnitState::Ended);
    end(&runtime);
}

fn g1_what_is_in_a_group_that_ends_before_the_start_takes_nothing_more() {
    let cases: [fn(&Group); 2] = [Group::shutdown, Group::cancel];
    for end_it in cases {
        let runtime = runtime();
        let group = runtime.group("group").create().unwrap();
        let middle = group.group("middle").create().unwrap();
        let inner = middle.group("inner").create().unwrap();
        let beside = runtime.group("beside").create().unwrap();
        end_it(&group);
        for closed in [&middle, &inner] {
            let refused = Smol.adopt_in(closed, || async {}).unwrap_err();
            assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
        }
        Smol.adopt_in(&beside, || async {}).unwrap();
    }
}

fn g1_a_group_in_one_that_ends_before_the_start_holds_up_no_end() {
    let runtime = builder().grace(Duration::MAX).build();
    let group = runtime.group("group").create().unwrap();
    let middle = group.group("middle").create().unwrap();
    let inner = middle.group("inner").create().unwrap();
    group.shutdown();
    runtime.start().unwrap();
    for group in [&group, &middle, &inner] {
        expect_over(group, UnitState::Ended);
    }
    runtime.shutdown();
    let (over, result) = wait_apart(runtime);
    over.expect("nothing holds it up");
    result.join().unwrap().unwrap();
}

/// Whoever asks hears of it, and so do the others; nobody outside.
fn g1_a_group_may_be_shut_down_from_inside<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let other = flavour.holder(&group);
    let outside = flavour.holder(&runtime.group("outside").create().unwrap());
    let (own, asked, hears) = (group.clone(), Probe::free(), Event::new());
    let (is_asked, heard) = (asked.clone(), hears.clone());
    let child = move || async move {
        let token = Shutdown::current();
        assert!(!token.is_requested());
        own.shutdown();
        assert!(token.is_requested(), "at once");
        assert_eq!(own.state(), UnitState::Stopping);
        assert!(!own.wait_stopped(Duration::ZERO), "it is in there itself");
        heard.happen();
        is_asked.live().await;
    };
    serve_once(flavour, group.unit().name("child"), child);
    hears.expect("it hears of it");
    other.asked.expect("so do the others");
    other.go.happen();
    expect_over(&group, UnitState::Ended);
    assert!(asked.over.has_happened() && other.over.has_happened());
    assert!(!outside.asked.has_happened());
    goes_on(&runtime);
    outside.go.happen();
    end(&runtime);
}

/// A coroutine goes on to where it awaits next.
fn g1_a_group_may_be_cancelled_from_inside<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let other = Smol.holder(&group);
    let (own, cancelled, run) = (group.clone(), Event::new(), Probe::new());
    let (cancels, is_run) = (cancelled.clone(), run.clone());
    let child = move || async move {
        let token = Shutdown::current();
        own.cancel();
        assert!(token.is_requested());
        cancels.happen();
        is_run.live().await;
    };
    flavour.adopt_in(&group, child).unwrap();
    cancelled.expect("it goes on until it awaits");
    other.over.expect("the others are dropped");
    if is_thread::<F>() {
        run.go.happen();
    }
    expect_over(&group, UnitState::Ended);
    goes_on(&runtime);
    end(&runtime);
}

/// At once if it is empty, or else when it is.
fn g1_a_group_that_is_dropped_empty_is_over<F: Member>(flavour: F) {
    let runtime = started();
    drop(runtime.group("group").create().unwrap());
    expect("its name is free", || {
        runtime.group_named("group").is_none()
    });
    let group = runtime.group("group").create().unwrap();
    let run = Probe::new();
    let is_run = run.clone();
    let unit = serve_once(flavour, group.unit().name("unit"), || is_run.live_deaf());
    run.held.expect("it runs");
    drop(group);
    let again = runtime.group_named("group").expect("it is not empty");
    assert_eq!(again.state(), UnitState::Running);
    drop(again);
    unit.expect(UnitState::Running);
    run.go.happen();
    assert!(unit.wait_stopped(SOON));
    expect("its name is free", || {
        runtime.group_named("group").is_none()
    });
    runtime.group("group").create().unwrap();
    end(&runtime);
}

/// Its last handle was dropped while something was in it. Whoever has one by the time that it is empty may hand in more.
fn g1_a_group_that_is_found_again_goes_on<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let run = Probe::new();
    let is_run = run.clone();
    let unit = serve_once(flavour, group.unit(), || is_run.live_deaf());
    run.held.expect("it runs");
    drop(group);
    let again = runtime.group_named("group").expect("it is not empty");
    run.go.happen();
    assert!(unit.wait_stopped(SOON), "it is empty");
    let holder = flavour.holder(&again);
    assert_eq!(again.state(), UnitState::Running);
    assert!(!holder.asked.has_happened());
    holder.go.happen();
    again.shutdown();
    expect_over(&again, UnitState::Ended);
    end(&runtime);
}

fn g1_a_group_that_is_forgotten_ends_with_the_runtime<F: Member>(flavour: F) {
    let runtime = started();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let holder = flavour.holder(&inner);
    std::mem::forget(outer);
    std::mem::forget(inner);
    runtime.shutdown();
    holder.asked.expect("it is asked");
    holder.go.happen();
    runtime.wait().unwrap();
    assert!(holder.over.has_happened());
    assert!(runtime.group_named("outer").is_none());
}

/// While it stops, and when it is over; by several at once.
fn g1_a_group_that_is_shut_down_twice_ends_once<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("group").may_fail().create().unwrap();
    let holder = flavour.holder(&group);
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let group = group.clone();
            thread::spawn(move || {
                group.shutdown();
                group.wait_stopped(SOON)
            })
        })
        .collect();
    holder.asked.expect("it is asked");
    group.shutdown();
    assert_eq!(group.state(), UnitState::Stopping);
    holder.go.happen();
    for asker in askers {
        assert!(asker.join().unwrap());
    }
    assert_eq!(group.state(), UnitState::Ended);
    group.shutdown();
    assert_eq!(group.state(), UnitState::Ended);
    // Another one with its name has nothing to do with it.
    let next = runtime.group("group").create().unwrap();
    let holder = flavour.holder(&next);
    group.shutdown();
    group.cancel();
    assert_eq!(next.state(), UnitState::Running);
    assert!(!holder.asked.has_happened());
    holder.go.happen();
    end(&runtime);
}

/// The group waits for it, for as long as anybody likes; and ends nevertheless.
fn g1_one_that_is_never_ready_holds_up_no_end<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let group = runtime.group("group").create().unwrap();
    let run = Probe::free();
    let is_run = run.clone();
    let unit = group.unit().name("optional").may_fail().notifies_ready();
    serve_once(flavour, unit, || is_run.live());
    run.held.expect("it runs");
    let waiting = group.clone();
    let waiter = thread::spawn(move || waiting.wait_ready(5 * SECOND).unwrap_err());
    expect("its time passes", || {
        clock.advance(SECOND);
        waiter.is_finished()
    });
    let late = waiter.join().unwrap();
    assert_eq!(
        (late.kind(), late.unready()),
        (ReadyErrorKind::Late, &["group/optional".to_owned()][..])
    );
    let ready = group.ready();
    group.shutdown();
    let stopping = block_on(ready).unwrap_err();
    assert_eq!(stopping.kind(), ReadyErrorKind::Stopping);
    assert_eq!(stopping.unready(), ["group/optional"]);
    expect_over(&group, UnitState::Ended);
    end(&runtime);
}

/// It fails when its time is over, and whoever waits for the group goes on without it.
fn g1_one_that_may_fail_and_is_never_ready_holds_up_nobody<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let group = runtime.group("group").create().unwrap();
    let (run, beside) = (Probe::free(), Probe::free());
    let (is_run, is_beside) = (run.clone(), beside.clone());
    let unit = group.unit().name("optional").may_fail().notifies_ready();
    let unit = serve_once(flavour, unit.start_timeout(2 * SECOND), || is_run.live());
    serve_once(flavour, group.unit().name("beside"), || is_beside.live());
    run.held.expect("it runs");
    beside.held.expect("it runs");
    let mut ready = group.ready();
    assert!(block_on(poll_once(&mut ready)).is_none());
    clock.advance(2 * SECOND);
    run.asked.expect("it is asked to end");
    assert!(block_on(ready).is_ok());
    unit.expect(UnitState::Failed);
    assert_eq!(group.state(), UnitState::Running);
    assert!(!beside.asked.has_happened());
    end(&runtime);
}

/// Before the start nobody could look whether it is empty.
fn g1_a_group_that_is_dropped_before_the_start_ends_after_it<F: Member>(flavour: F) {
    let runtime = runtime();
    drop(runtime.group("empty").create().unwrap());
    let group = runtime.group("group").create().unwrap();
    let run = Probe::new();
    let is_run = run.clone();
    flavour.adopt_in(&group, || is_run.live_deaf()).unwrap();
    drop(group);
    runtime.start().unwrap();
    run.held.expect("it runs");
    // A look at it by its name would have it looked at.
    let is_free = |name: &'static str| runtime.group(name).create().is_ok();
    expect("its name is free", || is_free("empty"));
    assert!(!is_free("group"), "it is not empty");
    run.go.happen();
    expect("its name is free", || is_free("group"));
    end(&runtime);
}

/// At the end each would wait for the other one.
fn g1_what_comes_after_what_it_is_in_is_refused<F: Member>(flavour: F) {
    let runtime = started();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let told = Log::new();
    let tells = told.clone();
    let unit = serve_once(flavour, inner.unit().name("unit"), move || async move {
        let own = Group::current();
        for whole in ["outer/inner/unit", "outer/inner", "outer"] {
            let unit = own.unit().name("child").after(whole);
            tells.write(
                unit.serve(service(Smol, || async {}))
                    .unwrap_err()
                    .to_string(),
            );
        }
    });
    assert!(unit.wait_stopped(SOON));
    for (text, whole) in told
        .read()
        .iter()
        .zip(["outer/inner/unit", "outer/inner", "outer"])
    {
        let expected = format!("it comes after `{whole}`, and is in it");
        assert!(text.ends_with(&expected), "{text}");
    }
    assert_eq!(told.read().len(), 3);
    let refused = inner.unit().after(&outer).serve(service(Smol, || async {}));
    assert_eq!(refused.unwrap_err().kind(), ServeErrorKind::Order);
    let refused = inner.group("group").after(&outer).create().unwrap_err();
    assert_eq!(refused.kind(), GroupErrorKind::Order);
    assert!(inner.units().is_empty() || inner.units().iter().all(|one| one.state().is_over()));
    end(&runtime);
    // By a name that comes later.
    let runtime = common::runtime();
    let group = runtime.group("group").after("group/unit").create().unwrap();
    flavour
        .serve(group.unit().name("unit"), || async {})
        .unwrap();
    let error = runtime.start().unwrap_err().to_string();
    assert!(error.contains("services wait for each other"), "{error}");
}

fn g1_who_comes_after_something_in_a_group_does_not_keep_it_from_ending() {
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    let (inside, outside) = (Probe::free(), Probe::free());
    let (is_inside, is_outside) = (inside.clone(), outside.clone());
    serve_once(Smol, group.unit().name("unit"), || is_inside.live());
    inside.held.expect("it runs");
    let unit = runtime.unit().name("outside").after("group/unit");
    serve_once(Smol, unit, || is_outside.live());
    outside.held.expect("it runs");
    group.shutdown();
    inside.asked.expect("it is asked");
    expect_over(&group, UnitState::Ended);
    assert!(!outside.asked.has_happened());
    end(&runtime);
}

fn g1_a_group_that_is_shut_down_before_the_start_takes_nothing_more() {
    let runtime = runtime();
    let group = runtime.group("group").create().unwrap();
    group.shutdown();
    let refused = Smol.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    runtime.start().unwrap();
    expect_over(&group, UnitState::Ended);
    end(&runtime);
}
