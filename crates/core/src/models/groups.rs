//! Groups: their last handles against those who look for them, and against the ends of what is in them.

use shuttle::future::block_on;
use shuttle::thread;

use super::executor::give_way;
use super::{Count, Model, holds_of_services, with_clock};
use crate::{AdoptErrorKind, Clock, Group, Runtime, UnitState};

/// A runtime that runs, with a group.
fn started() -> (Runtime, Group) {
    let runtime = with_clock(&Clock::system());
    runtime.adopt(Model("a"), || async {}).unwrap();
    runtime.start().unwrap();
    let group = runtime.group("group").create().unwrap();
    (runtime, group)
}

/// Drops a handle on another thread.
fn drop_aside(group: Group) -> thread::JoinHandle<()> {
    thread::spawn(move || drop(group))
}

/// All of it is over, and its name is free.
fn end(runtime: &Runtime) {
    assert!(runtime.group_named("group").is_none());
    drop(runtime.group("group").create().unwrap());
    runtime.shutdown();
    runtime.wait().unwrap();
}

/// Whoever finds a group as its last handle is dropped may hand in, or is refused as the group stops; what was handed in
/// runs to its end. The group is over when the found handle is dropped, too.
#[test]
fn the_last_handle_meets_one_who_looks_for_the_group() {
    holds_of_services(|| {
        let (runtime, group) = started();
        let (ran, stopped) = (Count::default(), group.stopped());
        let dropper = drop_aside(group);
        let mut taken = 0;
        if let Some(found) = runtime.group_named("group") {
            let runs = ran.clone();
            let payload = || async move {
                give_way().await;
                runs.add();
            };
            match found.adopt(Model("a"), payload) {
                Ok(()) => taken += 1,
                Err(refused) => assert_eq!(refused.kind(), AdoptErrorKind::Stopping),
            }
        }
        assert_eq!(block_on(stopped), UnitState::Ended);
        dropper.join().unwrap();
        assert_eq!(ran.get(), taken);
        end(&runtime);
    });
}

/// As long as somebody has a handle, the group goes on, however often others find it and drop theirs.
#[test]
fn a_group_with_a_handle_goes_on() {
    holds_of_services(|| {
        let (runtime, group) = started();
        let found = [(); 2].map(|()| {
            let runtime = runtime.clone();
            thread::spawn(move || runtime.group_named("group").is_some())
        });
        let dropper = drop_aside(group.clone());
        for found in found {
            assert!(found.join().unwrap());
        }
        dropper.join().unwrap();
        assert_eq!(group.state(), UnitState::Running);
        let stopped = group.stopped();
        drop(group);
        assert_eq!(block_on(stopped), UnitState::Ended);
        end(&runtime);
    });
}

/// A group whose last handle is dropped as its last payload ends is over, whichever comes first.
#[test]
fn the_last_handle_meets_the_last_end() {
    holds_of_services(|| {
        let (runtime, group) = started();
        let (ran, stopped) = (Count::default(), group.stopped());
        let runs = ran.clone();
        let payload = || async move {
            give_way().await;
            runs.add();
        };
        group.adopt(Model("a"), payload).unwrap();
        let dropper = drop_aside(group);
        assert_eq!(block_on(stopped), UnitState::Ended);
        dropper.join().unwrap();
        assert_eq!(ran.get(), 1);
        end(&runtime);
    });
}
