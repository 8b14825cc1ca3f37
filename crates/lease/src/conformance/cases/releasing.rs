//! LEASE-5: releases.

use crate::conformance::trial::{others, unused};
use crate::conformance::{Kit, Verdict};

const CLAUSE: &str = "LEASE-5";

/// Whoever hears of it can acquire it.
pub(crate) fn lease_5_a_release_frees_at_once(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [first, second] = ["first", "second"].map(|holder| name.replica(holder));
    for _ in 0..3 {
        for replica in [&first, &second] {
            let fence = replica.hold(CLAUSE)?;
            replica.release(CLAUSE, fence)?;
        }
    }
    Ok(())
}

/// Whoever is late frees nothing of those who came after it.
pub(crate) fn lease_5_another_fence_releases_nothing(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [first, second, third] = ["first", "second", "third"].map(|holder| name.replica(holder));
    // Nobody has ever held it.
    first.release(CLAUSE, 1)?;
    let before = first.hold(CLAUSE)?;
    first.release(CLAUSE, before)?;
    first.release(CLAUSE, before)?;
    let fence = second.hold(CLAUSE)?;
    for stale in others(fence).into_iter().chain([before]) {
        for replica in [&first, &second] {
            replica.release(CLAUSE, stale)?;
        }
        third.cannot_hold(CLAUSE)?;
    }
    second.keep(CLAUSE, fence)
}
