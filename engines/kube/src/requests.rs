//! What is asked of Kubernetes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foster_lease::{Acquired, LeaseError, Renewed};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams, Preconditions};
use tokio::time::timeout;

use crate::client::Cluster;
use crate::error::{is, said};
use crate::name::{below, is_of_a_process, object_name};
use crate::object;

/// One lease, and how to ask for it.
pub(crate) struct Requests {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) namespace: Option<Arc<str>>,
    pub(crate) name: String,
    /// The name of its object, or why there is none.
    pub(crate) object: Result<String, String>,
    pub(crate) holder: String,
    pub(crate) length: Duration,
    /// The object as it was written last by a turn of this one.
    held: Mutex<Option<Lease>>,
    /// The object as an acquire wrote it that had no answer: if it is there, nobody believes to hold it.
    lost: Mutex<Option<Lease>>,
}

/// An object on its way to the server, which is lost if the answer does not come, or not in time.
struct Sent<'a> {
    lost: &'a Mutex<Option<Lease>>,
    object: Option<Lease>,
}

/// Where the object is.
pub(crate) struct Place<'a> {
    pub(crate) api: Api<Lease>,
    pub(crate) namespace: &'a str,
    pub(crate) object: &'a str,
}

impl Requests {
    pub(crate) fn new(
        cluster: Arc<Cluster>,
        namespace: Option<Arc<str>>,
        name: String,
        holder: String,
        length: Duration,
    ) -> Self {
        let object = match holder.is_empty() {
            // It is what a free lease has.
            true => Err("a holder needs a name".to_owned()),
            false => object_name(&name),
        };
        Self {
            cluster,
            namespace,
            name,
            object,
            holder,
            length,
            held: Mutex::default(),
            lost: Mutex::default(),
        }
    }

    /// What errors say.
    pub(crate) fn doing(&self, what: &str) -> String {
        let object = self.object.as_deref().unwrap_or("?");
        let given = self.namespace.as_deref();
        let place = match given.or_else(|| self.cluster.namespace()) {
            Some(namespace) => format!("the namespace `{namespace}`"),
            None => "the namespace of the configuration".to_owned(),
        };
        let name = &self.name;
        format!("Kubernetes: {what} of `{name}`, the object `{object}` in {place}")
    }

    pub(crate) async fn acquire(&self) -> Result<Acquired, LeaseError> {
        let place = self.place().await?;
        let present = place.get().await?;
        if let Some(present) = &present {
            self.is_this(present)?;
            // Who stands by writes nothing.
            if self.left(&place, present).is_some() && !self.is_lost(present) {
                return Ok(Acquired::taken(object::holder(present).map(str::to_owned)));
            }
        }
        let is_new = present.is_none();
        let next = object::acquired(present, place.object, &self.name, &self.holder, self.length);
        let next = next.map_err(LeaseError::new)?;
        let sent = Sent {
            lost: &self.lost,
            object: Some(next.clone()),
        };
        let written = match is_new {
            true => place.create(&next).await?,
            false => place.replace(&next).await?,
        };
        sent.answered();
        let Some(written) = written else {
            // Somebody else was faster.
            return Ok(Acquired::taken(None));
        };
        let fence = object::fence(&written).map_err(LeaseError::new)?;
        self.write(&place, written);
        Ok(Acquired::held(fence))
    }

    pub(crate) async fn renew(&self, fence: u64) -> Result<Renewed, LeaseError> {
        match self.change(fence, object::renewed).await? {
            true => Ok(Renewed::Kept),
            false => Ok(Renewed::Lost),
        }
    }

    pub(crate) async fn release(&self, fence: u64) -> Result<(), LeaseError> {
        self.change(fence, object::released).await.map(drop)
    }

    /// Changes the object of the turn with this fence, and says whether that is the present one.
    async fn change(
        &self,
        fence: u64,
        change: impl Fn(Lease) -> Lease,
    ) -> Result<bool, LeaseError> {
        let place = self.place().await?;
        let is_turn = |object: &Lease| object::fence(object) == Ok(fence);
        let mut known = lock(&self.held).clone().filter(is_turn);
        // Once with what was written last, once more if somebody else has written since, such as a person who put a label on it.
        for _ in 0..2 {
            let present = match known.take() {
                Some(known) => known,
                None => {
                    let present = place.get().await?;
                    match present.filter(|present| is_turn(present) && self.is_ours(present)) {
                        Some(present) => present,
                        None => return Ok(false),
                    }
                }
            };
            if let Some(written) = place.replace(&change(present)).await? {
                self.write(&place, written);
                return Ok(true);
            }
        }
        // What was just read is not there any more.
        match place.get().await? {
            Some(present) if is_turn(&present) && self.is_ours(&present) => Err(LeaseError::new(
                "somebody else changes the object again and again",
            )),
            _ => Ok(false),
        }
    }

