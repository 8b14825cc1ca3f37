//! LEASE-1 to 3: one holder, whose fence is the greatest, for some time.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use crate::conformance::trial::{Replica, ensure, unused};
use crate::conformance::{Kit, Verdict};
use crate::lease::Acquired;

/// Of three replicas one holds it, and the others are told who does, if anything.
pub(crate) fn lease_1_one_holder_at_a_time(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-1";
    let name = unused(kit);
    let [first, second, third] = ["first", "second", "third"].map(|holder| name.replica(holder));
    let fence = first.hold(CLAUSE)?;
    for other in [&second, &third, &first] {
        other.cannot_hold(CLAUSE)?;
    }
    first.release(CLAUSE, fence)?;
    second.hold(CLAUSE)?;
    for other in [&first, &third] {
        let acquired = other.acquire(CLAUSE)?;
        let told_right = match &acquired {
            Acquired::Taken { by } => by.as_ref().is_none_or(|by| by == "second"),
            Acquired::Held { .. } => false,
        };
        ensure(CLAUSE, told_right, || {
            format!("`second` holds the lease, and somebody else is told {acquired:?}")
        })?;
    }
    Ok(())
}

/// Two processes may have been given the same name, as containers often are.
pub(crate) fn lease_1_one_holder_among_namesakes(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-1";
    let name = unused(kit);
    let [one, namesake] = ["same", "same"].map(|holder| name.replica(holder));
    let fence = one.hold(CLAUSE)?;
    namesake.cannot_hold(CLAUSE)?;
    one.keep(CLAUSE, fence)
}

/// Many processes that start together.
pub(crate) fn lease_1_one_winner_of_a_race(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-1";
    const ROUNDS: usize = 5;
    let name = unused(kit);
    let replicas: Vec<Replica> = (0..8)
        .map(|number| name.replica(&format!("racer {number}")))
        .collect();
    for _ in 0..ROUNDS {
        let start = Barrier::new(replicas.len());
        let race = |replica: &Replica| {
            start.wait();
            replica.acquire(CLAUSE)
        };
        let acquired: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = replicas
                .iter()
                .map(|replica| scope.spawn(|| race(replica)))
                .collect();
            threads.into_iter().map(|thread| thread.join()).collect()
        });
        let mut winners = Vec::new();
        for (replica, acquired) in replicas.iter().zip(acquired) {
            let acquired = acquired.map_err(|_| format!("{CLAUSE}: an acquire panicked"))?;
            if let Acquired::Held { fence } = acquired? {
                winners.push((replica, fence));
            }
        }
        let [(winner, fence)] = winners[..] else {
            return Err(format!(
                "{CLAUSE}: of {} replicas {} hold the lease",
                replicas.len(),
                winners.len()
            ));
        };
        winner.release(CLAUSE, fence)?;
    }
    Ok(())
}

/// Over releases by several replicas, and once it has run out.
pub(crate) fn lease_2_fences_rise(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-2";
    let name = unused(kit);
    let replicas = [
        name.replica("first"),
        name.replica("second"),
        name.short_replica("third"),
    ];
    let mut last = None;
    for replica in replicas.iter().cycle().take(8) {
        let fence = replica.hold(CLAUSE)?;
        risen(CLAUSE, last, fence)?;
        replica.release(CLAUSE, fence)?;
        last = Some(fence);
    }
    let [first, _, short] = &replicas;
    let fence = short.hold(CLAUSE)?;
    risen(CLAUSE, last, fence)?;
    let (next, _) = first.hold_by(CLAUSE, Instant::now() + kit.shortest + kit.deadline)?;
    risen(CLAUSE, Some(fence), next)
}

fn risen(clause: &str, last: Option<u64>, fence: u64) -> Verdict {
    ensure(clause, last.is_none_or(|last| fence > last), || {
        format!("the fence {fence} comes after {last:?}")
    })
}

/// Not shorter than its length, and not for ever.
pub(crate) fn lease_3_held_for_its_length_then_free(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-3";
    let name = unused(kit);
    let holder = name.short_replica("holder");
    let length = holder.lease.length();
    let sent = Instant::now();
    holder.hold(CLAUSE)?;
    let other = name.replica("other");
    let (_, free) = other.hold_by(CLAUSE, Instant::now() + length + kit.deadline)?;
    ensure(CLAUSE, free - sent >= length, || {
        format!(
            "a lease of {length:?} was acquired by another one {:?} after it was asked for",
            free - sent
        )
    })
}

/// As long as it is renewed nobody else has it, and then for its length.
pub(crate) fn lease_3_held_for_its_length_from_a_renewal(kit: &Kit) -> Verdict {
    const CLAUSE: &str = "LEASE-3";
    const ATTEMPTS: usize = 5;
    'attempt: for _ in 0..ATTEMPTS {
        let name = unused(kit);
        let [holder, other] = ["holder", "other"].map(|holder| name.short_replica(holder));
        let length = holder.lease.length();
        let mut sent = Instant::now();
        let fence = holder.hold(CLAUSE)?;
        for _ in 0..3 {
            while sent.elapsed() < length / 2 {
                other.cannot_hold_while(CLAUSE, sent)?;
                thread::sleep(length / 20);
            }
            let renewed_at = Instant::now();
            let renewed = holder.keep(CLAUSE, fence);
            if sent.elapsed() >= length {
                // This machine was too slow to renew in time: nothing is shown.
                continue 'attempt;
            }
            renewed?;
            sent = renewed_at;
        }
        let (_, free) = other.hold_by(CLAUSE, Instant::now() + length + kit.deadline)?;
        return ensure(CLAUSE, free - sent >= length, || {
            format!(
                "a lease of {length:?} was acquired by another one {:?} after its last renewal was sent",
                free - sent
            )
        });
    }
    Err(format!(
        "{CLAUSE}: a renewal takes as long as the lease lasts, in each of {ATTEMPTS} attempts"
    ))
}

impl Replica {
    /// Tries to acquire it, which it must not before the length is over.
    fn cannot_hold_while(&self, clause: &str, since: Instant) -> Verdict {
        let acquired = self.acquire(clause)?;
        let length = self.lease.length();
        let passed = since.elapsed();
        let may = matches!(acquired, Acquired::Taken { .. }) || passed >= length;
        ensure(clause, may, || {
            format!(
                "a lease of {length:?} was acquired by another one {passed:?} after its last renewal was sent"
            )
        })
    }
}
