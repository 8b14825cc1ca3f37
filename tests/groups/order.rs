//! Groups that come after services and groups, and services that come after groups. Row G1.

use super::*;

on_every_flavour!(
    g1_a_service_ends_before_the_group_that_it_comes_after,
    g1_a_group_ends_before_the_service_that_it_comes_after,
    g1_a_group_ends_before_the_group_that_it_comes_after,
    g1_services_and_groups_in_a_row_end_in_their_order,
    g1_a_group_takes_payloads_before_what_it_comes_after_is_ready,
    g1_whoever_comes_after_a_group_waits_for_nothing_in_it,
);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Service,
    Group,
}

use Kind::{Group as AGroup, Service as AService};

/// What has its turn at the end: a service, or a group with a payload and a service in it.
struct Turn {
    /// Each of them has to end before the next turn.
    probes: Vec<Probe>,
    state: Box<dyn Fn() -> UnitState>,
}

impl Turn {
    /// Makes it in the runtime, or in a group of that.
    fn make<F: Member>(
        flavour: F,
        (runtime, outer): (&Runtime, Option<&Group>),
        kind: Kind,
        name: &'static str,
        after: Option<&'static str>,
    ) -> Self {
        let probe = Probe::new();
        let is_probe = probe.clone();
        let turn = match kind {
            AService => {
                let unit = outer.map_or_else(|| runtime.unit(), Group::unit).name(name);
                let unit = after
                    .into_iter()
                    .fold(unit, |unit, other| unit.after(other));
                let unit = serve_once(flavour, unit, || is_probe.live());
                Self {
                    probes: vec![probe],
                    state: Box::new(move || unit.state()),
                }
            }
            AGroup => {
                let group = match outer {
                    Some(outer) => outer.group(name),
                    None => runtime.group(name),
                };
                let group = after
                    .into_iter()
                    .fold(group, |group, other| group.after(other));
                let group = group.create().unwrap();
                flavour.adopt_in(&group, || is_probe.live()).unwrap();
                let served = Probe::new();
                let is_served = served.clone();
                serve_once(flavour, group.unit(), || is_served.live());
                Self {
                    probes: vec![probe, served],
                    state: Box::new(move || group.state()),
                }
            }
        };
        for probe in &turn.probes {
            probe.held.expect("it holds its token");
        }
        // Its first poll, in which it took that, may not be over.
        expect("it runs", || (turn.state)() == UnitState::Running);
        turn
    }

    #[track_caller]
    fn expect_asked(&self) {
        for probe in &self.probes {
            probe.asked.expect("it has its turn");
        }
        assert_eq!((self.state)(), UnitState::Stopping);
    }

    /// All whose turn it is have it at one moment, so what was not asked by then waits.
    #[track_caller]
    fn expect_unasked(&self) {
        assert_eq!((self.state)(), UnitState::Running);
        assert!(!self.probes.iter().any(|probe| probe.asked.has_happened()));
    }
}

/// Each comes after the one before it. They end at the end of a group around them, and of the runtime.
#[track_caller]
fn end_in_order<F: Member>(flavour: F, kinds: &[Kind]) {
    const NAMES: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    for by_runtime in [false, true] {
        let runtime = started();
        let outer = runtime.group("outer").create().unwrap();
        let place = (&runtime, Some(&outer).filter(|_| !by_runtime));
        let mut turns = Vec::new();
        for (index, kind) in kinds.iter().enumerate() {
            let after = index.checked_sub(1).map(|before| NAMES[before]);
            turns.push(Turn::make(flavour, place, *kind, NAMES[index], after));
        }
        match by_runtime {
            true => runtime.shutdown(),
            false => outer.shutdown(),
        }
        while let Some(turn) = turns.pop() {
            turn.expect_asked();
            // With all that is in it.
            for probe in &turn.probes {
                for before in &turns {
                    before.expect_unasked();
                }
                probe.go.happen();
                probe.over.expect("it ends");
            }
        }
        expect_over(&outer, UnitState::Ended);
        end(&runtime);
    }
}

fn g1_a_service_ends_before_the_group_that_it_comes_after<F: Member>(flavour: F) {
    end_in_order(flavour, &[AGroup, AService]);
}

fn g1_a_group_ends_before_the_service_that_it_comes_after<F: Member>(flavour: F) {
    end_in_order(flavour, &[AService, AGroup]);
}

fn g1_a_group_ends_before_the_group_that_it_comes_after<F: Member>(flavour: F) {
    end_in_order(flavour, &[AGroup, AGroup]);
}

fn g1_services_and_groups_in_a_row_end_in_their_order<F: Member>(flavour: F) {
    end_in_order(flavour, &[AService, AGroup, AGroup, AService, AGroup]);
}

fn g1_a_group_takes_payloads_before_what_it_comes_after_is_ready<F: Member>(flavour: F) {
    let runtime = started();
    let (first, second) = (Probe::free(), Probe::free());
    let (is_first, is_second) = (first.clone(), second.clone());
    let unit = runtime.unit().name("unready").notifies_ready();
    serve_once(flavour, unit, || is_first.live());
    let group = runtime.group("group").after("unready").create().unwrap();
    flavour.adopt_in(&group, || is_second.live()).unwrap();
    second.held.expect("it runs");
    first.held.expect("it runs");
    let unready = runtime.unit_named("unready").expect("it goes on");
    assert_eq!(unready.state(), UnitState::Starting);
    end(&runtime);
}

/// A group that is empty, and one with a service in it that is never ready.
fn g1_whoever_comes_after_a_group_waits_for_nothing_in_it<F: Member>(flavour: F) {
    let runtime = started();
    let empty = runtime.group("empty").create().unwrap();
    let group = runtime.group("group").create().unwrap();
    let inside = Probe::free();
    let is_inside = inside.clone();
    let unit = group.unit().name("unready").notifies_ready();
    serve_once(flavour, unit, || is_inside.live());
    inside.held.expect("it runs");
    let (service, payload) = (Probe::free(), Probe::free());
    let (is_service, is_payload) = (service.clone(), payload.clone());
    let unit = runtime.unit().after(&empty).after(&group);
    serve_once(flavour, unit, || is_service.live());
    service.held.expect("it starts");
    let after = runtime.group("after").after(&group).create().unwrap();
    flavour.adopt_in(&after, || is_payload.live()).unwrap();
    payload.held.expect("it starts");
    end(&runtime);
}
