//! Waiting until a lease is free.

use std::pin::pin;
use std::time::Duration;

use foster_engine::{failed, limit};
use foster_lease::LeaseError;
use futures_util::StreamExt;
use kube::api::{ListParams, WatchEvent, WatchParams};
use tokio::time::{sleep, timeout};

use crate::error::said;
use crate::requests::Requests;

/// Between a watch that the server has ended and the next one.
const PAUSE: Duration = Duration::from_millis(500);

/// A connection that is dead says nothing, so look again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What a watch has come to.
enum Watched {
    Free,
    /// Nothing was heard for as long as it could be held, or for a long time.
    Quiet,
    /// The server wants no more of it.
    Ended,
}

impl Requests {
    /// Ends when nobody holds it.
    pub(crate) async fn until_free(&self) -> Result<(), LeaseError> {
        let limit = limit(self.length);
        let doing = || self.doing("the watch");
        let late = || failed(doing(), format!("no answer within {limit:?}"));
        let wrong = |error| failed(doing(), error);
        loop {
            let looked = timeout(limit, self.look()).await.map_err(|_| late())?;
            let Some((version, left)) = looked.map_err(wrong)? else {
                return Ok(());
            };
            match self.heard(&version, left).await.map_err(wrong)? {
                Watched::Free => return Ok(()),
                Watched::Quiet => {}
                Watched::Ended => sleep(PAUSE).await,
            }
        }
    }

    /// The version of all that there is, from which a watch goes on, and for how long the lease stays held; none if it is free.
    ///
    /// It is a list of the one object: its own version may be so old that the server knows nothing of that time any more.
    async fn look(&self) -> Result<Option<(String, Duration)>, LeaseError> {
        let place = self.place().await?;
        let only = ListParams::default().fields(&field(place.object));
        let found = place.api.list(&only).await.map_err(said)?;
        let version = found.metadata.resource_version.unwrap_or_default();
        let Some(present) = found.items.first() else {
            self.cluster.observed.forget(place.namespace, place.object);
            return Ok(None);
        };
        Ok(self.left(&place, present).map(|left| (version, left)))
    }

    /// Hears of what becomes of the object, while it stays held.
    async fn heard(&self, version: &str, mut left: Duration) -> Result<Watched, LeaseError> {
        let place = self.place().await?;
        let only = WatchParams::default().fields(&field(place.object));
        let opened = timeout(limit(self.length), place.api.watch(&only, version)).await;
        let Ok(opened) = opened else {
            return Ok(Watched::Ended);
        };
        let mut events = pin!(opened.map_err(said)?);
        loop {
            let Ok(event) = timeout(left.min(LOOK_AGAIN), events.next()).await else {
                return Ok(Watched::Quiet);
            };
            match event {
                Some(Ok(WatchEvent::Added(present) | WatchEvent::Modified(present))) => {
                    match self.left(&place, &present) {
                        Some(longer) => left = longer,
                        None => return Ok(Watched::Free),
                    }
                }
                Some(Ok(WatchEvent::Deleted(_))) => return Ok(Watched::Free),
                Some(Ok(WatchEvent::Bookmark(_))) => {}
                Some(Ok(WatchEvent::Error(_)) | Err(_)) | None => return Ok(Watched::Ended),
            }
        }
    }
}

fn field(object: &str) -> String {
    format!("metadata.name={object}")
}
