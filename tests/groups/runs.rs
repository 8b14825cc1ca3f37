//! Whose children a group is. Row G2.

use super::*;

on_every_flavour!(
    g2_a_run_is_over_when_its_children_are,
    g2_children_are_asked_at_once_with_their_parent,
    g2_children_of_a_run_that_fails_are_asked,
    g2_a_payload_has_children_as_well,
    g2_children_of_a_payload_that_fails_are_asked,
);

on_async_flavours!(g2_a_run_that_begins_as_the_runtime_stops_has_a_group_that_is_over,);

once!(
    g1_a_scope_is_a_runtime_or_a_group,
    g2_a_call_has_the_group_of_its_submitter,
    g2_outside_there_is_no_group,
);

fn g2_a_run_is_over_when_its_children_are<F: Member>(flavour: F) {
    let runtime = builder().until_idle().build();
    let (go, begun) = (Event::new(), Event::new());
    let run = {
        let (go, begun) = (go.clone(), begun.clone());
        move || {
            let (go, begun) = (go.clone(), begun.clone());
            async move {
                let child = move || async move {
                    begun.happen();
                    while !go.has_happened() {
                        futures_lite::future::yield_now().await;
                    }
                };
                flavour.adopt_in(&Group::current(), child).unwrap();
            }
        }
    };
    let unit = flavour.serve(runtime.unit().name("parent"), run).unwrap();
    runtime.start().unwrap();
    begun.expect("the child runs");
    unit.expect(UnitState::Finishing);
    assert!(!unit.wait_stopped(Duration::ZERO));
    go.happen();
    unit.expect(UnitState::Ended);
    runtime.wait().unwrap();
}

