//! A lease, as one holder sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Delivery, Engine, Request, tell};
use crate::answer::{Answer, LeaseError};
use crate::lease::{Acquired, Lease, Renewed};

/// A lease of a [`Local`] engine.
pub(super) struct LocalLease {
    pub(super) engine: Arc<Engine>,
    pub(super) name: String,
    pub(super) holder: String,
    pub(super) length: Duration,
}

impl LocalLease {
    fn request(&self, call: &'static str) -> Request {
        Request {
            call,
            lease: self.name.clone(),
            holder: self.holder.clone(),
        }
    }
}

impl fmt::Debug for LocalLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalLease")
            .field("name", &self.name)
            .field("holder", &self.holder)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl Lease for LocalLease {
    fn name(&self) -> &str {
        &self.name
    }

    fn length(&self) -> Duration {
        self.length
    }

    fn acquire(&self, answer: Answer<Acquired>) {
        let (name, holder, length) = (self.name.clone(), self.holder.clone(), self.length);
        self.engine
            .call(&self.request("acquire"), answer, move |engine| {
                let now = engine.clock.now();
                let mut state = engine.lock();
                let entry = state.entry(&name);
                if let Some(other) = entry.holder(now) {
                    return Acquired::taken(Some(other.to_owned()));
                }
                entry.fence += 1;
                entry.holder = Some((holder, now + length));
                Acquired::held(entry.fence)
            });
    }

    fn renew(&self, fence: u64, answer: Answer<Renewed>) {
        let (name, holder, length) = (self.name.clone(), self.holder.clone(), self.length);
        self.engine
            .call(&self.request("renew"), answer, move |engine| {
                let now = engine.clock.now();
                let mut state = engine.lock();
                let entry = state.entry(&name);
                match entry.fence == fence && entry.holder(now) == Some(holder.as_str()) {
                    true => {
                        entry.holder = Some((holder, now + length));
                        Renewed::Kept
                    }
                    false => Renewed::Lost,
                }
            });
    }

    fn release(&self, fence: u64, answer: Answer<()>) {
        let (name, holder) = (self.name.clone(), self.holder.clone());
        self.engine
            .call(&self.request("release"), answer, move |engine| {
                let now = engine.clock.now();
                let watchers = {
                    let mut state = engine.lock();
                    let entry = state.entry(&name);
                    match entry.fence == fence && entry.holder(now) == Some(holder.as_str()) {
                        true => entry.free(),
                        false => Vec::new(),
                    }
                };
                tell(watchers);
            });
    }

    fn watch(&self, answer: Answer<()>) {
        // Who watches is answered by the engine, not at once.
        let delivery = {
            let (mut state, request) = (self.engine.lock(), self.request("watch"));
            state
                .rule
                .as_mut()
                .map_or(Delivery::Now, |rule| rule(&request))
        };
        match delivery {
            Delivery::Now => {
                self.engine.lock().entry(&self.name).watchers.push(answer);
                self.engine.look();
            }
            Delivery::Refuse(text) => answer.send(Err(LeaseError::new(text))),
            Delivery::PutOff | Delivery::PutOffAnswer => {
                self.engine.put_off(move || answer.send(Ok(())));
            }
            Delivery::Swallow | Delivery::SwallowAnswer => std::mem::forget(answer),
        }
    }

    fn members(&self, answer: Answer<Vec<String>>) {
        let below = format!("{}/", self.name);
        self.engine
            .call(&self.request("members"), answer, move |engine| {
                let (now, state) = (engine.clock.now(), engine.lock());
                let held = state
                    .entries
                    .iter()
                    .filter(|(_, entry)| entry.holder(now).is_some());
                held.map(|(name, _)| name.clone())
                    .filter(|name| name.starts_with(&below))
                    .collect()
            });
    }
}
