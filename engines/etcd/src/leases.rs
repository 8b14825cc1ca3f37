//! All leases of one process that are of one length, for shards.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foster_lease::{Lease, Leases};

use crate::client::Etcd;

/// Leases of one holder and one length, by their names: what [`shards`](foster_lease::Shards::shards) takes. Made by [`Etcd::leases`].
#[derive(Clone)]
pub struct EtcdLeases {
    etcd: Etcd,
    holder: String,
    length: Duration,
}

impl Etcd {
    /// What this process has of all leases of this length: see [`lease`](Self::lease).
    pub fn leases(&self, holder: impl Into<String>, length: Duration) -> EtcdLeases {
        EtcdLeases {
            etcd: self.clone(),
            holder: holder.into(),
            length,
        }
    }
}

impl Leases for EtcdLeases {
    fn lease(&self, name: &str) -> Arc<dyn Lease> {
        Arc::new(self.etcd.lease(name, self.holder.as_str(), self.length))
    }
}

impl fmt::Debug for EtcdLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EtcdLeases")
            .field("etcd", &self.etcd)
            .field("holder", &self.holder)
            .field("length", &self.length)
            .finish()
    }
}