fn g2_children_are_asked_at_once_with_their_parent<F: Member>(flavour: F) {
    let runtime = started();
    let (asked, go) = (Log::new(), Event::new());
    let begun = Event::new();
    let run = {
        let (asked, go, begun) = (asked.clone(), go.clone(), begun.clone());
        move || {
            let (asked, go, begun) = (asked.clone(), go.clone(), begun.clone());
            async move {
                let token = Shutdown::current();
                let child = {
                    let (asked, go) = (asked.clone(), go.clone());
                    move || async move {
                        let token = Shutdown::current();
                        begun.happen();
                        token.requested().await;
                        asked.write("child");
                        while !go.has_happened() {
                            futures_lite::future::yield_now().await;
                        }
                    }
                };
                flavour.adopt_in(&Group::current(), child).unwrap();
                token.requested().await;
                asked.write("parent");
            }
        }
    };
    let unit = flavour.serve(runtime.unit().name("parent"), run).unwrap();
    begun.expect("the child runs");
    unit.stop();
    expect("both are asked at once", || asked.read().len() == 2);
    assert!(!unit.wait_stopped(Duration::ZERO), "a child is left");
    assert_eq!(unit.state(), UnitState::Stopping);
    go.happen();
    unit.expect(UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g2_children_of_a_run_that_fails_are_asked<F: Member>(flavour: F) {
    let runtime = started();
    let asked = Event::new();
    let run = {
        let asked = asked.clone();
        move || {
            let asked = asked.clone();
            async move {
                let begun = Event::new();
                let begins = begun.clone();
                let child = move || async move {
                    let token = Shutdown::current();
                    begins.happen();
                    token.requested().await;
                    asked.happen();
                };
                Smol.adopt_in(&Group::current(), child).unwrap();
                while !begun.has_happened() {
                    // The flavour may be the child's as well.
                    futures_lite::future::yield_now().await;
                }
                Err::<(), _>("on purpose")
            }
        }
    };
    let unit = flavour.serve(runtime.unit().may_fail(), run).unwrap();
    asked.expect("the child is asked");
    unit.expect(UnitState::Failed);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g2_a_payload_has_children_as_well<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("all").create().unwrap();
    let (begun, asked, go) = (Event::new(), Event::new(), Event::new());
    let children = Log::new();
    {
        let (begun, asked, go) = (begun.clone(), asked.clone(), go.clone());
        let children = children.clone();
        let parent = move || async move {
            let own = Group::current();
            children.write(own.clone());
            let child = move || async move {
                let token = Shutdown::current();
                begun.happen();
                token.requested().await;
                asked.happen();
                while !go.has_happened() {
                    futures_lite::future::yield_now().await;
                }
            };
            flavour.adopt_in(&own, child).unwrap();
        };
        flavour.adopt_in_as(&group, "parent", parent).unwrap();
    }
    begun.expect("the child runs");
    expect("the parent is over", || group.running() == 0);
    let children = children.read().remove(0);
    assert_eq!(children.path(), "all/parent");
    assert_eq!(
        (children.state(), children.running()),
        (UnitState::Running, 1)
    );
    // They go on, and may have others beside them.
    let beside = flavour.holder(&children);
    assert!(!asked.has_happened());
    group.shutdown();
    beside.asked.expect("so is whoever came later");
    beside.go.happen();
    asked.expect("the child is asked with the group around it");
    assert!(!group.wait_stopped(Duration::ZERO));
    go.happen();
    expect_over(&group, UnitState::Ended);
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// By an error and by a panic. Nobody else in the group is, where each may fail.
fn g2_children_of_a_payload_that_fails_are_asked<F: Member>(flavour: F) {
    for panics in [false, true] {
        let runtime = started();
        let group = runtime.group("conns").each_may_fail().create().unwrap();
        let other = flavour.holder(&group);
        let (child, fail) = (Probe::new(), Event::new());
        let (is_child, fails) = (child.clone(), fail.clone());
        let parent = move || async move {
            let child = || is_child.live();
            flavour
                .adopt_in_as(&Group::current(), "child", child)
                .unwrap();
            until(&fails).await;
            assert!(!panics, "reset by peer");
            Err::<(), _>("reset by peer")
        };
        flavour.adopt_in_as(&group, "parent", parent).unwrap();
        child.held.expect("the child runs");
        let children = runtime.group_named("conns/parent").expect("there are some");
        assert_eq!(children.state(), UnitState::Running);
        fail.happen();
        child.asked.expect("the child is asked");
        assert_eq!(children.state(), UnitState::Stopping);
        let refused = flavour.adopt_in(&children, || async {}).unwrap_err();
        assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
        child.go.happen();
        expect_over(&children, UnitState::Ended);
        expect("its place in the group is free", || group.running() == 1);
        assert_eq!(group.state(), UnitState::Running);
        assert!(!other.asked.has_happened());
        other.go.happen();
        goes_on(&runtime);
        end(&runtime);
    }
}

fn g2_a_call_has_the_group_of_its_submitter() {
    let runtime = started();
    let paths = Log::new();
    let (inner, seen) = (runtime.clone(), paths.clone());
    let run = move || {
        let (runtime, seen) = (inner.clone(), seen.clone());
        async move {
            seen.write(Group::current().path().to_owned());
            let in_call = {
                let seen = seen.clone();
                move || async move { seen.write(Group::current().path().to_owned()) }
            };
            runtime.call(Tokio, in_call).await.unwrap();
        }
    };
    let unit = Smol.serve(runtime.unit().name("submitter"), run).unwrap();
    unit.expect(UnitState::Ended);
    assert_eq!(paths.read(), ["submitter", "submitter"]);
    runtime.shutdown();
    runtime.wait().unwrap();
}

fn g2_a_run_that_begins_as_the_runtime_stops_has_a_group_that_is_over<F: AsyncFlavour>(flavour: F) {
    let runtime = running(flavour);
    let (go_on, seen) = (busy(&runtime, flavour), Log::new());
    let log = seen.clone();
    // As a run would that knows nothing of the stop.
    let adopts = move || async move {
        let own = Group::current();
        log.write((
            own.state(),
            own.adopt(flavour, || async {}).unwrap_err().kind(),
        ));
        own.adopt(flavour, || async {})
    };
    runtime.adopt(flavour, adopts).unwrap();
    runtime.shutdown();
    go_on.happen();
    runtime.wait().unwrap();
    assert_eq!(seen.read(), [(UnitState::Ended, AdoptErrorKind::Stopping)]);
}

fn g2_outside_there_is_no_group() {
    assert!(Group::try_current().is_none());
    let runtime = started();
    let is_none = runtime.execute(Smol, || async { Group::try_current().is_none() });
    assert!(is_none.unwrap(), "nobody has submitted it");
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// One function starts everything in either.
fn g1_a_scope_is_a_runtime_or_a_group() {
    fn start(scope: &impl foster::Scope, seen: &Log<String>) -> foster::Unit {
        let write = || {
            let seen = seen.clone();
            move || seen.write(foster::Payload::current().name().to_owned())
        };
        scope.adopt(Thread, write()).unwrap();
        scope.named("named").adopt(Thread, write()).unwrap();
        scope.execute(Thread, write()).unwrap();
        scope.call(Thread, write()).wait().unwrap();
        let inner = scope.group("inner").create().unwrap();
        inner.execute(Thread, write()).unwrap();
        scope.serve(service_once(Thread, write())).unwrap();
        let make = {
            let seen = seen.clone();
            move || {
                let seen = seen.clone();
                service_once(Thread, move || seen.write("made".to_owned()))
            }
        };
        scope.serve_with(make).unwrap();
        let unit = scope.unit().name("unit");
        unit.serve(service_once(Thread, write())).unwrap()
    }
    let runtime = started();
    let group = runtime.group("group").create().unwrap();
    for (scope, prefix) in [("runtime", ""), ("group", "group/")] {
        let seen = Log::new();
        let unit = match scope {
            "runtime" => start(&runtime, &seen),
            _ => start(&group, &seen),
        };
        assert_eq!(unit.name(), format!("{prefix}unit"));
        expect("all have run", || seen.read().len() == 8);
        for name in seen.read().iter().filter(|name| *name != "made") {
            assert!(name.starts_with(prefix), "{name}");
            // Places are those of this file.
            let own = name.strip_prefix(prefix).unwrap();
            let is_known = ["named", "unit"].contains(&own);
            let own = own.strip_prefix("inner/").unwrap_or(own);
            assert!(
                is_known || own.starts_with("tests/groups/runs.rs:"),
                "{name}"
            );
        }
    }
    assert_eq!(foster::Scope::units(&group).len(), 3);
    foster::Scope::shutdown(&group);
    expect_over(&group, UnitState::Ended);
    foster::Scope::shutdown(&runtime);
    runtime.wait().unwrap();
}
