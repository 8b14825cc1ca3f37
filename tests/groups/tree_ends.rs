//! Ends in trees of services and groups, as other supervisors' suites assert them. Rows G1 and G5.

use super::*;

on_every_flavour!(
    g1_a_parent_ends_one_part_and_goes_on,
    g1_a_run_that_cancels_a_part_goes_on,
    g1_a_run_may_ask_itself_or_its_children_alone,
    g1_what_waits_for_the_start_begins_with_the_runtime,
    g1_a_group_that_is_over_refuses_everything,
    g1_a_hundred_groups_end_as_they_start,
    g1_groups_are_made_while_the_runtime_starts_and_stops,
    g1_a_straggler_has_its_path,
    g5_each_level_counts_what_is_below_it,
);

/// A child with a child of its own, by a stop of the unit and by the shutdown of a group in which it is.
fn g1_a_parent_ends_one_part_and_goes_on<F: Member>(flavour: F) {
    for by_group in [false, true] {
        let runtime = started();
        let (above, sibling) = (Probe::free(), Probe::free());
        let (child, grandchild) = (Probe::new(), Probe::new());
        let (stop, stopped) = (Event::new(), Event::new());
        {
            let (above, sibling) = (above.clone(), sibling.clone());
            let (child, grandchild) = (child.clone(), grandchild.clone());
            let (stop, stopped) = (stop.clone(), stopped.clone());
            let parent = move || async move {
                let own = Group::current();
                serve_once(flavour, own.unit().name("sibling"), || sibling.live());
                let part = own.group("part").create().unwrap();
                let child = move || async move {
                    let own = Group::current();
                    serve_once(flavour, own.unit().name("grandchild"), || grandchild.live());
                    child.live().await;
                };
                let unit = match by_group {
                    true => part.unit(),
                    false => own.unit(),
                };
                let unit = serve_once(flavour, unit.name("child"), child);
                let token = Shutdown::current();
                until(&stop).await;
                let state = match by_group {
                    true => {
                        part.shutdown();
                        part.stopped().await
                    }
                    false => {
                        unit.stop();
                        unit.stopped().await
                    }
                };
                assert_eq!(state, UnitState::Ended);
                assert!(!token.is_requested());
                stopped.happen();
                above.live().await;
            };
            serve_once(flavour, runtime.unit().name("parent"), parent);
        }
        for run in [&sibling, &child, &grandchild] {
            run.held.expect("it runs");
        }
        stop.happen();
        child.asked.expect("the child is asked");
        grandchild.asked.expect("and at once its child");
        child.go.happen();
        child.over.expect("its own run is over");
        assert!(!stopped.has_happened(), "the grandchild is left");
        grandchild.go.happen();
        stopped.expect("both are over");
        above.held.expect("the parent goes on");
        assert!(!above.asked.has_happened() && !sibling.asked.has_happened());
        child_runs(&runtime, "parent/sibling");
        end(&runtime);
        assert!(above.asked.has_happened() && sibling.asked.has_happened());
    }
}

/// Whoever made the part, and whoever is beside it, hears nothing.
fn g1_a_run_that_cancels_a_part_goes_on<F: Member>(flavour: F) {
    // No time passes.
    let (_clock, runtime) = manual();
    let (above, inside, outside) = (Probe::free(), Probe::new(), Probe::free());
    let cancelled = Event::new();
    {
        let (above, inside) = (above.clone(), inside.clone());
        let (outside, cancelled) = (outside.clone(), cancelled.clone());
        let parent = move || async move {
            let token = Shutdown::current();
            let own = Group::current();
            let part = own.group("part").create().unwrap();
            let holds = inside.held.clone();
            flavour.adopt_in(&part, || inside.live()).unwrap();
            flavour.adopt_in(&own, || outside.live()).unwrap();
            until(&holds).await;
            part.cancel();
            part.stopped().await;
            assert!(!token.is_requested());
            cancelled.happen();
            above.live().await;
        };
        serve_once(flavour, runtime.unit().name("parent"), parent);
    }
    if F::NAME == <Thread as AnyFlavour>::NAME {
        // It cannot be dropped.
        inside.asked.expect("it is asked");
        inside.go.happen();
    }
    cancelled.expect("the part is over");
    inside.over.expect("and what was in it");
    above.held.expect("the parent goes on");
    outside.held.expect("so does what is beside it");
    assert!(!above.asked.has_happened() && !outside.asked.has_happened());
    end(&runtime);
}

