//! The client, which all leases of a program share.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions};
use foster_engine::{Worker, failed};
use foster_lease::LeaseError;

use crate::lease::EtcdLease;
use crate::requests::Requests;

/// What keys begin with unless something else is set.
const PREFIX: &str = "foster/";

/// Leases of an etcd cluster.
///
/// Cheap to clone. All clones and their leases share one thread and one connection to each endpoint; both end once the last of
/// them is dropped.
#[derive(Clone)]
pub struct Etcd {
    worker: Arc<Worker>,
    cluster: Arc<Cluster>,
    prefix: Arc<str>,
}

/// What the worker's tasks have: not the worker, which a watch would keep for ever.
pub(crate) struct Cluster {
    endpoints: Vec<String>,
    options: ConnectOptions,
    /// The one to use, until a request has no time left.
    client: Mutex<Option<Client>>,
}

impl Etcd {
    /// A cluster with these endpoints, such as `["http://10.0.0.1:2379"]`.
    ///
    /// Returns at once: the connection is made by the first call of a lease, and again whenever it is lost.
    ///
    /// # Errors
    ///
    /// If there is no endpoint, or no thread to be had. An endpoint that is malformed is an error of each call.
    pub fn connect<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
    ) -> Result<Self, LeaseError> {
        let options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            // Finds a connection that is cut without a word. A server takes offence at less than 5 s.
            .with_keep_alive(Duration::from_secs(10), Duration::from_secs(5));
        Self::connect_with(endpoints, options)
    }

    /// The same with options: a user and password, TLS, time-outs.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
        options: ConnectOptions,
    ) -> Result<Self, LeaseError> {
        let endpoints: Vec<String> = endpoints.into_iter().map(Into::into).collect();
        if endpoints.is_empty() {
            return Err(LeaseError::new("etcd: no endpoint was given"));
        }
        let worker = Worker::start("foster-etcd")
            .map_err(|error| failed("etcd: no thread for its client", error))?;
        let cluster = Cluster {
            endpoints,
            options,
            client: Mutex::default(),
        };
        Ok(Self {
            worker: Arc::new(worker),
            cluster: Arc::new(cluster),
            prefix: PREFIX.into(),
        })
    }

    /// What the keys of leases begin with, before the name; `foster/` unless it is set. All processes need the same one.
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        let prefix = prefix.into().into();
        Self { prefix, ..self }
    }

    /// What this process has of a lease: its name, by which all processes know it, what others are told of who holds it, and
    /// how long it is held, which is rounded up to whole seconds.
    ///
    /// A server has a shortest length, by default 2 s (one and a half times its election time-out). To acquire a shorter one
    /// is an error that says so.
    pub fn lease(
        &self,
        name: impl Into<String>,
        holder: impl Into<String>,
        length: Duration,
    ) -> EtcdLease {
        let name = name.into();
        let requests = Requests {
            cluster: self.cluster.clone(),
            key: format!("{}{name}", self.prefix),
            name,
            holder: holder.into(),
            length: whole_seconds(length),
        };
        EtcdLease::new(self.worker.clone(), requests)
    }
}

impl Cluster {
    /// The client, which is there once it could be made: with a user and a password, when they were accepted.
    pub(crate) async fn client(&self) -> Result<Client, LeaseError> {
        if let Some(client) = &*self.present() {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.endpoints, Some(self.options.clone())).await;
        let client = client.map_err(LeaseError::new)?;
        // Of two that were made at once the second one is used from now on.
        *self.present() = Some(client.clone());
        Ok(client)
    }

    /// Does this. If it is dropped before its end, having no time left, the connection may be one that is dead without a word,
    /// so the next request makes another one.
    pub(crate) async fn attend<T>(&self, work: impl Future<Output = T>) -> T {
        let mut given_up = GivenUp(Some(self));
        let done = work.await;
        given_up.0 = None;
        done
    }

    fn present(&self) -> MutexGuard<'_, Option<Client>> {
        // Nothing of the user's runs under it.
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What errors say, before what was being done.
    pub(crate) fn place(&self) -> String {
        format!("etcd at {}", self.endpoints.join(", "))
    }
}

struct GivenUp<'a>(Option<&'a Cluster>);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(cluster) = self.0 {
            let client = cluster.present().take();
            drop(client);
        }
    }
}

impl fmt::Debug for Etcd {
    /// Without the options, of which one may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd")
            .field("endpoints", &self.cluster.endpoints)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

fn whole_seconds(length: Duration) -> Duration {
    let begun = u64::from(length.subsec_nanos() > 0);
    Duration::from_secs(length.as_secs().saturating_add(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_up() {
        let table = [
            (0, 0),
            (1, 1),
            (999, 1),
            (1_000, 1),
            (1_001, 2),
            (15_000, 15),
        ];
        for (given, seconds) in table {
            assert_eq!(
                whole_seconds(Duration::from_millis(given)),
                Duration::from_secs(seconds)
            );
        }
        assert_eq!(whole_seconds(Duration::MAX).as_secs(), u64::MAX);
    }

    #[test]
    fn without_an_endpoint_there_is_no_client() {
        let error = Etcd::connect([""; 0]).unwrap_err();
        assert_eq!(error.to_string(), "etcd: no endpoint was given");
    }

    #[test]
    fn options_are_no_part_of_its_text() {
        let options = ConnectOptions::new().with_user("root", "secret");
        let etcd = Etcd::connect_with(["localhost:1"], options).unwrap();
        let text = format!(
            "{etcd:?} {:?}",
            etcd.lease("x", "me", Duration::from_secs(1))
        );
        assert!(!text.contains("secret"), "{text}");
    }
}
