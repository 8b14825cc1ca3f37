//! What many short lives leave behind in memory. `FOSTER_LIVES` says how many there are.
//!
//! Each runs in a process of its own, whose memory it is.

mod common;

use std::future::{pending, ready};
use std::sync::mpsc::channel;
use std::time::Duration;

use common::child::{Played, be_child, play};
use common::{SOON, builder};
use foster::{Group, Runtime, Shutdown, Smol, Tokio, Unit, service};
use futures_lite::future::block_on;
use peak_alloc::PeakAlloc;

/// What the process may grow by, in KiB: the promise is 5 MB, and the allocator keeps some of it for later.
const MOST: u64 = 5_000;
/// What may be left allocated, in bytes: however many lives there are, and of each of them.
/// Under Wine, threads take turns so slowly that some of a thousand payloads wait whenever one looks.
const SLACK: u64 = if cfg!(windows) { 128 } else { 16 } * 1_024;
const OF_EACH: u64 = 4;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn as_child() {
    be_child(|scenario| match scenario {
        "limited" => grows(limited, |_, group, _| {
            let place = group.wait_place(Duration::MAX).unwrap();
            place.adopt(Tokio, || ready(())).unwrap();
        }),
        "groups" => grows(nothing, |runtime, (), number| {
            let group = runtime.group(format!("group-{number}")).create().unwrap();
            group.adopt(Tokio, || ready(())).unwrap();
            let stopped = group.stopped();
            drop(group);
            block_on(stopped);
        }),
        "nested" => grows(nothing, |runtime, (), number| {
            let outer = runtime
                .group(format!("outer-{number}"))
                .limit(3)
                .create()
                .unwrap();
            let inner = outer.group("inner").limit(2).create().unwrap();
            inner
                .adopt(Tokio, || async { Shutdown::current().requested().await })
                .unwrap();
            inner.serve(service(Smol, || ready(()))).unwrap();
            outer.shutdown();
            assert!(outer.wait_stopped(SOON));
        }),
        "families" => grows(nothing, |runtime, (), _| {
            let parent = || async {
                Group::current().adopt(Tokio, || ready(())).unwrap();
            };
            let group = runtime.group("families").create().unwrap();
            group.named("parent").adopt(Tokio, parent).unwrap();
            group.serve(service(Tokio, parent)).unwrap();
            let stopped = group.stopped();
            drop(group);
            block_on(stopped);
        }),
        "families-named" => grows(long_lived, |runtime, group, number| {
            for named in [
                runtime.named(format!("parent-{number}")),
                group.named(format!("parent-{number}")),
            ] {
                let (sender, receiver) = channel();
                let parent = move || async move { sender.send(Group::current()).unwrap() };
                named.adopt(Tokio, parent).unwrap();
                assert!(receiver.recv().unwrap().wait_stopped(SOON));
            }
        }),
        "services-named" => grows(long_lived, |_, group, number| {
            let unit = group.unit().name(format!("service-{number}"));
            let unit = unit.serve(service(Tokio, || ready(()))).unwrap();
            assert!(unit.wait_stopped(SOON));
        }),
        "parts" => grows(whole, |runtime, whole, _| {
            let unit = runtime.unit().part_of(whole);
            let unit = unit.serve(service(Tokio, || ready(()))).unwrap();
            assert!(unit.wait_stopped(SOON));
        }),
        _ => unreachable!("there is no such scenario"),
    });
}

fn nothing(_: &Runtime) {}

fn long_lived(runtime: &Runtime) -> Group {
    runtime.group("long-lived").create().unwrap()
}

fn whole(runtime: &Runtime) -> Unit {
    let unit = runtime.unit().name("whole");
    unit.serve(service(Smol, pending::<()>)).unwrap()
}

fn lives() -> u64 {
    std::env::var("FOSTER_LIVES").map_or(5_000, |number| number.parse().unwrap())
}

/// The most memory that the process has had, in KiB; none where the system does not tell, and what is allocated is all that
/// is judged.
fn largest() -> u64 {
    #[cfg(target_os = "linux")]
    return common::memory("VmHWM:");
    #[cfg(not(target_os = "linux"))]
    0
}

/// Does it so often, and looks at the memory at the beginning and at the end.
///
/// Some of what is over is remembered, until it is forgotten all at once: so what counts is the least that is allocated
/// after any of very many lives.
fn grows<L>(make: impl Fn(&Runtime) -> L, life: impl Fn(&Runtime, &L, u64)) -> Played {
    let runtime = builder().build();
    runtime.start()?;
    let long_lived = make(&runtime);
    let (tenth, mut process) = (lives() / 10, 0);
    let [mut first, mut last] = [usize::MAX; 2];
    for number in 0..lives() {
        if number == tenth {
            process = largest();
        }
        life(&runtime, &long_lived, number);
        match number / tenth {
            // By then as much is remembered as ever will be.
            4..6 => first = first.min(ALLOCATOR.current_usage()),
            8.. => last = last.min(ALLOCATOR.current_usage()),
            _ => {}
        }
    }
    println!(
        "grew {} {}",
        last.saturating_sub(first),
        largest() - process
    );
    runtime.shutdown();
    runtime.wait()
}

/// Hands in much more than may be alive at a time.
fn limited(runtime: &Runtime) -> Group {
    runtime.group("limited").limit(1_000).create().unwrap()
}

#[track_caller]
fn flat(scenario: &str) {
    let mut child = play(scenario);
    let grew = child.line_after("grew ");
    let (allocated, process) = grew.split_once(' ').unwrap();
    println!(
        "{} lives of `{scenario}`: {allocated} bytes are left, and it grew by {process} KiB",
        lives()
    );
    let [allocated, process] = [allocated, process].map(|number| number.parse::<u64>().unwrap());
    assert!(process < MOST, "it grew by {process} KiB");
    let most = SLACK + OF_EACH * lives();
    assert!(
        allocated < most,
        "{allocated} bytes are left, and not less than {most}"
    );
    assert!(child.end().0.success());
}

#[test]
fn g5_adopts_through_a_limit_take_little_memory() {
    flat("limited");
}

#[test]
fn g1_short_groups_leave_nothing_behind() {
    flat("groups");
}

#[test]
fn g1_short_groups_in_groups_leave_nothing_behind() {
    flat("nested");
}

#[test]
fn g2_short_families_leave_nothing_behind() {
    flat("families");
}

#[test]
fn g4_families_with_names_of_their_own_leave_nothing_behind() {
    flat("families-named");
}

#[test]
fn g4_services_with_names_of_their_own_leave_nothing_behind() {
    flat("services-named");
}

#[test]
fn v20_short_parts_of_a_long_service_leave_nothing_behind() {
    flat("parts");
}
