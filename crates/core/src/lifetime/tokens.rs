//! The listeners of shutdown tokens, by payload.

use std::collections::HashMap;

use crate::base::event::{Event, EventListener, Wakers};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An event for each living payload whose token somebody has listened to. It happens when the
/// runtime stops, and when the payload is over. Keyed by the task's address, as most payloads have
/// no event.
#[derive(Default)]
pub(crate) struct Tokens {
    events: Mutex<HashMap<usize, Arc<Event>>>,
}

impl Tokens {
    /// Listens to the token of the payload at `address`.
    pub(crate) fn listen(&self, address: usize) -> EventListener {
        self.lock().entry(address).or_default().listen()
    }

    /// The payload is over: lets all threads that listen to its token go on, and forgets its event.
    pub(crate) fn notify_of(&self, address: usize) -> Wakers {
        let event = self.lock().remove(&address);
        event.map_or_else(Wakers::default, |event| event.notify_threads())
    }

    /// Lets all threads that listen to any token go on.
    pub(crate) fn notify_threads(&self) -> Wakers {
        let events: Vec<_> = self.lock().values().cloned().collect();
        let mut wakers = Wakers::default();
        for event in events {
            wakers.append(event.notify_threads());
        }
        wakers
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Arc<Event>>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of payloads with a token that somebody listens to.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn listened(&self) -> usize {
        self.lock().len()
    }
}
