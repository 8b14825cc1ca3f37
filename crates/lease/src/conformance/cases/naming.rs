//! LEASE-7: members, and names.

use std::thread;
use std::time::{Duration, Instant};

use crate::conformance::trial::{ensure, unused};
use crate::conformance::{Kit, Verdict};

const CLAUSE: &str = "LEASE-7";

/// Those below, at any depth; neither neighbours, nor what only looks alike to a pattern, nor what was released.
pub(crate) fn lease_7_members_are_the_held_ones_below(kit: &Kit) -> Verdict {
    // What stands for something else in queries and patterns.
    let root = unused(kit);
    let base = root.with("_a%'\\\"");
    let same = |given: Vec<String>, wanted: &[&str]| {
        let mut wanted: Vec<String> = wanted
            .iter()
            .map(|rest| format!("{}{rest}", base.text()))
            .collect();
        wanted.sort();
        ensure(CLAUSE, given == wanted, || {
            format!("the members are {given:?}, not {wanted:?}")
        })
    };
    let looker = base.replica("looker");
    same(looker.members(CLAUSE)?, &[])?;

    let others = [
        base.with("0/x"),
        base.with("-near/x"),
        base.in_capitals().with("/x"),
        root.with("/x"),
        root.with("-a%'\\\"/x"),
        root.with("_abc'\\\"/x"),
    ];
    for other in others {
        other.replica("neighbour").hold(CLAUSE)?;
    }
    looker.hold(CLAUSE)?;
    let mut held = Vec::new();
    for rest in ["/1", "/2", "/2/deep", "/ü"] {
        let member = base.with(rest).replica("member");
        let fence = member.hold(CLAUSE)?;
        held.push((member, fence));
    }
    same(looker.members(CLAUSE)?, &["/1", "/2", "/2/deep", "/ü"])?;
    same(held[1].0.members(CLAUSE)?, &["/2/deep"])?;

    let (gone, fence) = &held[0];
    gone.release(CLAUSE, *fence)?;
    same(looker.members(CLAUSE)?, &["/2", "/2/deep", "/ü"])
}

/// A process that is gone is no member for ever.
pub(crate) fn lease_7_members_run_out(kit: &Kit) -> Verdict {
    let base = unused(kit);
    let looker = base.replica("looker");
    base.with("/stays").replica("stays").hold(CLAUSE)?;
    let goes = base.with("/goes").short_replica("goes");
    let sent = Instant::now();
    goes.hold(CLAUSE)?;
    let deadline = Instant::now() + kit.shortest + kit.deadline;
    loop {
        let members = looker.members(CLAUSE)?;
        let has = |rest: &str| {
            members
                .iter()
                .any(|name| *name == format!("{}{rest}", base.text()))
        };
        let still_held = sent.elapsed() < goes.lease.length();
        ensure(
            CLAUSE,
            has("/stays") && (has("/goes") || !still_held),
            || format!("somebody is missing in {members:?}"),
        )?;
        if !has("/goes") {
            return Ok(());
        }
        ensure(CLAUSE, Instant::now() < deadline, || {
            format!("a lease that has run out is a member still: {members:?}")
        })?;
        thread::sleep(Duration::from_millis(50));
    }
}
