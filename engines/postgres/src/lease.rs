//! One lease, as one process sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use foster_engine::{Watches, Worker, limit};
use foster_lease::{Acquired, Answer, Lease, LeaseError, Renewed};

use crate::requests::Requests;

/// A lease of [`Postgres`](crate::Postgres).
///
/// In the table it is a row, which stays when the lease is released or runs out, as it has the fence: one more each time that
/// the lease is acquired. It is held until the time in its row, by the server's clock. Do not delete rows while anything
/// remembers fences of theirs, as they begin at 1 again.
///
/// Each call is one statement. A watch looks at the row, and so does a server's operator:
/// `SELECT * FROM foster_leases WHERE until > clock_timestamp()`.
#[derive(Clone)]
pub struct PostgresLease {
    worker: Arc<Worker>,
    requests: Arc<Requests>,
    watches: Arc<Watches>,
}

impl PostgresLease {
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
        let limit = limit(self.requests.length);
        let work = request(self.requests.clone());
        self.worker
            .answer(limit, self.requests.doing(what), answer, work);
    }
}

impl Lease for PostgresLease {
    fn name(&self) -> &str {
        &self.requests.name
    }

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
        self.watches.add(&self.worker, answer, |nudge| async move {
            requests.until_free(&nudge).await
        });
    }

    fn members(&self, answer: Answer<Vec<String>>) {
        self.ask("the members", answer, |requests| async move {
            requests.members().await
        });
    }
}

impl fmt::Debug for PostgresLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Requests {
            name,
            holder,
            length,
            ..
        } = &*self.requests;
        f.debug_struct("PostgresLease")
            .field("name", name)
            .field("holder", holder)
            .field("length", length)
            .finish_non_exhaustive()
    }
}
