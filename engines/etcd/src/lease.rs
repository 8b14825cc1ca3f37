//! One lease, as one process sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use foster_engine::{Watches, Worker, limit};
use foster_lease::{Acquired, Answer, Lease, LeaseError, Renewed};

use crate::requests::Requests;

/// A lease of [`Etcd`](crate::Etcd).
///
/// In etcd it is a key, the prefix followed by its name, which is there while somebody holds it; its value is the holder. The
/// key hangs on an etcd lease, so that etcd deletes it when it is not renewed. The fence is the key's create revision:
/// revisions of a cluster rise with everything that anybody writes. They begin anew if the cluster is made anew or set back to
/// a backup; whoever checks fences has to forget what it has seen then.
///
/// An acquire reads the key, and writes only if it is free, so processes that stand by cost reads alone. A watch is one of
/// etcd's, however many wait, and looks at the key each time that a lease could have run out, and every ten seconds at least.
#[derive(Clone)]
pub struct EtcdLease {
    worker: Arc<Worker>,
    requests: Arc<Requests>,
    watches: Arc<Watches>,
}

impl EtcdLease {
    pub(crate) fn new(worker: Arc<Worker>, requests: Requests) -> Self {
        Self {
            worker,
            requests: Arc::new(requests),
            watches: Arc::default(),
        }
    }

    /// Asks, and answers in a limited time.
    fn ask<T: Send + 'static>(
        &self,
        what: &str,
        answer: Answer<T>,
        work: impl Future<Output = Result<T, LeaseError>> + Send + 'static,
    ) {
        let limit = limit(self.requests.length);
        self.worker
            .answer(limit, self.requests.doing(what), answer, work);
    }
}

impl Lease for EtcdLease {
    fn name(&self) -> &str {
        &self.requests.name
    }

    /// In whole seconds, as etcd counts.
    fn length(&self) -> Duration {
        self.requests.length
    }

    fn acquire(&self, answer: Answer<Acquired>) {
        let requests = self.requests.clone();
        let request = async move {
            let ask = |client| requests.acquire(client);
            requests.cluster.ask(ask).await
        };
        self.ask("the acquire", answer, request);
    }

    fn renew(&self, fence: u64, answer: Answer<Renewed>) {
        let requests = self.requests.clone();
        let request = async move {
            let ask = |client| requests.renew(fence, client);
            requests.cluster.ask(ask).await
        };
        self.ask("the renewal", answer, request);
    }

    fn release(&self, fence: u64, answer: Answer<()>) {
        let requests = self.requests.clone();
        let request = async move {
            let ask = |client| requests.release(fence, client);
            requests.cluster.ask(ask).await
        };
        self.ask("the release", answer, request);
    }

    fn watch(&self, answer: Answer<()>) {
        let requests = self.requests.clone();
        // It hears of each change, so it needs no nudge.
        self.watches.add(&self.worker, answer, |_| async move {
            requests.until_free().await
        });
    }

    fn members(&self, answer: Answer<Vec<String>>) {
        let requests = self.requests.clone();
        let request = async move {
            let ask = |client| requests.members(client);
            requests.cluster.ask(ask).await
        };
        self.ask("the members", answer, request);
    }
}

impl fmt::Debug for EtcdLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests {
            key,
            holder,
            length,
            ..
        } = &*self.requests;
        f.debug_struct("EtcdLease")
            .field("key", key)
            .field("holder", holder)
            .field("length", length)
            .finish_non_exhaustive()
    }
}
