//! The ends of groups. Rows G1 and L9.

use super::*;

on_every_flavour!(
    g1_a_group_ends_alone,
    g1_what_holds_no_token_is_dropped_when_no_holder_is_left,
    g1_a_group_that_stops_takes_nothing_more,
    g1_a_late_call_is_waited_for_as_well,
    g1_the_end_of_the_runtime_is_that_of_its_groups,
    g1_a_group_in_a_group_ends_with_it,
    g1_services_in_a_group_end_in_their_order,
    g1_a_group_is_over_when_it_is_empty_and_nobody_has_a_handle,
    g1_payloads_that_wait_for_the_start_are_in_their_group,
    l9_a_group_that_is_empty_holds_up_no_idle_runtime,
);

once!(
    g1_a_name_is_that_of_one_group,
    g1_names_are_looked_for_beside_first,
);

fn g1_a_group_ends_alone<F: Member>(flavour: F) {
    let runtime = started();
    let (group, other) = (
        runtime.group("one").create().unwrap(),
        runtime.group("other").create().unwrap(),
    );
    let (inside, outside) = (flavour.holder(&group), flavour.holder(&other));
    group.shutdown();
    inside.asked.expect("it is asked");
    assert_eq!(group.state(), UnitState::Stopping);
    inside.go.happen();
    expect_over(&group, UnitState::Ended);
    assert!(inside.over.has_happened());
    assert!(!outside.asked.has_happened());
    assert_eq!(other.state(), UnitState::Running);
    // Twice is as once.
    group.shutdown();
    outside.go.happen();
    runtime.shutdown();
    outside.asked.expect("the runtime ends");
    runtime.wait().unwrap();
}

fn g1_what_holds_no_token_is_dropped_when_no_holder_is_left<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let (begun, dropped) = (Event::new(), Event::new());
    let holder = flavour.holder(&group);
    let (begins, drops) = (begun.clone(), dropped.clone());
    Smol.adopt_in(&group, move || async move {
        let _dropped = OnDrop(|| drops.happen());
        begins.happen();
        pending::<()>().await;
    })
    .unwrap();
    begun.expect("it runs");
    group.shutdown();
    holder.asked.expect("who holds a token is asked");
    assert!(!dropped.has_happened(), "it may be needed until then");
    holder.go.happen();
    dropped.expect("it is dropped where it awaits");
    expect_over(&group, UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g1_a_group_that_stops_takes_nothing_more<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("closed").create().unwrap();
    let inner = group.group("inner").create().unwrap();
    let holder = flavour.holder(&group);
    group.shutdown();
    let refused = flavour.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    assert!(
        refused
            .to_string()
            .contains("the group `closed` is stopping"),
        "{refused}"
    );
    let refused = flavour.serve(group.unit(), || async {}).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Stopping);
    let refused = group.group("late").create().unwrap_err();
    assert_eq!(refused.kind(), GroupErrorKind::Stopping);
    expect_over(&inner, UnitState::Ended);
    let refused = flavour.adopt_in(&inner, || async {}).unwrap_err();
    assert!(refused.to_string().contains("`closed/inner`"), "{refused}");
    holder.go.happen();
    expect_over(&group, UnitState::Ended);
    assert!(flavour.adopt_in(&group, || async {}).is_err());
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// It comes when no payload is left in the group, but a service: that holds the group up until the call is over.
fn g1_a_late_call_is_waited_for_as_well<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let go = Event::new();
    let goes = go.clone();
    let held = move || {
        let goes = goes.clone();
        async move {
            Shutdown::current().requested().await;
            while !goes.has_happened() {
                futures_lite::future::yield_now().await;
            }
        }
    };
    let unit = flavour.serve(group.unit().name("held"), held).unwrap();
    expect("it runs", || unit.state() == UnitState::Running);
    group.shutdown();
    expect("it is asked", || unit.state() == UnitState::Stopping);
    let (begun, finish) = (Event::new(), Event::new());
    let (begins, finishes) = (begun.clone(), finish.clone());
    let late = move || {
        let _token = Shutdown::current();
        begins.happen();
        finishes.expect("it may end");
    };
    let caller = group.clone();
    let waiter = thread::spawn(move || caller.execute(Thread, late));
    begun.expect("the call is taken in");
    go.happen();
    expect("the service is over", || unit.state().is_over());
    assert!(!group.wait_stopped(Duration::from_millis(50)));
    assert_eq!(group.state(), UnitState::Stopping);
    finish.happen();
    waiter.join().unwrap().unwrap();
    expect_over(&group, UnitState::Ended);
    end(&runtime);
}

