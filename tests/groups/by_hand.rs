//! Children that their parent ends itself, one by one. Row G1.
//!
//! What is in the group of the run itself hears of its end together with it. What the parent is to end by hand is in a
//! group beside it, which it comes after: that has its turn when the parent is over.

use super::*;

on_every_flavour!(
    g1_a_parent_ends_services_one_by_one,
    g1_a_parent_ends_payloads_one_by_one,
    g1_what_a_parent_has_not_ended_has_its_turn_after_it,
    g1_a_group_that_the_run_makes_waits_for_whoever_comes_after_it,
);

const NUMBER: usize = 3;

/// Who asks the parent to end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    Unit,
    Group,
    Runtime,
}

const ALL: [By; 3] = [By::Unit, By::Group, By::Runtime];

/// Ends the parent, and lets its children go one after the other: of those that are left nobody has heard anything.
#[track_caller]
fn ends_in_turn(by: By, place: &Place, parent: &Served, children: &[Probe]) {
    match by {
        By::Unit => parent.stop(),
        By::Group => place.outer.shutdown(),
        By::Runtime => place.runtime.shutdown(),
    }
    for (index, child) in children.iter().enumerate() {
        child.asked.expect("the parent asks it");
        assert_eq!(parent.state(), UnitState::Stopping);
        assert_eq!(place.children.state(), UnitState::Running, "{by:?}");
        for later in &children[index + 1..] {
            assert!(!later.asked.has_happened(), "{by:?}");
        }
        child.go.happen();
        child.over.expect("it ends");
    }
    assert!(parent.wait_stopped(SOON));
    assert_eq!(parent.state(), UnitState::Ended);
    match by {
        // They are not its own.
        By::Unit => assert_eq!(place.children.state(), UnitState::Running),
        _ => expect_over(&place.children, UnitState::Ended),
    }
    end(&place.runtime);
}

/// Where the parent is, and beside it the group of its children.
struct Place {
    runtime: Runtime,
    outer: Group,
    children: Group,
}

impl Place {
    fn new() -> Self {
        let runtime = started();
        let outer = runtime.group("outer").create().unwrap();
        let children = outer.group("children").create().unwrap();
        Self {
            runtime,
            outer,
            children,
        }
    }
}

fn g1_a_parent_ends_services_one_by_one<F: Member>(flavour: F) {
    for by in ALL {
        let place = Place::new();
        let children = [(); NUMBER].map(|()| Probe::new());
        let (group, all) = (place.children.clone(), children.clone());
        let unit = place.outer.unit().name("parent").after(&group);
        let parent = serve_once(flavour, unit, move || async move {
            let token = Shutdown::current();
            let units = all.map(|child| serve_once(flavour, group.unit(), || child.live()));
            token.requested().await;
            for unit in units {
                unit.stop();
                assert_eq!(unit.stopped().await, UnitState::Ended);
            }
        });
        for child in &children {
            child.held.expect("it runs");
        }
        ends_in_turn(by, &place, &parent, &children);
    }
}

/// Each in a group of its own, as a payload has no handle.
fn g1_a_parent_ends_payloads_one_by_one<F: Member>(flavour: F) {
    for by in ALL {
        let place = Place::new();
        let children = [(); NUMBER].map(|()| Probe::new());
        let (group, all) = (place.children.clone(), children.clone());
        let unit = place.outer.unit().name("parent").after(&group);
        let parent = serve_once(flavour, unit, move || async move {
            let token = Shutdown::current();
            let mut number = 0;
            let groups = all.map(|child| {
                number += 1;
                let own = group.group(format!("{number}")).create().unwrap();
                flavour.adopt_in(&own, || child.live()).unwrap();
                own
            });
            token.requested().await;
            for own in groups {
                own.shutdown();
                assert_eq!(own.stopped().await, UnitState::Ended);
            }
        });
        for child in &children {
            child.held.expect("it runs");
        }
        ends_in_turn(by, &place, &parent, &children);
    }
}

/// The parent ends one of them and fails, or returns: the others are asked as ever.
fn g1_what_a_parent_has_not_ended_has_its_turn_after_it<F: Member>(flavour: F) {
    for fails in [false, true] {
        let place = Place::new();
        let children = [(); NUMBER].map(|()| Probe::new());
        let (group, all) = (place.children.clone(), children.clone());
        let unit = place.outer.unit().name("parent").after(&group);
        let parent = serve_once(flavour, unit, move || async move {
            let token = Shutdown::current();
            let units = all.map(|child| serve_once(flavour, group.unit(), || child.live()));
            token.requested().await;
            units[0].stop();
            units[0].stopped().await;
            match fails {
                true => Err("had enough"),
                false => Ok(()),
            }
        });
        for child in &children {
            child.held.expect("it runs");
        }
        place.runtime.shutdown();
        children[0].asked.expect("the parent asks it");
        assert!(!children[1].asked.has_happened() && !children[2].asked.has_happened());
        children[0].go.happen();
        for child in &children[1..] {
            child.asked.expect("it has its turn");
        }
        assert!(parent.wait_stopped(SOON));
        for child in &children[1..] {
            child.go.happen();
        }
        assert_eq!(place.runtime.wait().is_err(), fails);
    }
}

/// The parent comes after nothing, and makes the group as it runs. Something else that comes after the group holds it until
/// the parent is done.
fn g1_a_group_that_the_run_makes_waits_for_whoever_comes_after_it<F: Member>(flavour: F) {
    for by_runtime in [false, true] {
        let runtime = started();
        let children = [(); NUMBER].map(|()| Probe::new());
        let (known, all, made) = (runtime.clone(), children.clone(), Log::new());
        let makes = made.clone();
        let parent = serve_once(flavour, runtime.unit().name("parent"), move || async move {
            let token = Shutdown::current();
            let group = known.group("children").create().unwrap();
            makes.write(group.clone());
            let done = Event::new();
            let is_done = done.clone();
            let hold = known.unit().name("hold").after(&group);
            let hold = serve_once(flavour, hold, || async move {
                Shutdown::current().requested().await;
                until(&is_done).await;
            });
            drop(known);
            let units = all.map(|child| serve_once(flavour, group.unit(), || child.live()));
            token.requested().await;
            for unit in units {
                unit.stop();
                unit.stopped().await;
            }
            done.happen();
            hold.stop();
            hold.stopped().await;
            group.shutdown();
        });
        for child in &children {
            child.held.expect("it runs");
        }
        child_runs(&runtime, "hold");
        match by_runtime {
            true => runtime.shutdown(),
            false => parent.stop(),
        }
        for (index, child) in children.iter().enumerate() {
            child.asked.expect("the parent asks it");
            for later in &children[index + 1..] {
                assert!(!later.asked.has_happened(), "by the runtime: {by_runtime}");
            }
            child.go.happen();
            child.over.expect("it ends");
        }
        assert!(parent.wait_stopped(SOON));
        expect_over(&made.read()[0], UnitState::Ended);
        end(&runtime);
    }
}
