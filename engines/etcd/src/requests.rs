//! What is asked of etcd.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{
    Client, Compare, CompareOp, Error, GetOptions, KeyValue, PutOptions, Txn, TxnOp, TxnOpResponse,
    WatchFilterType, WatchOptions, WatchStream,
};
use foster_engine::{failed, limit};
use foster_lease::{Acquired, LeaseError, Renewed};
use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use crate::client::{Cluster, Failure};

/// Between a watch that etcd has ended and the next one.
const PAUSE: Duration = Duration::from_millis(100);

/// One lease, and how to ask for it.
pub(crate) struct Requests {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) holder: String,
    pub(crate) length: Duration,
}

impl Requests {
    /// What errors say.
    pub(crate) fn doing(&self, what: &str) -> String {
        format!("{}: {what} of `{}`", self.cluster.place(), self.name)
    }

    pub(crate) async fn acquire(&self, mut client: Client) -> Result<Acquired, Failure> {
        // Who stands by writes nothing.
        if let (Some(present), _) = self.read(&mut client).await? {
            return Ok(taken(&present));
        }
        let granted = self.grant(&mut client).await?;
        let free = Compare::create_revision(self.key.as_str(), CompareOp::Equal, 0);
        let put = PutOptions::new().with_lease(granted.id);
        let put = TxnOp::put(self.key.as_str(), self.holder.as_str(), Some(put));
        let read = TxnOp::get(self.key.as_str(), None);
        let txn = Txn::new().when([free]).and_then([put]).or_else([read]);
        let done = client.txn(txn).await?;
        if !done.succeeded() {
            let present = done
                .op_responses()
                .into_iter()
                .find_map(|response| match response {
                    TxnOpResponse::Get(found) => found.kvs().first().map(taken),
                    _ => None,
                });
            return Ok(present.unwrap_or_else(|| Acquired::taken(None)));
        }
        // The revision of the put is the one in which the key was created.
        let revision = done.header().map(|header| header.revision());
        let fence = revision
            .and_then(fence_of)
            .ok_or_else(|| Failure::Ours(LeaseError::new("its answer has no revision")))?;
        granted.keep();
        Ok(Acquired::held(fence))
    }

    pub(crate) async fn renew(&self, fence: u64, mut client: Client) -> Result<Renewed, Failure> {
        let Some(present) = self.held_with(&mut client, fence).await? else {
            return Ok(Renewed::Lost);
        };
        // An etcd lease has one key alone. So if it lives the key is this one still, whoever else came since the look.
        match client.lease_keep_alive(present.lease()).await {
            Ok(_) => Ok(Renewed::Kept),
            Err(Error::LeaseKeepAliveError(_)) => Ok(Renewed::Lost),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn release(&self, fence: u64, mut client: Client) -> Result<(), Failure> {
        let Some(present) = self.held_with(&mut client, fence).await? else {
            return Ok(());
        };
        match client.lease_revoke(present.lease()).await {
            Ok(_) => Ok(()),
            // It may have run out between the two.
            Err(error) => match self.held_with(&mut client, fence).await? {
                Some(_) => Err(error.into()),
                None => Ok(()),
            },
        }
    }

    pub(crate) async fn members(&self, mut client: Client) -> Result<Vec<String>, Failure> {
        let below = format!("{}/", self.key);
        let prefix = &self.key[..self.key.len() - self.name.len()];
        let all = GetOptions::new().with_prefix().with_keys_only();
        let found = client.get(below, Some(all)).await?;
        let names = found.kvs().iter().filter_map(|kv| {
            let name = kv.key().strip_prefix(prefix.as_bytes())?;
            Some(String::from_utf8_lossy(name).into_owned())
        });
        Ok(names.collect())
    }

    /// Ends when nobody holds it.
    pub(crate) async fn until_free(&self) -> Result<(), LeaseError> {
        let limit = limit(self.length);
        let lost = |_| {
            failed(
                self.doing("the watch"),
                format!("no answer within {limit:?}"),
            )
        };
        let wrong = |error| failed(self.doing("the watch"), error);
        loop {
            let look = self.cluster.ask(|client| self.look(client));
            let look = timeout(limit, look).await.map_err(lost)?;
            let Some(mut stream) = look.map_err(wrong)? else {
                return Ok(());
            };
            let changed = async {
                while let Ok(Some(response)) = stream.message().await {
                    if !response.events().is_empty() {
                        return true;
                    }
                    // The revision is too old, or the server wants no more of it.
                    if response.canceled() {
                        break;
                    }
                }
                false
            };
            // A connection that is dead says nothing, so look again after some time.
            match timeout(self.length.clamp(PAUSE, Duration::from_secs(10)), changed).await {
                Ok(true) => return Ok(()),
                Ok(false) => sleep(PAUSE).await,
                Err(_) => {}
            }
        }
    }

    /// A watch of the key from when it was there, if it is.
    async fn look(&self, mut client: Client) -> Result<Option<WatchStream>, Failure> {
        let (present, revision) = self.read(&mut client).await?;
        if present.is_none() {
            return Ok(None);
        }
        let options = WatchOptions::new()
            .with_start_revision(revision + 1)
            .with_filters([WatchFilterType::NoPut]);
        Ok(Some(client.watch(self.key.as_str(), Some(options)).await?))
    }

    /// The key, and the revision at which it was read.
    async fn read(&self, client: &mut Client) -> Result<(Option<KeyValue>, i64), Failure> {
        let mut found = client.get(self.key.as_str(), None).await?;
        let revision = found.header().map_or(0, |header| header.revision());
        Ok((found.take_kvs().into_iter().next(), revision))
    }

    /// The key, if it is held with this fence.
    async fn held_with(
        &self,
        client: &mut Client,
        fence: u64,
    ) -> Result<Option<KeyValue>, Failure> {
        let (present, _) = self.read(client).await?;
        Ok(present.filter(|present| fence_of(present.create_revision()) == Some(fence)))
    }

    async fn grant(&self, client: &mut Client) -> Result<Granted, Failure> {
        let seconds = self.length.as_secs();
        let asked = i64::try_from(seconds).unwrap_or(i64::MAX);
        let granted = client.lease_grant(asked, None).await?;
        let shortest = granted.ttl();
        let granted = Granted {
            id: granted.id(),
            cluster: self.cluster.clone(),
            handle: Handle::current(),
            kept: false,
        };
        match shortest > asked {
            true => Err(Failure::Ours(LeaseError::new(format!(
                "a lease of {seconds} s is too short: the shortest that these servers grant is {shortest} s, \
                 one and a half times their election time-out"
            )))),
            false => Ok(granted),
        }
    }
}

/// An etcd lease, which is revoked unless it is kept: also when the acquire takes too long and is dropped.
struct Granted {
    id: i64,
    cluster: Arc<Cluster>,
    handle: Handle,
    kept: bool,
}

impl Granted {
    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        let (cluster, id) = (self.cluster.clone(), self.id);
        let revoke = async move {
            let revoke =
                cluster.ask(|mut client| async move { Ok(client.lease_revoke(id).await?) });
            // If this fails it runs out by itself.
            let _ = timeout(Duration::from_secs(10), revoke).await;
        };
        drop(self.handle.spawn(revoke));
    }
}

fn taken(present: &KeyValue) -> Acquired {
    Acquired::taken(Some(String::from_utf8_lossy(present.value()).into_owned()))
}

/// Revisions begin at 1.
fn fence_of(revision: i64) -> Option<u64> {
    u64::try_from(revision).ok()
}
