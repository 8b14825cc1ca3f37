//! Services of [Foster](foster_core) that run once among many processes, gated by a lease of an engine that exists.

mod answer;
mod lease;
mod rules;
mod tenure;

pub use self::answer::{Answer, LeaseError};
pub use self::lease::{Acquired, Lease, Renewed};
pub use self::rules::RulesError;
