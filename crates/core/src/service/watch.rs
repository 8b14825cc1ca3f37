//! The stream of changes: what became of which service, in order.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::time::{Duration, Instant};

use super::{UnitState, UnitStatus};
use crate::base::clock::Clock;
use crate::base::event::{self, Event, Wakers};
use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, Weak, lock};
use crate::errors::failure::Failure;

/// One change of one service's state.
#[derive(Debug, Clone)]
pub struct UnitChange(pub(super) UnitStatus);

impl UnitChange {
    /// The service's name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What it is now.
    pub fn state(&self) -> UnitState {
        self.0.state()
    }

    /// Since when, on the runtime's clock. Of two services it may be that the later change has the earlier
    /// moment: what came first says the order of the changes.
    pub fn at(&self) -> Instant {
        self.0.since()
    }

    /// How often it had been started again by then.
    pub fn restarts(&self) -> u64 {
        self.0.restarts()
    }

    /// Its last failure by then, if it has failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.last_failure()
    }
}

/// The changes of all services of a runtime from when it was made, in order:
/// see [`Runtime::unit_changes`](crate::Runtime::unit_changes).
///
/// It holds a bounded number of changes. If more come before they are taken out, the oldest are dropped and
/// [counted](Self::missed): nobody ever waits for whoever looks on.
pub struct UnitChanges {
    watcher: Arc<Watcher>,
    clock: Clock,
}

struct Watcher {
    mailbox: Mutex<Mailbox>,
    changed: Event,
}

#[derive(Default)]
struct Mailbox {
    capacity: usize,
    changes: VecDeque<UnitChange>,
    missed: u64,
    over: bool,
}

impl UnitChanges {
    /// The next change, if there is one already.
    pub fn try_recv(&mut self) -> Option<UnitChange> {
        lock(&self.watcher.mailbox).changes.pop_front()
    }

    /// Blocks until the next change, at most for `time` on the runtime's clock; `None` if there is none by
    /// then, or if the runtime is over and nothing is left to tell.
    pub fn recv_timeout(&mut self, time: Duration) -> Option<UnitChange> {
        let Watcher { changed, .. } = &*self.watcher;
        changed.wait(&self.clock, time, || self.look()).flatten()
    }

    /// The next change, as a future; `None` when the runtime is over and nothing is left to tell.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn recv(&mut self) -> impl Future<Output = Option<UnitChange>> + Send + '_ {
        let mut listener = None;
        poll_fn(move |context| {
            let listen = || self.watcher.changed.listen();
            event::poll(context, &mut listener, listen, || self.look())
        })
    }

    /// How many changes were dropped until now, as they were not taken out in time. They were older than
    /// any that comes next.
    pub fn missed(&self) -> u64 {
        lock(&self.watcher.mailbox).missed
    }

    /// The next change, or none if nothing is left to tell; `None` if it is to be waited for.
    fn look(&self) -> Option<Option<UnitChange>> {
        let mut mailbox = lock(&self.watcher.mailbox);
        match mailbox.changes.pop_front() {
            None if !mailbox.over => None,
            next => Some(next),
        }
    }
}

impl fmt::Debug for UnitChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mailbox = lock(&self.watcher.mailbox);
        f.debug_struct("UnitChanges")
            .field("waiting", &mailbox.changes.len())
            .field("missed", &mailbox.missed)
            .finish_non_exhaustive()
    }
}

/// All who look on.
#[derive(Default)]
pub(crate) struct Watchers {
    /// How many there are, so that nobody looks at the list for none.
    count: AtomicUsize,
    list: Mutex<Vec<Weak<Watcher>>>,
}

impl Watchers {
    pub(super) fn add(&self, capacity: usize, clock: Clock, over: bool) -> UnitChanges {
        let watcher = Arc::new(Watcher {
            mailbox: Mutex::new(Mailbox {
                capacity: capacity.max(1),
                over,
                ..Mailbox::default()
            }),
            changed: Event::new(),
        });
        let mut list = lock(&self.list);
        list.retain(|watcher| watcher.strong_count() > 0);
        list.push(Arc::downgrade(&watcher));
        self.count.store(list.len(), SeqCst);
        UnitChanges { watcher, clock }
    }

    /// Whether somebody looks on, or did.
    pub(super) fn are_there(&self) -> bool {
        self.count.load(SeqCst) > 0
    }

    /// Puts `change` into every mailbox. Changes that had to make room are to be dropped where nothing is locked: they
    /// may be the last that hold an error of the user's.
    pub(super) fn publish(&self, change: &UnitChange) -> (Wakers, Vec<UnitChange>) {
        let mut dropped = Vec::new();
        let wakers = self.alter(|mailbox| {
            if mailbox.changes.len() >= mailbox.capacity {
                mailbox.missed += 1;
                dropped.extend(mailbox.changes.pop_front());
            }
            mailbox.changes.push_back(change.clone());
        });
        (wakers, dropped)
    }

    /// Has all who wait by a clock look at it again.
    pub(super) fn wake(&self) -> Wakers {
        self.alter(|_| {})
    }

    /// Nothing more comes.
    pub(super) fn end(&self) -> Wakers {
        self.alter(|mailbox| mailbox.over = true)
    }

    /// Alters every mailbox. Threads that wait go on; all others are to be woken where nothing is locked.
    fn alter(&self, mut alter: impl FnMut(&mut Mailbox)) -> Wakers {
        let list = lock(&self.list);
        let watchers: Vec<_> = list.iter().filter_map(Weak::upgrade).collect();
        drop(list);
        let mut wakers = Wakers::default();
        for watcher in watchers {
            alter(&mut lock(&watcher.mailbox));
            wakers.append(watcher.changed.notify_threads());
        }
        wakers
    }
}
