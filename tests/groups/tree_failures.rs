//! Failures in such trees. Row G3.

use super::*;

on_every_flavour!(
    g3_a_childs_failure_asks_its_parent_and_ends_the_runtime,
    g3_a_panic_of_a_parent_that_ends_cuts_no_child_short,
    g3_a_failure_behind_the_groups_own_end_asks_nobody,
    g3_a_service_that_fails_ends_its_group_alone,
    g3_each_failure_of_a_tree_stands_in_the_report_under_its_path,
    v2_an_end_of_the_runtime_is_absorbed_by_nobody,
    v2_who_was_asked_to_stop_may_end_the_runtime_as_well,
);

/// By an error and by a panic. The parent, which would have gone on, is asked.
fn g3_a_childs_failure_asks_its_parent_and_ends_the_runtime<F: Member>(flavour: F) {
    for kind in [FailureKind::Error, FailureKind::Panic] {
        let runtime = started();
        let (above, fail) = (Probe::free(), Event::new());
        let (is_above, fails) = (above.clone(), fail.clone());
        let unit = serve_once(flavour, runtime.unit().name("parent"), move || async move {
            let own = Group::current();
            serve_once(flavour, own.unit().name("child"), move || async move {
                until(&fails).await;
                assert!(kind == FailureKind::Error, "the child's");
                Err::<(), _>("the child's")
            });
            is_above.live().await;
        });
        above.held.expect("the parent holds its token");
        assert!(!above.asked.has_happened());
        fail.happen();
        let report = runtime.wait().unwrap_err();
        assert!(above.asked.has_happened());
        let [failure] = report.failures() else {
            panic!("one failure: {report}");
        };
        assert_eq!(
            (failure.payload(), failure.kind(), failure.message()),
            ("parent/child", kind, "the child's")
        );
        assert!(!failure.during_shutdown());
        assert_eq!(unit.state(), UnitState::Ended);
        assert!(report.stragglers().is_empty(), "{report}");
    }
}

/// The first is the cause; the second, a parent, comes of the stop; its children have their time after both.
fn g3_a_panic_of_a_parent_that_ends_cuts_no_child_short<F: Member>(flavour: F) {
    let runtime = started();
    let (panicked, cleaned, held) = (Event::new(), Log::new(), Log::new());
    let (panics, cleans, holds) = (panicked.clone(), cleaned.clone(), held.clone());
    serve_once(flavour, runtime.unit().name("second"), move || async move {
        let token = Shutdown::current();
        for name in ["one", "other"] {
            let (panicked, cleans) = (panics.clone(), cleans.clone());
            let holds = holds.clone();
            let child = move || async move {
                let token = Shutdown::current();
                holds.write(name);
                token.requested().await;
                until(&panicked).await;
                a_while().await;
                cleans.write(name);
            };
            serve_once(flavour, Group::current().unit().name(name), child);
        }
        holds.write("second");
        token.requested().await;
        let _panicked = OnDrop(|| panics.happen());
        panic!("as it ends");
    });
    expect("all hold their tokens", || held.read().len() == 3);
    serve_once(flavour, runtime.unit().name("first"), || async {
        Err::<(), _>("the cause")
    });
    let report = runtime.wait().unwrap_err();
    assert!(panicked.has_happened());
    assert_eq!(cleaned.read().len(), 2, "nobody is cut short");
    let failures = report.failures().iter();
    let seen: Vec<_> = failures
        .map(|one| (one.payload(), one.message(), one.during_shutdown()))
        .collect();
    assert_eq!(
        seen,
        [
            ("first", "the cause", false),
            ("second", "as it ends", true)
        ]
    );
    assert!(report.stragglers().is_empty(), "{report}");
}

fn g3_a_failure_behind_the_groups_own_end_asks_nobody<F: Member>(flavour: F) {
    for kind in [FailureKind::Error, FailureKind::Panic] {
        let runtime = started();
        let (above, stop, seen) = (Probe::free(), Event::new(), Log::new());
        let held = Event::new();
        {
            let (above, stop, seen) = (above.clone(), stop.clone(), seen.clone());
            let held = held.clone();
            let parent = move || async move {
                let part = Group::current().group("part").may_fail().create().unwrap();
                let member = move || async move {
                    let token = Shutdown::current();
                    held.happen();
                    token.requested().await;
                    assert!(kind == FailureKind::Error, "as it ends");
                    Err::<(), _>("as it ends")
                };
                flavour.adopt_in_as(&part, "member", member).unwrap();
                until(&stop).await;
                part.shutdown();
                let state = part.stopped().await;
                seen.write((state, part.last_failure()));
                above.live().await;
            };
            serve_once(flavour, runtime.unit().name("parent"), parent);
        }
        held.expect("the member runs");
        stop.happen();
        above.held.expect("the parent goes on");
        let seen = seen.read();
        let [(UnitState::Failed, Some(failure))] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(
            (failure.payload(), failure.kind(), failure.message()),
            ("parent/part/member", kind, "as it ends")
        );
        assert!(!above.asked.has_happened());
        end(&runtime);
    }
}