/// Itself and its children; or its children, while its own token is silent. Nothing else ends.
fn g1_a_run_may_ask_itself_or_its_children_alone<F: Member>(flavour: F) {
    for itself in [true, false] {
        let runtime = started();
        let (child, other) = (Probe::new(), Probe::free());
        let (own, go) = (Probe::free(), Event::new());
        serve_once(flavour, runtime.unit().name("other"), {
            let other = other.clone();
            || other.live()
        });
        let run = {
            let (child, own, go) = (child.clone(), own.clone(), go.clone());
            let known = runtime.clone();
            move || async move {
                let token = Shutdown::current();
                let children = Group::current();
                serve_once(flavour, children.unit().name("child"), || child.live());
                until(&go).await;
                match itself {
                    true => {
                        let unit = known.unit_named("itself").expect("it runs");
                        // The runtime ends by the test's hand alone.
                        drop(known);
                        unit.stop();
                        assert!(token.is_requested());
                    }
                    false => {
                        drop(known);
                        children.shutdown();
                        assert!(!token.is_requested());
                    }
                }
                own.live().await;
            }
        };
        let unit = serve_once(flavour, runtime.unit().name("itself"), run);
        child.held.expect("the child runs");
        other.held.expect("the other runs");
        go.happen();
        own.held.expect("it goes on for a while");
        child.asked.expect("the child is asked");
        child.go.happen();
        child.over.expect("it ends");
        match itself {
            true => {
                assert!(unit.wait_stopped(SOON));
                assert_eq!(unit.state(), UnitState::Ended);
            }
            false => {
                unit.expect(UnitState::Running);
                assert!(!own.asked.has_happened());
            }
        }
        goes_on(&runtime);
        assert!(!other.asked.has_happened());
        end(&runtime);
        assert!(own.asked.has_happened() && other.asked.has_happened());
    }
}

fn g1_what_waits_for_the_start_begins_with_the_runtime<F: Member>(flavour: F) {
    let runtime = runtime();
    let mut changes = runtime.unit_changes(16);
    let outer = runtime.group("outer").create().unwrap();
    let inner = outer.group("inner").create().unwrap();
    let run = Probe::free();
    let is_run = run.clone();
    let unit = serve_once(flavour, inner.unit().name("unit"), || is_run.live());
    assert_eq!(unit.state(), UnitState::Waiting);
    assert!(!run.held.has_happened());
    runtime.start().unwrap();
    run.held.expect("it runs");
    unit.expect(UnitState::Running);
    let mut seen = Vec::new();
    while let Some(change) = changes.recv_timeout(SOON) {
        if change.name() == "outer/inner/unit" {
            seen.push(change.state());
        }
        if seen.last() == Some(&UnitState::Running) {
            break;
        }
    }
    assert_eq!(seen, [UnitState::Starting, UnitState::Running]);
    end(&runtime);
}

fn g1_a_group_that_is_over_refuses_everything<F: Member>(flavour: F) {
    let runtime = started();
    let group = runtime.group("over").limit(5).create().unwrap();
    let run = Probe::free();
    let is_run = run.clone();
    serve_once(flavour, group.unit().name("unit"), || is_run.live());
    run.held.expect("it runs");
    assert!(runtime.group_named("over").is_some());
    group.shutdown();
    assert!(group.wait_stopped(SOON));
    let refused = flavour.adopt_in(&group, || async {}).unwrap_err();
    assert_eq!(refused.kind(), AdoptErrorKind::Stopping);
    let refused = flavour.adopt_in_as(&group, "named", || async {});
    assert_eq!(refused.unwrap_err().kind(), AdoptErrorKind::Stopping);
    let refused = flavour.serve(group.unit(), || async {}).unwrap_err();
    assert_eq!(refused.kind(), ServeErrorKind::Stopping);
    let refused = group.execute(Smol, || async {}).unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Stopping);
    let refused = block_on(group.call(Smol, || async {})).unwrap_err();
    assert_eq!(refused.kind(), ExecuteErrorKind::Stopping);
    let refused = group.group("inner").create().unwrap_err();
    assert_eq!(refused.kind(), GroupErrorKind::Stopping);
    assert_eq!(
        block_on(group.place()).unwrap_err().kind(),
        PlaceErrorKind::Stopping
    );
    assert_eq!(
        group.wait_place(SOON).unwrap_err().kind(),
        PlaceErrorKind::Stopping
    );
    assert_eq!((group.running(), group.taken(), group.waiting()), (0, 0, 0));
    assert!(runtime.group_named("over").is_none());
    assert_eq!(block_on(group.stopped()), UnitState::Ended);
    assert!(block_on(group.ready()).is_ok());
    // What ended stays as it was.
    group.shutdown();
    group.cancel();
    assert_eq!(group.state(), UnitState::Ended);
    assert_eq!(
        format!("{group:?}"),
        "Group { path: \"over\", state: Ended, .. }"
    );
    goes_on(&runtime);
    end(&runtime);
}

