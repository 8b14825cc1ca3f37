//! Services, and groups with a payload each.

use std::cell::Cell;
use std::time::Duration;

use foster::{Group, Runtime, Tokio, service};

use super::super::executors::{self, RUNS};
use super::super::idle::{Idle, Life};
use super::{Kind, kind};

const MOST: usize = 100_000;

pub(super) const UNITS: &[Kind] = &[
    kind("units", MOST, |idle| {
        live(idle, |runtime, _| {
            let service = service(Tokio, move || idle.until_asked());
            runtime.serve(service).expect(RUNS);
        })
    }),
    // All after the first.
    kind("units-fan", MOST, |idle| {
        live(idle, |runtime, number| {
            let unit = runtime.unit().name(number.to_string());
            let unit = if number == 0 { unit } else { unit.after("0") };
            unit.serve(service(Tokio, move || idle.until_asked()))
                .expect(RUNS);
        })
    }),
    // Each after the one before.
    kind("units-chain", MOST, |idle| {
        live(idle, |runtime, number| {
            let unit = runtime.unit().name(number.to_string());
            let unit = match number.checked_sub(1) {
                Some(before) => unit.after(before.to_string()),
                None => unit,
            };
            unit.serve(service(Tokio, move || idle.until_asked()))
                .expect(RUNS);
        })
    }),
    // The same, handed in before the start.
    kind("units-chain-early", MOST, |idle| {
        let number = Cell::new(0_usize);
        let hand_in = |runtime: &Runtime| {
            let this = number.replace(number.get() + 1);
            let unit = runtime.unit().name(this.to_string());
            let unit = match this.checked_sub(1) {
                Some(before) => unit.after(before.to_string()),
                None => unit,
            };
            unit.serve(service(Tokio, move || idle.until_asked()))
                .expect(RUNS);
        };
        let start = |runtime: &Runtime| runtime.start().expect(RUNS);
        let end = |runtime| executors::stop(&runtime);
        idle.live_once(executors::unstarted(), hand_in, start, end)
    }),
];

pub(super) const GROUPS: &[Kind] = &[
    kind("groups", MOST, |idle| {
        live(idle, |runtime, number| drop(group(idle, runtime, number)))
    }),
    // Each ended by itself, one after the other.
    kind("groups-apart", MOST, |idle| {
        let groups = Cell::new(Vec::new());
        let hand_in = |runtime: &Runtime| {
            let mut all = groups.take();
            all.push(group(idle, runtime, all.len()));
            groups.set(all);
        };
        let end = |runtime| {
            let all = groups.take();
            all.iter().for_each(Group::shutdown);
            for group in all {
                assert!(group.wait_stopped(Duration::MAX));
            }
            executors::stop(&runtime);
        };
        idle.live(executors::started(), hand_in, end)
    }),
    // Each in the one group of all.
    kind("groups-inside", MOST, |idle| {
        let outer = Cell::new(None);
        live(idle, |runtime, number| {
            let all = outer.take();
            let all = all.unwrap_or_else(|| runtime.group("all").create().expect(RUNS));
            let group = all.group(number.to_string()).create().expect(RUNS);
            group.adopt(Tokio, move || idle.until_asked()).expect(RUNS);
            outer.set(Some(all));
        })
    }),
];

fn group(idle: Idle, runtime: &Runtime, number: usize) -> Group {
    let group = runtime.group(number.to_string()).create().expect(RUNS);
    group.adopt(Tokio, move || idle.until_asked()).expect(RUNS);
    group
}

/// What is handed in while the runtime runs, each with its number, until the end of all.
fn live(idle: Idle, hand_in: impl Fn(&Runtime, usize)) -> Life {
    let number = Cell::new(0);
    let hand_in = |runtime: &Runtime| hand_in(runtime, number.replace(number.get() + 1));
    let end = |runtime| executors::stop(&runtime);
    idle.live(executors::started(), hand_in, end)
}
