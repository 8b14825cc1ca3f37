//! LEASE-8: calls.

use std::sync::mpsc::channel;
use std::thread;

use crate::answer::{Answer, LeaseError};
use crate::conformance::trial::{Answered, Replica, unused};
use crate::conformance::{Kit, Verdict};
use crate::lease::{Acquired, Lease};

const CLAUSE: &str = "LEASE-8";

/// Watches of a lease that stays held, and then all other calls, of the same value and of another one.
pub(crate) fn lease_8_no_call_waits_for_another(kit: &Kit) -> Verdict {
    let name = unused(kit);
    let [holder, other] = ["holder", "other"].map(|holder| name.replica(holder));
    let fence = holder.hold(CLAUSE)?;
    let mut watches = Vec::new();
    for replica in [&other, &holder] {
        for _ in 0..8 {
            watches.push(returns(replica, "a watch", |lease, answer| {
                lease.watch(answer)
            })?);
        }
    }
    for replica in [&other, &holder] {
        let members = returns(replica, "members", |lease, answer| lease.members(answer))?;
        let acquired = returns(replica, "an acquire", |lease, answer| lease.acquire(answer))?;
        replica.wait(CLAUSE, "members beside watches", &members)?;
        if let Acquired::Held { .. } =
            replica.wait(CLAUSE, "an acquire beside watches", &acquired)?
        {
            return Err(format!("{CLAUSE}: a watch has freed the lease"));
        }
    }
    let renewed = returns(&holder, "a renewal", move |lease, answer| {
        lease.renew(fence, answer)
    })?;
    holder.wait(CLAUSE, "a renewal beside watches", &renewed)?;
    let released = returns(&holder, "a release", move |lease, answer| {
        lease.release(fence, answer)
    })?;
    holder.wait(CLAUSE, "a release beside watches", &released)?;
    Ok(())
}

/// Makes a call on a thread of its own, which must return, answered or not.
fn returns<T: Send + 'static>(
    replica: &Replica,
    what: &str,
    call: impl FnOnce(&dyn Lease, Answer<T>) + Send + 'static,
) -> Result<Answered<T>, String> {
    let (answer_to, answered) = channel::<Result<T, LeaseError>>();
    let (told, returned) = channel();
    let lease = replica.lease.clone();
    thread::spawn(move || {
        let answer = Answer::new(move |answer| {
            let _ = answer_to.send(answer);
        });
        call(&*lease, answer);
        let _ = told.send(());
    });
    match returned.recv_timeout(replica.deadline) {
        Ok(()) => Ok(answered),
        Err(error) => Err(format!("{CLAUSE}: {what} did not return: {error}")),
    }
}
