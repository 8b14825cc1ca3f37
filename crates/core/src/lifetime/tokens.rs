//! The listeners of shutdown tokens, by payload.

use std::collections::{BTreeMap, HashMap};

use crate::base::event::{Event, EventListener, Wakers};
use crate::base::sync::{Arc, Mutex, MutexGuard, lock};

/// An event for each living payload whose token somebody has listened to. It happens when the
/// payload's part of the runtime stops, and when the payload is over.
#[derive(Default)]
pub(crate) struct Tokens {
    parts: Mutex<HashMap<u64, Events>>,
}

/// Those of one part, by the task's address, as most payloads have none. In its order, which is near that of their coming:
/// a stop of millions then goes through memory from one end to the other, and not to and fro.
type Events = BTreeMap<usize, Arc<Event>>;

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
        if parts.get(&part).is_some_and(BTreeMap::is_empty) {
            parts.remove(&part);
        }
        drop(parts);
        event.map_or_else(Wakers::default, |event| event.notify_threads())
    }

    /// Lets all threads that listen to a token of this part go on.
    pub(crate) fn notify_part(&self, part: u64) -> Wakers {
        let parts = self.lock();
        let events = parts.get(&part).into_iter().flat_map(BTreeMap::values);
        let events: Vec<_> = events.cloned().collect();
        drop(parts);
        notify_all(events)
    }

    /// Lets all threads that listen to any token go on.
    pub(crate) fn notify_threads(&self) -> Wakers {
        let parts = self.lock();
        let events = parts.values().flat_map(BTreeMap::values);
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
        self.lock().values().map(BTreeMap::len).sum()
    }

    /// The number of listeners of all tokens.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn listening(&self) -> usize {
        let parts = self.lock();
        let events = parts.values().flat_map(BTreeMap::values);
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

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::base::sync::lock;

    struct Woken(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            lock(&self.1).push(self.0);
        }
    }

    /// In any other order a stop of ten millions took six times as long.
    #[test]
    fn those_who_listen_are_woken_in_the_order_of_their_memory() {
        let (tokens, order) = (Tokens::default(), Arc::default());
        let mut all: Vec<_> = (0..1_000).map(|one| one * 7_919 % 1_000).collect();
        let listeners = all.iter().map(|address| {
            let mut listener = Box::pin(tokens.listen(0, *address));
            let waker = Waker::from(Arc::new(Woken(*address, Arc::clone(&order))));
            let mut context = Context::from_waker(&waker);
            assert!(pin!(&mut listener).poll(&mut context).is_pending());
            listener
        });
        let listeners: Vec<_> = listeners.collect();
        tokens.notify_threads().wake();
        all.sort_unstable();
        assert_eq!(*lock(&order), all);
        drop(listeners);
    }
}