/// A group that may fail ends for a service in it, with all that is in it. A group beside it does not.
fn g3_a_service_that_fails_ends_its_group_alone<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("part").may_fail().create().unwrap();
    let beside = runtime.group("beside").create().unwrap();
    let (inside, outside, fail) = (Probe::free(), Probe::free(), Event::new());
    let (is_inside, is_outside) = (inside.clone(), outside.clone());
    let member = serve_once(flavour, group.unit().name("member"), || is_inside.live());
    serve_once(flavour, beside.unit().name("member"), || is_outside.live());
    let fails = fail.clone();
    let failing = serve_once(flavour, group.unit().name("failing"), || async move {
        until(&fails).await;
        Err::<(), _>("no route")
    });
    inside.held.expect("it runs");
    outside.held.expect("it runs");
    fail.happen();
    inside.asked.expect("the group ends");
    assert!(group.wait_stopped(SOON));
    assert_eq!(group.state(), UnitState::Failed);
    assert_eq!(
        (member.state(), failing.state()),
        (UnitState::Ended, UnitState::Failed)
    );
    let failure = failing.last_failure().expect("it is kept");
    assert_eq!(
        (failure.payload(), failure.message()),
        ("part/failing", "no route")
    );
    assert!(!outside.asked.has_happened());
    goes_on(&runtime);
    end(&runtime);
}

/// The first by an error, which asks the others; of these one panics as it ends.
fn g3_each_failure_of_a_tree_stands_in_the_report_under_its_path<F: Member>(flavour: F) {
    let runtime = started();
    let (fail, held) = (Event::new(), Log::new());
    let (fails, holds) = (fail.clone(), held.clone());
    serve_once(flavour, runtime.unit().name("parent"), move || async move {
        let own = Group::current();
        let of_first = holds.clone();
        serve_once(flavour, own.unit().name("first"), move || async move {
            of_first.write(());
            until(&fails).await;
            Err::<(), _>("an error")
        });
        serve_once(flavour, own.unit().name("second"), move || async move {
            let token = Shutdown::current();
            holds.write(());
            token.requested().await;
            panic!("a panic");
        });
        Shutdown::current().requested().await;
    });
    expect("both run", || held.read().len() == 2);
    fail.happen();
    let report = runtime.wait().unwrap_err();
    let failures: Vec<_> = (report.failures().iter())
        .map(|one| (one.payload(), one.kind(), one.message()))
        .collect();
    assert_eq!(
        failures,
        [
            ("parent/first", FailureKind::Error, "an error"),
            ("parent/second", FailureKind::Panic, "a panic"),
        ]
    );
    assert!(report.stragglers().is_empty(), "{report}");
}

/// It is no failure, so a group that may fail has nothing to keep to itself.
fn v2_an_end_of_the_runtime_is_absorbed_by_nobody<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("optional").may_fail().create().unwrap();
    let go = Event::new();
    let goes = go.clone();
    serve_once(flavour, group.unit().name("ends"), move || async move {
        until(&goes).await;
        Exit::Shutdown
    });
    go.happen();
    runtime.wait().unwrap();
    assert_eq!(group.state(), UnitState::Ended);
    assert!(runtime.tolerated().is_empty());
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.cause, foster::status::StopCause::Service);
}

fn v2_who_was_asked_to_stop_may_end_the_runtime_as_well<F: Member>(flavour: F) {
    let runtime = started();
    let unit = runtime.unit().name("ends").may_fail();
    let unit = serve_once(flavour, unit, || async {
        Shutdown::current().requested().await;
        Exit::Shutdown
    });
    unit.expect(UnitState::Running);
    unit.stop();
    runtime.wait().unwrap();
    assert_eq!(unit.state(), UnitState::Ended);
    let stop = runtime.status().stop.expect("it stops");
    assert_eq!(stop.cause, foster::status::StopCause::Service);
}
