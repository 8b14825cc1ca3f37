//! All leases of one process that are of one length, for shards.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foster_lease::{Lease, Leases};

use crate::client::Postgres;

/// Leases of one holder and one length, by their names: what [`shards`](foster_lease::Shards::shards) takes. Made by [`Postgres::leases`].
#[derive(Clone)]
pub struct PostgresLeases {
    postgres: Postgres,
    holder: String,
    length: Duration,
}

impl Postgres {
    /// What this process has of all leases of this length: see [`lease`](Self::lease).
    pub fn leases(&self, holder: impl Into<String>, length: Duration) -> PostgresLeases {
        PostgresLeases {
            postgres: self.clone(),
            holder: holder.into(),
            length,
        }
    }
}

impl Leases for PostgresLeases {
    fn lease(&self, name: &str) -> Arc<dyn Lease> {
        Arc::new(self.postgres.lease(name, self.holder.as_str(), self.length))
    }
}

impl fmt::Debug for PostgresLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresLeases")
            .field("postgres", &self.postgres)
            .field("holder", &self.holder)
            .field("length", &self.length)
            .finish()
    }
}
