//! What an engine gives: a lease, which one process at a time holds.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::answer::Answer;

/// A lease of an engine, as one process sees it: whoever holds it is the only one that does.
///
/// Backends implement it; who gates a service by a lease calls none of it. All calls return at once, and are answered by
/// [`Answer::send`] from any thread, once, in any order, late or never. An answer that is dropped is an error, and what
/// it asked for may have happened all the same.
///
/// # For implementors
///
/// The clauses are tried by `lease_conformance!`.
///
/// - **LEASE-1** Of all processes at most one holds the lease at a time, by the engine's own clock. An acquire by the holder itself is
///   `Taken` as well.
/// - **LEASE-2** Each time that it is acquired its fence is greater than ever before, also when it was released or has run out,
///   and when the engine was restarted.
/// - **LEASE-3** It is held for [`length`](Self::length) from a moment between the sending of the acquire, or of a renewal, and its
///   answer. Then it is free.
/// - **LEASE-4** A renewal with the present fence is `Kept`. With another one, after a release, or after the lease has run out and somebody else
///   has acquired it, it is `Lost`. A lease that has run out and that nobody has acquired since may be either.
/// - **LEASE-5** A release with the present fence frees the lease at once; with another one it changes nothing, and is answered alike.
/// - **LEASE-6** A watch is answered soon after the lease has become free, and at once if it is free. It may be answered for no reason.
/// - **LEASE-7** Members are the names of the leases that are held and whose names begin with that of this one and a `/`.
/// - **LEASE-8** No call blocks, waits for another one, or panics.
pub trait Lease: fmt::Debug + Send + Sync + 'static {
    /// What all processes know it by.
    fn name(&self) -> &str;

    /// For how long it is held once it is acquired or renewed.
    fn length(&self) -> Duration;

    /// Acquires the lease, if it is free.
    fn acquire(&self, answer: Answer<Acquired>);

    /// Holds it for longer, if it is held with this fence.
    fn renew(&self, fence: u64, answer: Answer<Renewed>);

    /// Frees it, if it is held with this fence.
    fn release(&self, fence: u64, answer: Answer<()>);

    /// Answers when it may be free.
    fn watch(&self, answer: Answer<()>);

    /// Which leases below this one are held.
    fn members(&self, answer: Answer<Vec<String>>);
}

/// Where leases come from: an engine, as one process sees it.
pub trait Leases: fmt::Debug + Send + Sync + 'static {
    /// The lease of this name. All that it gives are of one length.
    fn lease(&self, name: &str) -> Arc<dyn Lease>;
}

/// The answer to [`Lease::acquire`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Acquired {
    /// It is held, with this number.
    Held {
        /// Greater than that of all who have held it before.
        fence: u64,
    },
    /// Somebody else holds it.
    Taken {
        /// Who, if the engine knows.
        by: Option<String>,
    },
}

impl Acquired {
    /// It is held with this fence.
    pub fn held(fence: u64) -> Self {
        Self::Held { fence }
    }

    /// Somebody else holds it.
    pub fn taken(by: Option<String>) -> Self {
        Self::Taken { by }
    }
}

/// The answer to [`Lease::renew`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewed {
    /// It is held for [`Lease::length`] from when the renewal was sent.
    Kept,
    /// It is not held any more, or with another fence.
    Lost,
}
