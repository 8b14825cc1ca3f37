//! All leases of one process that are of one length, for shards.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foster_lease::{Lease, Leases};

use crate::client::Kube;

/// Leases of one holder and one length, by their names: what [`shards`](foster_lease::Shards::shards) takes. Made by [`Kube::leases`].
#[derive(Clone)]
pub struct KubeLeases {
    kube: Kube,
    holder: String,
    length: Duration,
}

impl Kube {
    /// What this process has of all leases of this length: see [`lease`](Self::lease).
    pub fn leases(&self, holder: impl Into<String>, length: Duration) -> KubeLeases {
        KubeLeases {
            kube: self.clone(),
            holder: holder.into(),
            length,
        }
    }
}

impl Leases for KubeLeases {
    fn lease(&self, name: &str) -> Arc<dyn Lease> {
        Arc::new(self.kube.lease(name, self.holder.as_str(), self.length))
    }
}

impl fmt::Debug for KubeLeases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeLeases")
            .field("kube", &self.kube)
            .field("holder", &self.holder)
            .field("length", &self.length)
            .finish()
    }
}
