//! What the cases are made of: leases that nobody has used, replicas of them, and calls with a deadline.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Kit, Verdict};
use crate::answer::{Answer, LeaseError};
use crate::lease::{Acquired, Lease, Renewed};

/// Longer than any case takes: such a lease does not run out in it.
pub(super) const LONG: Duration = Duration::from_secs(600);

/// Between two questions that are asked until the answer is another one: the engine's clock cannot be waited for.
const PACE: Duration = Duration::from_millis(20);

/// What comes of a call.
pub(super) type Answered<T> = Receiver<Result<T, LeaseError>>;

/// Fails with the clause unless it holds.
pub(super) fn ensure(clause: &str, holds: bool, text: impl FnOnce() -> String) -> Verdict {
    match holds {
        true => Ok(()),
        false => Err(format!("{clause}: {}", text())),
    }
}

/// The name of a lease that nobody has used.
pub(super) fn unused(kit: &Kit) -> Name<'_> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let name = format!(
        "conformance-{}-{}-{number}",
        process::id(),
        since.as_nanos()
    );
    Name { kit, name }
}

/// The name of a lease, of which a case makes replicas.
pub(super) struct Name<'a> {
    kit: &'a Kit,
    name: String,
}

impl Name<'_> {
    pub(super) fn text(&self) -> &str {
        &self.name
    }

    /// Another name that begins with this one.
    pub(super) fn with(&self, rest: &str) -> Self {
        let Self { kit, name } = self;
        let name = format!("{name}{rest}");
        Self { kit, name }
    }

    /// The same in capital letters, which is another name.
    pub(super) fn in_capitals(&self) -> Self {
        let name = self.name.to_uppercase();
        Self {
            kit: self.kit,
            name,
        }
    }

    /// What a process has whose lease does not run out.
    pub(super) fn replica(&self, holder: &str) -> Replica {
        self.replica_for(holder, LONG)
    }

    /// What a process has whose lease runs out as soon as one can.
    pub(super) fn short_replica(&self, holder: &str) -> Replica {
        self.replica_for(holder, self.kit.shortest)
    }

    fn replica_for(&self, holder: &str, length: Duration) -> Replica {
        Replica {
            lease: (self.kit.make)(&self.name, holder, length),
            deadline: self.kit.deadline,
        }
    }
}

/// What one process has of a lease.
#[derive(Clone)]
pub(super) struct Replica {
    pub(super) lease: Arc<dyn Lease>,
    pub(super) deadline: Duration,
}

impl Replica {
    pub(super) fn acquire(&self, clause: &str) -> Result<Acquired, String> {
        self.wait(
            clause,
            "an acquire",
            &send(|answer| self.lease.acquire(answer)),
        )
    }

    /// Acquires it, which it must.
    pub(super) fn hold(&self, clause: &str) -> Result<u64, String> {
        match self.acquire(clause)? {
            Acquired::Held { fence } => Ok(fence),
            Acquired::Taken { by } => Err(format!(
                "{clause}: a free lease is not acquired, it is said to be taken by {by:?}"
            )),
        }
    }

    /// Tries to acquire it, which it must not.
    pub(super) fn cannot_hold(&self, clause: &str) -> Verdict {
        let acquired = self.acquire(clause)?;
        ensure(clause, matches!(acquired, Acquired::Taken { .. }), || {
            format!("a lease that is held is acquired once more: {acquired:?}")
        })
    }

    /// Tries until it is acquired, and says when the answer came.
    pub(super) fn hold_by(
        &self,
        clause: &str,
        deadline: Instant,
    ) -> Result<(u64, Instant), String> {
        loop {
            if let Acquired::Held { fence } = self.acquire(clause)? {
                return Ok((fence, Instant::now()));
            }
            ensure(clause, Instant::now() < deadline, || {
                "a lease does not become free".to_owned()
            })?;
            thread::sleep(PACE);
        }
    }

    pub(super) fn renew(&self, clause: &str, fence: u64) -> Result<Renewed, String> {
        self.wait(
            clause,
            "a renewal",
            &send(|answer| self.lease.renew(fence, answer)),
        )
    }

    /// Renews it, which it must.
    pub(super) fn keep(&self, clause: &str, fence: u64) -> Verdict {
        let renewed = self.renew(clause, fence)?;
        ensure(clause, renewed == Renewed::Kept, || {
            format!("a renewal with the present fence {fence} is {renewed:?}")
        })
    }

    /// Tries to renew it, which it must not.
    pub(super) fn cannot_keep(&self, clause: &str, fence: u64) -> Verdict {
        let renewed = self.renew(clause, fence)?;
        ensure(clause, renewed == Renewed::Lost, || {
            format!(
                "a renewal with the fence {fence}, with which nobody holds the lease, is {renewed:?}"
            )
        })
    }

    pub(super) fn release(&self, clause: &str, fence: u64) -> Verdict {
        self.wait(
            clause,
            "a release",
            &send(|answer| self.lease.release(fence, answer)),
        )
    }

    /// Begins to watch.
    pub(super) fn watch(&self) -> Answered<()> {
        send(|answer| self.lease.watch(answer))
    }

    pub(super) fn members(&self, clause: &str) -> Result<Vec<String>, String> {
        let mut members = self.wait(
            clause,
            "the members",
            &send(|answer| self.lease.members(answer)),
        )?;
        members.sort();
        Ok(members)
    }

    /// Waits for an answer that is no error.
    pub(super) fn wait<T>(
        &self,
        clause: &str,
        what: &str,
        answered: &Answered<T>,
    ) -> Result<T, String> {
        match answered.recv_timeout(self.deadline) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(format!("{clause}: {what} is answered by an error: {error}")),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "{clause}: {what} has no answer after {:?}",
                self.deadline
            )),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("{clause}: {what} is neither answered nor dropped"))
            }
        }
    }
}

/// Makes a call.
pub(super) fn send<T: Send + 'static>(call: impl FnOnce(Answer<T>)) -> Answered<T> {
    let (told, answered) = channel();
    call(Answer::new(move |answer| {
        // A case that has failed waits no more.
        let _ = told.send(answer);
    }));
    answered
}

/// The fences that are not this one.
pub(super) fn others(fence: u64) -> Vec<u64> {
    let mut others = vec![
        0,
        fence.saturating_sub(1),
        fence.saturating_add(1),
        u64::MAX,
    ];
    others.retain(|other| *other != fence);
    others
}
