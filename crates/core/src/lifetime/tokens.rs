//! The listeners of shutdown tokens, by payload.

use std::collections::HashMap;

use crate::base::event::{Event, EventListener, Wakers};
use crate::base::sync::{Arc, Mutex, MutexGuard, lock};

/// An event for each living payload whose token somebody has listened to. It happens when the
/// payload's part of the runtime stops, and when the payload is over.
#[derive(Default)]
pub(crate) struct Tokens {
    parts: Mutex<HashMap<u64, Events>>,
}

/// Those of one part, by the task's address, as most payloads have none.
type Events = HashMap<usize, Arc<Event>>;

impl Tokens {
    /// Listens to the token of the payload at `address`, in this part of the runtime.
    pub(crate) fn listen(&self, part: u64, address: usize) -> EventListener {
        let mut parts = self.lock();
        parts
            .entry(part)
            .or_default()
            .entry(address)
            .or_default()
            .listen()
    }

    /// The payload is over: lets all threads that listen to its token go on, and forgets its event.
    pub(crate) fn notify_of(&self, part: u64, address: usize) -> Wakers {
        let mut parts = self.lock();
        let events = parts.get_mut(&part);
        let event = events.and_then(|events| events.remove(&address));
        if parts.get(&part).is_some_and(HashMap::is_empty) {
            parts.remove(&part);
        }
        drop(parts);
        event.map_or_else(Wakers::default, |event| event.notify_threads())
    }

    /// Lets all threads that listen to a token of this part go on.
    pub(crate) fn notify_part(&self, part: u64) -> Wakers {
        let parts = self.lock();
        let events = parts.get(&part).into_iter().flat_map(HashMap::values);
        let events: Vec<_> = events.cloned().collect();
        drop(parts);
        notify_all(events)
    }

    /// Lets all threads that listen to any token go on.
    pub(crate) fn notify_threads(&self) -> Wakers {
        let parts = self.lock();
        let events = parts.values().flat_map(HashMap::values);
        let events: Vec<_> = events.cloned().collect();
        drop(parts);
        notify_all(events)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Events>> {
        lock(&self.parts)
    }

    /// The number of payloads with a token that somebody listens to.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn listened(&self) -> usize {
        self.lock().values().map(HashMap::len).sum()
    }

    /// The number of listeners of all tokens.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn listening(&self) -> usize {
        let parts = self.lock();
        let events = parts.values().flat_map(HashMap::values);
        events.map(|event| event.listening()).sum()
    }
}

fn notify_all(events: Vec<Arc<Event>>) -> Wakers {
    let mut wakers = Wakers::default();
    for event in events {
        wakers.append(event.notify_threads());
    }
    wakers
}