    pub(crate) async fn members(&self) -> Result<Vec<String>, LeaseError> {
        let place = self.place().await?;
        let labelled = ListParams::default().labels(&below(&self.name));
        let found = place.api.list(&labelled).await.map_err(said)?;
        let below = format!("{}/", self.name);
        let now = Instant::now();
        let observed = &self.cluster.observed;
        let mut names = Vec::new();
        let mut waste = Vec::new();
        for present in &found {
            let Some(name) = object::name(present).filter(|name| name.starts_with(&below)) else {
                continue;
            };
            let unchanged = observed.unchanged(place.namespace, present, now);
            if object::left(present, self.length, unchanged).is_some() {
                names.push(name.to_owned());
            } else if is_of_a_process(name) && object::is_waste(present, self.length, unchanged) {
                waste.push(present);
            }
        }
        let prefix = format!("{}.", place.object);
        observed.keep(place.namespace, &prefix, |object| {
            found
                .iter()
                .any(|present| present.metadata.name.as_deref() == Some(object))
        });
        self.clear(&place, &waste);
        Ok(names)
    }

    /// Deletes what processes have left that are long gone, unless it has changed. Whoever may not do that leaves it.
    fn clear(&self, place: &Place<'_>, waste: &[&Lease]) {
        /// At a time. Others do the same.
        const AT_MOST: usize = 8;
        let limit = foster_engine::limit(self.length);
        for object in waste.iter().take(AT_MOST) {
            let name = object.metadata.name.clone().unwrap_or_default();
            let unchanged = Preconditions {
                resource_version: object.metadata.resource_version.clone(),
                uid: object.metadata.uid.clone(),
            };
            let api = place.api.clone();
            let delete = async move {
                let unchanged = DeleteParams::default().preconditions(unchanged);
                timeout(limit, api.delete(&name, &unchanged)).await
            };
            drop(tokio::spawn(delete));
        }
    }

    /// How long the object stays held, as far as this process knows.
    pub(crate) fn left(&self, place: &Place<'_>, present: &Lease) -> Option<Duration> {
        let observed = &self.cluster.observed;
        let unchanged = observed.unchanged(place.namespace, present, Instant::now());
        object::left(present, self.length, unchanged)
    }

    pub(crate) async fn place(&self) -> Result<Place<'_>, LeaseError> {
        let object = self.object.as_deref();
        let object = object.map_err(|error| LeaseError::new(error.to_owned()))?;
        let client = self.cluster.client().await?;
        let namespace = self.namespace.as_deref();
        let namespace = namespace.unwrap_or_else(|| client.default_namespace());
        Ok(Place {
            api: Api::namespaced(client.clone(), namespace),
            namespace,
            object,
        })
    }

    /// Refuses the object of somebody else.
    fn is_this(&self, present: &Lease) -> Result<(), LeaseError> {
        match object::name(present) {
            Some(other) if other != self.name => Err(LeaseError::new(format!(
                "by its annotation the object is that of the lease `{other}`"
            ))),
            _ => Ok(()),
        }
    }

    /// Whether it is held by this one: not by one of the same name after the object was deleted and numbers began anew.
    fn is_ours(&self, present: &Lease) -> bool {
        let held = lock(&self.held);
        let known = held.as_ref().and_then(|held| held.metadata.uid.as_ref());
        object::holder(present) == Some(&self.holder)
            && known.is_none_or(|known| present.metadata.uid.as_ref() == Some(known))
    }

    /// Whether it is what an acquire of this one wrote that was told an error.
    fn is_lost(&self, present: &Lease) -> bool {
        let lost = lock(&self.lost);
        lost.as_ref()
            .is_some_and(|lost| object::is_same_turn(lost, present))
    }

    /// What the server has made of a write.
    fn write(&self, place: &Place<'_>, written: Lease) {
        let _ = self.left(place, &written);
        *lock(&self.held) = object::holder(&written).is_some().then_some(written);
    }
}

impl Sent<'_> {
    fn answered(mut self) {
        self.object = None;
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            *lock(self.lost) = Some(object);
        }
    }
}

fn lock(object: &Mutex<Option<Lease>>) -> MutexGuard<'_, Option<Lease>> {
    // Nothing of the user's runs under it.
    object.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place<'_> {
    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        self.api.get_opt(self.object).await.map_err(said)
    }

    /// None if it is there.
    async fn create(&self, next: &Lease) -> Result<Option<Lease>, LeaseError> {
        let created = self.api.create(&PostParams::default(), next).await;
        unless(created, &[409])
    }

    /// None if it has changed since it was read, or is gone. It has the uid of what was read, without which the server would make a new
    /// one where it is gone.
    async fn replace(&self, next: &Lease) -> Result<Option<Lease>, LeaseError> {
        let params = PostParams::default();
        let replaced = self.api.replace(self.object, &params, next).await;
        unless(replaced, &[404, 409])
    }
}

fn unless(answer: kube::Result<Lease>, codes: &[u16]) -> Result<Option<Lease>, LeaseError> {
    match answer {
        Ok(written) => Ok(Some(written)),
        Err(error) if is(&error, codes) => Ok(None),
        Err(error) => Err(said(error)),
    }
}