fn g1_the_end_of_the_runtime_is_that_of_its_groups<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let holder = flavour.holder(&group);
    runtime.shutdown();
    holder.asked.expect("it is asked");
    assert!(flavour.adopt_in(&group, || async {}).is_err());
    holder.go.happen();
    runtime.wait().unwrap();
    assert!(holder.over.has_happened(), "the runtime waits for it");
    assert_eq!(group.state(), UnitState::Ended);
}

fn g1_a_group_in_a_group_ends_with_it<F: Member>(flavour: F) {
    let runtime = started();
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    assert_eq!(inner.path(), "outer/inner");
    let holder = flavour.holder(&inner);
    outer.shutdown();
    holder.asked.expect("it is asked");
    assert!(
        !outer.wait_stopped(Duration::ZERO),
        "it has something in it"
    );
    holder.go.happen();
    expect_over(&outer, UnitState::Ended);
    assert_eq!(inner.state(), UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g1_services_in_a_group_end_in_their_order<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let ended = Log::new();
    let serve = |name: &'static str, after: Option<&'static str>| {
        let mut unit = group.unit().name(name);
        if let Some(after) = after {
            unit = unit.after(after);
        }
        let ended = ended.clone();
        let run = move || {
            let ended = ended.clone();
            async move {
                Shutdown::current().requested().await;
                ended.write(name);
            }
        };
        flavour.serve(unit, run).unwrap()
    };
    let first = serve("first", None);
    first.expect(UnitState::Running);
    let second = serve("second", Some("all/first"));
    let third = serve("third", Some("all/second"));
    assert_eq!(third.name(), "all/third");
    third.expect(UnitState::Running);
    let names: Vec<_> = group
        .units()
        .iter()
        .map(|unit| unit.name().to_owned())
        .collect();
    assert_eq!(names, ["all/first", "all/second", "all/third"]);
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    assert_eq!(ended.read(), ["third", "second", "first"]);
    assert!(second.state().is_over());
    assert!(
        runtime.unit_named("all/first").is_none(),
        "nothing is left of it"
    );
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Not before its last payload has ended by itself, which nobody asks to.
fn g1_a_group_is_over_when_it_is_empty_and_nobody_has_a_handle<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("short").create().unwrap();
    let clone = group.clone();
    let (held, go, asked) = (Event::new(), Event::new(), Log::new());
    let (holds, goes, looks) = (held.clone(), go.clone(), asked.clone());
    let payload = || async move {
        let token = Shutdown::current();
        holds.happen();
        until(&goes).await;
        looks.write(token.is_requested());
    };
    flavour.adopt_in(&group, payload).unwrap();
    held.expect("it runs");
    let mut stopped = group.stopped();
    drop((group, clone));
    assert!(block_on(poll_once(&mut stopped)).is_none());
    // To look for it is to have a handle for a while.
    let again = runtime.group_named("short").expect("it is not empty");
    assert_eq!((again.state(), again.running()), (UnitState::Running, 1));
    drop(again);
    go.happen();
    assert_eq!(block_on(stopped), UnitState::Ended);
    assert_eq!(asked.read(), [false]);
    assert!(runtime.group_named("short").is_none());
    runtime.group("short").create().expect("its name is free");
    end(&runtime);
}

fn g1_payloads_that_wait_for_the_start_are_in_their_group<F: Member>(flavour: F) {
    let runtime = runtime();
    let group = runtime.group("early").create().unwrap();
    let asked = Event::new();
    let is_asked = asked.clone();
    let begun = Event::new();
    let begins = begun.clone();
    flavour
        .adopt_in(&group, || async move {
            let token = Shutdown::current();
            begins.happen();
            token.requested().await;
            is_asked.happen();
        })
        .unwrap();
    runtime.start().unwrap();
    begun.expect("it runs");
    group.shutdown();
    asked.expect("it is asked");
    expect_over(&group, UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn l9_a_group_that_is_empty_holds_up_no_idle_runtime<F: Member>(flavour: F) {
    let runtime = builder().until_idle().build();
    let group = runtime.group("all").create().unwrap();
    flavour.adopt_in(&group, || async {}).unwrap();
    runtime.start().unwrap();
    let (over, waits) = wait_apart(runtime);
    over.expect("nothing is left alive, though the group has a handle");
    waits.join().unwrap().unwrap();
    assert_eq!(group.state(), UnitState::Ended);
}

fn g1_a_name_is_that_of_one_group() {
    let runtime = started();
    let group = runtime.group("one").create().unwrap();
    let refused = runtime.group("one").create().unwrap_err();
    assert_eq!(refused.kind(), GroupErrorKind::Name);
    assert_eq!(
        refused.to_string(),
        "group `one` was not made: another group or service has this name"
    );
    assert_eq!(
        runtime.group("").create().unwrap_err().kind(),
        GroupErrorKind::Name
    );
    let refused = runtime.group("none").limit(0).create().unwrap_err();
    assert_eq!(refused.kind(), GroupErrorKind::Settings);
    group.shutdown();
    expect_over(&group, UnitState::Ended);
    runtime.group("one").create().unwrap();
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Whoever comes after one that is not ready waits for it, so the states tell which of them a name is.
fn g1_names_are_looked_for_beside_first() {
    for before_the_start in [true, false] {
        let runtime = builder().build();
        if !before_the_start {
            runtime.start().unwrap();
        }
        let outer = runtime.group("outer").create().unwrap();
        let inner = outer.group("inner").create().unwrap();
        let serve = |unit: foster::UnitBuilder<'_>| {
            let run = service(Smol, async || pending::<()>().await);
            unit.serve(run).unwrap()
        };
        // Never ready, but for the innermost.
        let far = serve(runtime.unit().name("far").notifies_ready());
        serve(runtime.unit().name("db").notifies_ready());
        serve(outer.unit().name("db").notifies_ready());
        serve(inner.unit().name("db"));
        let near = serve(inner.unit().name("near").after("db"));
        let above = serve(outer.unit().name("above").after("db"));
        let out = serve(inner.unit().name("out").after("far"));
        let by_path = serve(inner.unit().name("by path").after("outer/inner/db"));
        if before_the_start {
            runtime.start().unwrap();
        }
        for unit in [&near, &by_path] {
            expect("it starts", || unit.state() == UnitState::Running);
        }
        expect("it runs", || far.state() == UnitState::Starting);
        for unit in [&above, &out] {
            assert_eq!(unit.state(), UnitState::Waiting, "{}", unit.name());
        }
        if !before_the_start {
            let run = service(Smol, async || {});
            let refused = inner.unit().after("nobody").serve(run).unwrap_err();
            assert!(
                refused.to_string().ends_with(
                    "it comes after `nobody`, which is no service or group here (there are: outer, outer/inner, \
                     far, db, outer/db, outer/inner/db, outer/inner/near, outer/above, outer/inner/out, \
                     outer/inner/by path)"
                ),
                "{refused}"
            );
        }
        end(&runtime);
    }
}
