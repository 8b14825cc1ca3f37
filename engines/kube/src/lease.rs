//! One lease, as one process sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use foster_engine::{Watches, Worker, limit};
use foster_lease::{Acquired, Answer, Lease, LeaseError, Renewed};

use crate::requests::Requests;

/// A lease of [`Kube`](crate::Kube).
///
/// In Kubernetes it is an object `Lease` of `coordination.k8s.io/v1`, called `foster-` and its name, with a `.` for each `/`, and a `z` and
/// two digits for what Kubernetes takes in no name; the annotation `foster-lease/name` has the name as it is. While somebody holds it,
/// `holderIdentity` says who. The fence is `leaseTransitions`, one more at each acquire: a release keeps the object. **Whoever deletes it
/// has fences begin at 1 again.**
///
/// All writes are for the version of the object that was read, so of those who try at once the server takes one. A holder that says nothing is
/// gone once its object has not changed for `leaseDurationSeconds` *since this process saw it first*, as in Kubernetes' own components: no
/// clocks of machines are compared. A process that has just started therefore waits for up to a whole length.
///
/// An acquire reads the object, and writes only if it is free. A watch is one of Kubernetes', however many wait, and looks at the object
/// when it could have run out, and after ten seconds without a change.
#[derive(Clone)]
pub struct KubeLease {
    worker: Arc<Worker>,
    requests: Arc<Requests>,
    watches: Arc<Watches>,
}

impl KubeLease {
    pub(crate) fn new(worker: Arc<Worker>, requests: Requests) -> Self {
        Self {
            worker,
            requests: Arc::new(requests),
            watches: Arc::default(),
        }
    }

    /// Asks, and answers in a limited time.
    fn ask<T, F>(&self, what: &str, answer: Answer<T>, request: impl FnOnce(Arc<Requests>) -> F)
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LeaseError>> + Send + 'static,
    {
        let requests = &self.requests;
        let doing = requests.doing(what);
        let work = request(requests.clone());
        self.worker
            .answer(limit(requests.length), doing, answer, work);
    }
}

impl Lease for KubeLease {
    fn name(&self) -> &str {
        &self.requests.name
    }

    /// In whole seconds, as Kubernetes counts.
    fn length(&self) -> Duration {
        self.requests.length
    }

    fn acquire(&self, answer: Answer<Acquired>) {
        self.ask("the acquire", answer, |requests| async move {
            requests.acquire().await
        });
    }

    fn renew(&self, fence: u64, answer: Answer<Renewed>) {
        self.ask("the renewal", answer, move |requests| async move {
            requests.renew(fence).await
        });
    }

    fn release(&self, fence: u64, answer: Answer<()>) {
        self.ask("the release", answer, move |requests| async move {
            requests.release(fence).await
        });
    }

    fn watch(&self, answer: Answer<()>) {
        let requests = self.requests.clone();
        // It hears of each change, so it needs no nudge.
        self.watches.add(&self.worker, answer, |_| async move {
            requests.until_free().await
        });
    }

    fn members(&self, answer: Answer<Vec<String>>) {
        self.ask("the members", answer, |requests| async move {
            requests.members().await
        });
    }
}

impl fmt::Debug for KubeLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests {
            name,
            object,
            holder,
            length,
            ..
        } = &*self.requests;
        f.debug_struct("KubeLease")
            .field("name", name)
            .field("object", object)
            .field("holder", holder)
            .field("length", length)
            .finish_non_exhaustive()
    }
}
