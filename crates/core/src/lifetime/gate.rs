//! Limits of groups: how many may be alive in one and below it.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::event::{Event, Wakers};
use crate::base::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, MutexGuard, lock};
use crate::errors::full::Full;

/// The limit of one group. Places are taken and given back without a lock, unless somebody waits for one.
pub(crate) struct Gate {
    /// That of the group.
    path: Arc<str>,
    limit: usize,
    taken: AtomicUsize,
    /// How many stand in the queue. Written under its lock.
    waiting: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Who waits for a place. Anybody may leave, and a group in here may end, among very many who wait: neither looks at all
/// of them.
#[derive(Default)]
struct Queue {
    /// By their tickets, so in the order of their coming.
    waiting: BTreeMap<u64, Arc<Waiting>>,
    /// The groups, each with the tickets of those who wait on its behalf.
    of_groups: BTreeSet<(u64, u64)>,
    next_ticket: u64,
}

/// Somebody who waits for a place.
pub(crate) struct Waiting {
    /// Where they stand in the queue.
    ticket: u64,
    /// The group on whose behalf.
    number: u64,
    has_place: AtomicBool,
    /// Notified when there is a place, or none will ever be wanted.
    event: Arc<Event>,
}

impl Gate {
    pub(crate) fn new(path: Arc<str>, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            path,
            limit,
            taken: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            queue: Mutex::default(),
        })
    }

    pub(crate) fn path(&self) -> &Arc<str> {
        &self.path
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many places are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(SeqCst)
    }

    /// How many wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }

    /// Takes a place, unless all are taken or somebody has waited for one before.
    #[must_use]
    pub(crate) fn take(&self) -> bool {
        self.waiting() == 0 && self.take_free()
    }

    fn take_free(&self) -> bool {
        let take = |taken| (taken < self.limit).then_some(taken + 1);
        self.taken.fetch_update(SeqCst, SeqCst, take).is_ok()
    }

    /// Gives a place back: to who has waited longest, if anybody does.
    pub(crate) fn give_back(&self) -> Wakers {
        self.taken.fetch_sub(1, SeqCst);
        // The place was given back before this is read, and who begins to wait looks for a place after it counts:
        // one of the two sees the other.
        match self.waiting() {
            0 => Wakers::default(),
            _ => self.hand_out(&mut self.lock()),
        }
    }

    /// Begins to wait for a place, on behalf of the group with this number. Others may be woken for it, and the event is
    /// notified when there is one.
    pub(crate) fn wait(&self, number: u64, event: &Arc<Event>) -> (Arc<Waiting>, Wakers) {
        let mut queue = self.lock();
        let waiting = queue.enter(number, event);
        self.waiting.store(queue.len(), SeqCst);
        let wakers = self.hand_out(&mut queue);
        (waiting, wakers)
    }

    /// Does not wait any more. A place that came meanwhile goes to the next.
    pub(crate) fn leave(&self, waiting: &Arc<Waiting>) -> Wakers {
        let mut queue = self.lock();
        queue.remove(waiting);
        self.waiting.store(queue.len(), SeqCst);
        drop(queue);
        match waiting.has_place() {
            true => self.give_back(),
            false => Wakers::default(),
        }
    }

    /// Has those look again who wait on behalf of this group, as that takes nothing more in.
    pub(crate) fn notify(&self, number: u64) -> Wakers {
        let queue = self.lock();
        let tickets = queue.of_groups.range((number, 0)..=(number, u64::MAX));
        notify(tickets.filter_map(|(_, ticket)| queue.waiting.get(ticket)))
    }

    /// Has all who wait look again.
    pub(crate) fn notify_all(&self) -> Wakers {
        notify(self.lock().waiting.values())
    }

    fn hand_out(&self, queue: &mut Queue) -> Wakers {
        let mut wakers = Wakers::default();
        while queue.len() > 0 && self.take_free() {
            let Some(next) = queue.pop() else { break };
            next.has_place.store(true, SeqCst);
            wakers.append(next.event.notify_threads());
        }
        self.waiting.store(queue.len(), SeqCst);
        wakers
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

fn notify<'a>(all: impl Iterator<Item = &'a Arc<Waiting>>) -> Wakers {
    let mut wakers = Wakers::default();
    for waiting in all {
        wakers.append(waiting.event.notify_threads());
    }
    wakers
}

impl Queue {
    fn len(&self) -> usize {
        self.waiting.len()
    }

    fn enter(&mut self, number: u64, event: &Arc<Event>) -> Arc<Waiting> {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let waiting = Arc::new(Waiting {
            ticket,
            number,
            has_place: AtomicBool::new(false),
            event: Arc::clone(event),
        });
        self.waiting.insert(ticket, Arc::clone(&waiting));
        self.of_groups.insert((number, ticket));
        waiting
    }

