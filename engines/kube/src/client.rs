//! The client, which all leases of a program share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use foster_engine::{Worker, failed};
use foster_lease::LeaseError;
use kube::{Client, Config};
use tokio::sync::OnceCell;

use crate::lease::KubeLease;
use crate::observed::Observed;
use crate::requests::Requests;

/// Leases of a Kubernetes cluster, in one namespace.
///
/// Cheap to clone. All clones and their leases share one thread and the connections of one client; all end once the last of them is
/// dropped.
#[derive(Clone)]
pub struct Kube {
    worker: Arc<Worker>,
    cluster: Arc<Cluster>,
    namespace: Option<Arc<str>>,
}

/// What the worker's tasks have: not the worker, which a watch would keep for ever.
pub(crate) struct Cluster {
    /// What was given, if it was.
    config: Option<Config>,
    client: OnceCell<Client>,
    pub(crate) observed: Observed,
}

impl Kube {
    /// The cluster of the kubeconfig (`KUBECONFIG`, or `~/.kube/config`), or of the pod that this runs in, by its service account. The
    /// namespace is the one that stands there.
    ///
    /// Returns at once: both are looked for by the first call of a lease, and what is wrong is an error of that.
    ///
    /// # Errors
    ///
    /// If there is no thread to be had.
    pub fn connect() -> Result<Self, LeaseError> {
        Self::start(None)
    }

    /// The cluster of a configuration: another context of the kubeconfig, another address.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with(config: Config) -> Result<Self, LeaseError> {
        Self::start(Some(config))
    }

    fn start(config: Option<Config>) -> Result<Self, LeaseError> {
        let worker = Worker::start("foster-kube")
            .map_err(|error| failed("Kubernetes: no thread for its client", error))?;
        let cluster = Cluster {
            config,
            client: OnceCell::new(),
            observed: Observed::default(),
        };
        Ok(Self {
            worker: Arc::new(worker),
            cluster: Arc::new(cluster),
            namespace: None,
        })
    }

    /// The namespace in which the objects of leases are, if not the one of the configuration. All processes need the same one.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        let namespace = Some(namespace.into().into());
        Self { namespace, ..self }
    }

    /// What this process has of a lease: its name, by which all processes know it, what others are told of who holds it, such as the
    /// name of the pod, and how long it is held, which is rounded up to whole seconds.
    ///
    /// A name without a byte, or with very many, is an error of each call, as is an empty holder.
    pub fn lease(
        &self,
        name: impl Into<String>,
        holder: impl Into<String>,
        length: Duration,
    ) -> KubeLease {
        let requests = Requests::new(
            self.cluster.clone(),
            self.namespace.clone(),
            name.into(),
            holder.into(),
            whole_seconds(length),
        );
        KubeLease::new(self.worker.clone(), requests)
    }
}

impl Cluster {
    /// The client, which is there once it could be made.
    pub(crate) async fn client(&self) -> Result<&Client, LeaseError> {
        let make = || async {
            let config = match &self.config {
                Some(config) => config.clone(),
                None => {
                    let found = Config::infer().await;
                    let mut config = found.map_err(|error| {
                        failed(
                            "neither a kubeconfig nor the service account of a pod",
                            error,
                        )
                    })?;
                    // Who keeps leases asks again, and has to know what the server said.
                    config.default_retry = false;
                    config
                }
            };
            Client::try_from(config).map_err(LeaseError::new)
        };
        self.client.get_or_try_init(make).await
    }

    /// The namespace of the configuration, once that is known.
    pub(crate) fn namespace(&self) -> Option<&str> {
        let known = self
            .config
            .as_ref()
            .map(|config| &*config.default_namespace);
        known.or_else(|| Some(self.client.get()?.default_namespace()))
    }
}

impl fmt::Debug for Kube {
    /// Without the configuration, of which a part is a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_config = self.cluster.namespace();
        f.debug_struct("Kube")
            .field("namespace", &self.namespace.as_deref().or(of_config))
            .finish_non_exhaustive()
    }
}

/// As Kubernetes counts: at least one, and no more than it takes.
fn whole_seconds(length: Duration) -> Duration {
    let begun = u64::from(length.subsec_nanos() > 0);
    let seconds = length.as_secs().saturating_add(begun);
    Duration::from_secs(seconds.clamp(1, i32::MAX.unsigned_abs().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_rounded_up() {
        let table = [
            (0, 1),
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
        assert_eq!(whole_seconds(Duration::MAX).as_secs(), 2_147_483_647);
    }

    #[test]
    fn a_token_is_no_part_of_its_text() {
        let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
        config.auth_info.token = Some("secret".to_owned().into());
        let kube = Kube::connect_with(config).unwrap();
        let lease = kube.lease("x", "me", Duration::from_secs(1));
        let text = format!("{kube:?} {lease:?}");
        assert!(
            text.contains("default") && !text.contains("secret"),
            "{text}"
        );
    }
}
