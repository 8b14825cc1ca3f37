//! LEASE-4: who can renew.

use std::time::Instant;

use crate::conformance::trial::{others, unused};
use crate::conformance::{Kit, Verdict};

const CLAUSE: &str = "LEASE-4";

/// Any other fence is lost, and takes nothing from the holder.
pub(crate) fn lease_4_only_the_present_fence_renews(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [holder, other] = ["holder", "other"].map(|holder| name.replica(holder));
    let before = holder.hold(CLAUSE)?;
    holder.release(CLAUSE, before)?;
    let fence = holder.hold(CLAUSE)?;
    holder.keep(CLAUSE, fence)?;
    for stale in others(fence).into_iter().chain([before]) {
        for replica in [&holder, &other] {
            replica.cannot_keep(CLAUSE, stale)?;
        }
    }
    holder.keep(CLAUSE, fence)?;
    other.cannot_hold(CLAUSE)
}

/// Neither while it is free nor when somebody else has it.
pub(crate) fn lease_4_nothing_is_renewed_after_a_release(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [first, second] = ["first", "second"].map(|holder| name.replica(holder));
    first.cannot_keep(CLAUSE, 1)?;
    let fence = first.hold(CLAUSE)?;
    first.release(CLAUSE, fence)?;
    first.cannot_keep(CLAUSE, fence)?;
    let next = second.hold(CLAUSE)?;
    first.cannot_keep(CLAUSE, fence)?;
    second.keep(CLAUSE, next)
}

/// A process that slept through the end of its lease, which another one has now.
pub(crate) fn lease_4_who_ran_out_and_was_followed_has_lost(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let sleeper = name.short_replica("sleeper");
    let [follower, third] = ["follower", "third"].map(|holder| name.replica(holder));
    let stale = sleeper.hold(CLAUSE)?;
    let (fence, _) = follower.hold_by(CLAUSE, Instant::now() + kit.shortest + kit.deadline)?;
    sleeper.cannot_keep(CLAUSE, stale)?;
    sleeper.release(CLAUSE, stale)?;
    third.cannot_hold(CLAUSE)?;
    follower.keep(CLAUSE, fence)
}