    /// Takes out who has waited longest.
    fn pop(&mut self) -> Option<Arc<Waiting>> {
        let (_, first) = self.waiting.pop_first()?;
        self.of_groups.remove(&(first.number, first.ticket));
        Some(first)
    }

    /// Takes `one` out, if they stand here. Their own reference is not the last.
    fn remove(&mut self, one: &Waiting) {
        self.waiting.remove(&one.ticket);
        self.of_groups.remove(&(one.number, one.ticket));
    }
}

impl Waiting {
    pub(crate) fn has_place(&self) -> bool {
        self.has_place.load(SeqCst)
    }
}

/// The limits that count what is in a group: its own, and those of the groups that it is in. The innermost is first.
#[derive(Clone, Default)]
pub(crate) struct Gates(Vec<Arc<Gate>>);

impl Gates {
    /// Those of the group with this path inside of these, with a limit of its own or without.
    pub(crate) fn inside(&self, path: &Arc<str>, limit: Option<usize>) -> Self {
        let own = limit.map(|limit| Gate::new(Arc::clone(path), limit));
        Self(own.into_iter().chain(self.0.iter().cloned()).collect())
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Arc<Gate>> {
        self.0.get(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Gate>> {
        self.0.iter()
    }

    /// Takes a place of each.
    ///
    /// # Errors
    ///
    /// The limit that is reached. Nothing is taken then.
    pub(crate) fn take(&self) -> Result<(), Box<Full>> {
        for (index, gate) in self.0.iter().enumerate() {
            if !gate.take() {
                for taken in &self.0[..index] {
                    taken.give_back().wake();
                }
                return Err(Full::new(&gate.path, gate.limit));
            }
        }
        Ok(())
    }

    /// Gives a place of each back.
    pub(crate) fn give_back(&self) -> Wakers {
        let mut wakers = Wakers::default();
        for gate in &self.0 {
            wakers.append(gate.give_back());
        }
        wakers
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_of_those_who_wait() {
        let (gate, event) = (Gate::new("it".into(), 1), Arc::new(Event::new()));
        assert!(gate.take());
        assert!(!gate.take());
        let [first, second, third] = [1, 2, 3].map(|number| gate.wait(number, &event).0);
        gate.give_back().wake();
        assert!(first.has_place() && !second.has_place());
        assert!(!gate.take(), "others wait");
        gate.leave(&second).wake();
        gate.give_back().wake();
        assert!(third.has_place() && !second.has_place());
        gate.give_back().wake();
        assert_eq!((gate.taken(), gate.waiting()), (0, 0));
    }

    #[test]
    fn a_place_that_nobody_wants_any_more_goes_to_the_next() {
        let (gate, event) = (Gate::new("it".into(), 1), Arc::new(Event::new()));
        assert!(gate.take());
        let [first, second] = [1, 2].map(|number| gate.wait(number, &event).0);
        gate.give_back().wake();
        gate.leave(&first).wake();
        assert!(second.has_place());
        gate.leave(&second).wake();
        assert!(gate.take());
    }

    /// Looking at each of them each time would take minutes.
    #[test]
    fn very_many_may_stop_waiting_from_the_back_and_by_their_groups() {
        const MANY: u64 = if cfg!(miri) { 100 } else { 200_000 };
        let gate = Gate::new("it".into(), 1);
        assert!(gate.take());
        let events: Vec<_> = (0..MANY).map(|_| Arc::new(Event::new())).collect();
        let enter = |(number, event): (u64, &Arc<Event>)| gate.wait(number, event).0;
        let all: Vec<_> = (0..).zip(&events).map(enter).collect();
        let begin = std::time::Instant::now();
        for number in 0..MANY {
            let heard = events[number as usize].listen();
            gate.notify(number).wake();
            // At once: that it was notified has happened.
            heard.wait(None);
        }
        for one in all.iter().rev() {
            gate.leave(one).wake();
        }
        let took = begin.elapsed();
        assert!(took < std::time::Duration::from_secs(30), "{took:?}");
        assert_eq!((gate.taken(), gate.waiting()), (1, 0));
    }

    #[test]
    fn nothing_is_taken_where_one_limit_is_reached() {
        let outer = Gates::default().inside(&"outer".into(), Some(1));
        let inner = outer.inside(&"inner".into(), Some(2));
        assert!(inner.take().is_ok());
        let full = inner.take().unwrap_err().to_string();
        assert_eq!(full, "the limit of 1 of the group `outer` is reached");
        assert_eq!(inner.iter().next().unwrap().taken(), 1);
        inner.give_back().wake();
        assert!(outer.take().is_ok());
    }
}
