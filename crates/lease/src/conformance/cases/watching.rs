//! LEASE-6: watches.

use std::thread;
use std::time::{Duration, Instant};

use crate::conformance::trial::{Replica, unused};
use crate::conformance::{Kit, Verdict};
use crate::lease::Acquired;

const CLAUSE: &str = "LEASE-6";
const WATCH: &str = "a watch";
const BEGINS: Duration = Duration::from_millis(300);

/// Of a lease that nobody has held, and of one that was released.
pub(crate) fn lease_6_a_free_lease_is_answered_at_once(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [first, second] = ["first", "second"].map(|holder| name.replica(holder));
    first.wait(CLAUSE, WATCH, &first.watch())?;
    let fence = first.hold(CLAUSE)?;
    first.release(CLAUSE, fence)?;
    for replica in [&first, &second] {
        replica.wait(CLAUSE, WATCH, &replica.watch())?;
    }
    Ok(())
}

/// Several watches of several replicas, long before it would run out.
pub(crate) fn lease_6_all_hear_of_a_release(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [holder, second, third] = ["holder", "second", "third"].map(|holder| name.replica(holder));
    let fence = holder.hold(CLAUSE)?;
    let mut watches = Vec::new();
    for replica in [&second, &third, &second, &holder] {
        watches.push((replica, replica.watch()));
    }
    // Time for them to begin. A sound lease passes without it as well: a watch that begins late finds the lease free.
    thread::sleep(BEGINS);
    second.cannot_hold(CLAUSE)?;
    holder.release(CLAUSE, fence)?;
    for (replica, answered) in watches {
        replica.wait(CLAUSE, WATCH, &answered)?;
    }
    second.hold(CLAUSE)?;
    Ok(())
}

/// Nobody releases it.
pub(crate) fn lease_6_the_end_of_its_length_is_heard_of(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let holder = name.short_replica("holder");
    holder.hold(CLAUSE)?;
    hold_after_watching(kit, &name.replica("other"))
}

/// Acquires it by watches alone. One that is answered for no reason is followed by another one.
fn hold_after_watching(kit: &Kit, replica: &Replica) -> Verdict {
    let deadline = Instant::now() + kit.shortest + kit.deadline;
    loop {
        replica.wait(CLAUSE, WATCH, &replica.watch())?;
        if let Acquired::Held { .. } = replica.acquire(CLAUSE)? {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!(
                "{CLAUSE}: watches are answered again and again, and the lease is not free"
            ));
        }
    }
}
