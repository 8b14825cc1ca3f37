//! What the replicas and those who watch them have in common: how a write looks.
#![forbid(unsafe_code)]

use std::fmt;

/// The name of the lease.
pub const LEASE: &str = "proof";

/// One write of a replica to the store: a line, answered by `accepted` or `refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Who writes.
    pub replica: String,
    /// The fence of its turn.
    pub fence: u64,
    /// Rises by one from write to write of a turn.
    pub number: u64,
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.fence, self.number, self.replica)
    }
}

impl Write {
    /// The write that a line says, if it is one.
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split_whitespace();
        let (fence, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let replica = parts.next()?.to_owned();
        Some(Self {
            replica,
            fence,
            number,
        })
    }
}
