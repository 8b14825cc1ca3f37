//! The client, which all leases of a program share.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::{Client, ConnectOptions, Error};
use foster_engine::{Worker, failed};
use foster_lease::LeaseError;
use tonic::Code;

use crate::lease::EtcdLease;
use crate::requests::Requests;

/// What keys begin with unless something else is set.
const PREFIX: &str = "foster/";

/// Leases of an etcd cluster.
///
/// Cheap to clone. All clones and their leases share one thread and one connection; both end once the last of
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
    present: Mutex<Present>,
}

/// The member that is asked, until it fails.
struct Present {
    /// Counts members, round and round.
    turn: usize,
    client: Option<Client>,
}

impl Etcd {
    /// A cluster with these endpoints, such as `["http://10.0.0.1:2379"]`.
    ///
    /// Returns at once: the connection is made by the first call of a lease, and again whenever it is lost. One member is
    /// asked at a time, and the next one when that does not answer.
    ///
    /// # Errors
    ///
    /// If there is no endpoint, or no thread to be had. An endpoint that is malformed is an error of each call.
    pub fn connect<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
    ) -> Result<Self, LeaseError> {
        let options = ConnectOptions::new()
            .with_connect_timeout(Duration::from_secs(5))
            // A member that is cut off from the others says so, and another one is asked.
            .with_require_leader(true)
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
        // Some of the processes begin with each.
        let first = Present {
            turn: fastrand::usize(..endpoints.len()),
            client: None,
        };
        let cluster = Cluster {
            endpoints,
            options,
            present: Mutex::new(first),
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
    /// Asks one member after the other, from the present one on, until one of them answers. Each request is one that may be
    /// made again when nobody knows what became of it.
    ///
    /// If it is dropped before its end, having no time left, the member may be one that is gone without a word, so the next
    /// request begins with another one.
    pub(crate) async fn ask<T, F>(&self, request: impl Fn(Client) -> F) -> Result<T, LeaseError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut left = self.endpoints.len();
        loop {
            let turn = self.present().turn;
            let mut given_up = GivenUp(Some((self, turn)));
            let answer = match self.client(turn).await {
                Ok(client) => request(client).await,
                Err(error) => Err(Failure::Etcd(error)),
            };
            given_up.0 = None;
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(Failure::Ours(error)) => return Err(error),
                Err(Failure::Etcd(error)) => error,
            };
            if !is_away(&error) {
                return Err(LeaseError::new(error));
            }
            self.leave(turn);
            left -= 1;
            if left == 0 {
                return Err(LeaseError::new(error));
            }
        }
    }

    /// The client of a member, which is there once it could be made: with a user and a password, when they were accepted.
    async fn client(&self, turn: usize) -> Result<Client, Error> {
        {
            let present = self.present();
            if let Some(client) = present.client.as_ref().filter(|_| present.turn == turn) {
                return Ok(client.clone());
            }
        }
        let endpoint = &self.endpoints[turn % self.endpoints.len()];
        let client = Client::connect([endpoint], Some(self.options.clone())).await?;
        let mut present = self.present();
        if present.turn == turn {
            present.client = Some(client.clone());
        }
        Ok(client)
    }

    /// Lets the next member have its turn, unless another request has done so.
    fn leave(&self, turn: usize) {
        let mut present = self.present();
        if present.turn == turn {
            present.turn = turn.wrapping_add(1);
            let client = present.client.take();
            drop(present);
            drop(client);
        }
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        // Nothing of the user's runs under it.
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What errors say, before what was being done.
    pub(crate) fn place(&self) -> String {
        format!("etcd at {}", self.endpoints.join(", "))
    }
}

struct GivenUp<'a>(Option<(&'a Cluster, usize)>);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some((cluster, turn)) = self.0 {
            cluster.leave(turn);
        }
    }
}

/// Why there is no answer.
pub(crate) enum Failure {
    Etcd(Error),
    Ours(LeaseError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Etcd(error)
    }
}

/// Whether another member may answer: this one does not, or has no leader.
fn is_away(error: &Error) -> bool {
    match error {
        Error::GRpcStatus(status) => matches!(
            status.code(),
            Code::Unavailable
                | Code::Unknown
                | Code::Cancelled
                | Code::Internal
                | Code::DeadlineExceeded
        ),
        Error::InvalidArgs(_) | Error::LeaseKeepAliveError(_) => false,
        _ => true,
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