/// The stop meets each of them at another moment of its start.
fn g1_a_hundred_groups_end_as_they_start<F: Member>(flavour: F) {
    for _ in 0..3 {
        let runtime = runtime();
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let run = || {
            let (begins, ends) = (Arc::clone(&begun), Arc::clone(&ended));
            move || async move {
                let _over = OnDrop(move || {
                    ends.fetch_add(1, SeqCst);
                });
                begins.fetch_add(1, SeqCst);
                Shutdown::current().requested().await;
            }
        };
        let make = |number: usize| {
            let group = runtime.group(format!("group {number}")).create().unwrap();
            let unit = serve_once(flavour, group.unit(), run());
            flavour.adopt_in(&group, run()).unwrap();
            (group, unit)
        };
        let all: Vec<_> = (0..100).map(make).collect();
        runtime.start().unwrap();
        runtime.shutdown();
        runtime.wait().unwrap();
        for (group, unit) in all {
            assert!(group.state().is_over(), "{group:?}");
            assert!(group.last_failure().is_none());
            assert!(unit.state().is_over(), "{:?}", unit.status());
        }
        // A thread that came late to its token was left behind, and ends nevertheless.
        expect("what began has ended", || {
            begun.load(SeqCst) == ended.load(SeqCst)
        });
    }
}

/// By one thread, while a second one starts the runtime and a third one stops it: what is handed in there is refused, or
/// begins and ends, or is dropped unrun.
fn g1_groups_are_made_while_the_runtime_starts_and_stops<F: Member>(flavour: F) {
    for _ in 0..20 {
        let runtime = runtime();
        let (runs, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (made, known) = (Event::new(), runtime.clone());
        let (begins, drops, makes) = (Arc::clone(&runs), Arc::clone(&ends), made.clone());
        let maker = thread::spawn(move || {
            let mut taken = 0;
            for number in 0..1_000_000 {
                let Ok(group) = known.group(format!("{number}")).create() else {
                    break;
                };
                let (runs, ends) = (Arc::clone(&begins), Arc::clone(&drops));
                let run = move || {
                    let (runs, ends) = (Arc::clone(&runs), Arc::clone(&ends));
                    async move {
                        let _over = OnDrop(move || {
                            ends.fetch_add(1, SeqCst);
                        });
                        runs.fetch_add(1, SeqCst);
                        Shutdown::current().requested().await;
                    }
                };
                match flavour.serve(group.unit().name("unit"), run) {
                    Ok(_) => taken += 1,
                    Err(refused) => {
                        assert_eq!(refused.kind(), ServeErrorKind::Stopping);
                        break;
                    }
                }
                if number == 10 {
                    makes.happen();
                }
            }
            taken
        });
        let starting = runtime.clone();
        let starter = thread::spawn(move || starting.start());
        made.expect("some are made");
        runtime.shutdown();
        starter.join().unwrap().expect("it was not started before");
        runtime.wait().unwrap();
        let taken = maker.join().unwrap();
        assert!(taken > 10);
        assert!(runs.load(SeqCst) <= taken);
        expect("what began has ended", || {
            runs.load(SeqCst) == ends.load(SeqCst)
        });
    }
}

fn g1_a_straggler_has_its_path<F: Member>(flavour: F) {
    let (clock, runtime) = manual();
    let inner = runtime.group("outer").create().unwrap();
    let inner = inner.group("inner").create().unwrap();
    let (payload, service) = (Probe::new(), Probe::new());
    let (hangs, unit_hangs) = (payload.clone(), service.clone());
    flavour
        .adopt_in_as(&inner, "payload", || hangs.live())
        .unwrap();
    let unit = inner.unit().name("service");
    serve_once(flavour, unit, || unit_hangs.live());
    payload.held.expect("it holds its token");
    service.held.expect("it holds its token");
    runtime.shutdown();
    payload.asked.expect("it is asked");
    service.asked.expect("it is asked");
    let report = finish(&clock, &runtime).unwrap_err();
    assert!(report.failures().is_empty(), "{report}");
    assert_eq!(
        overran(&report),
        ["outer/inner/payload", "outer/inner/service"],
        "{report}"
    );
    let stragglers = report.stragglers().iter();
    assert!(
        stragglers
            .into_iter()
            .all(|one| one.reason() == StragglerReason::Overran)
    );
    payload.go.happen();
    service.go.happen();
}

/// Running payloads in the group itself, and places taken in it and in those around it, while they end in both orders.
fn g5_each_level_counts_what_is_below_it<F: Member>(flavour: F) {
    for is_outer_first in [true, false] {
        let runtime = started();
        let outer = runtime.group("outer").limit(10).create().unwrap();
        let inner = outer.group("inner").limit(10).create().unwrap();
        let (above, below) = (flavour.holder(&outer), flavour.holder(&inner));
        let count = || {
            [
                outer.taken(),
                inner.taken(),
                outer.running(),
                inner.running(),
            ]
        };
        assert_eq!(count(), [2, 1, 1, 1]);
        let (first, last, between) = match is_outer_first {
            true => (above, below, [1, 1, 0, 1]),
            false => (below, above, [1, 0, 1, 0]),
        };
        outer.shutdown();
        first.asked.expect("it is asked");
        first.go.happen();
        expect("it is counted no more", || count() == between);
        last.go.happen();
        expect("nothing is left", || count() == [0; 4]);
        assert!(outer.wait_stopped(SOON));
        end(&runtime);
    }
}
