//! The stream of changes: what became of which service, in order.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::state::UnitState;
use crate::base::clock::Clock;
use crate::base::event::{Event, EventListener, Wakers};
use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use crate::errors::failure::Failure;

/// One change of one service's state.
#[derive(Debug, Clone)]
pub struct UnitChange {
    pub(crate) name: Arc<str>,
    pub(crate) state: UnitState,
    pub(crate) at: Instant,
    pub(crate) restarts: u64,
    pub(crate) failure: Option<Failure>,
}

impl UnitChange {
    /// The service's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is now.
    pub fn state(&self) -> UnitState {
        self.state
    }

    /// Since when, on the runtime's clock. Of two services it may be that the later change has the earlier
    /// moment: what came first says the order of the changes.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// How often it had been started again by then.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Its last failure by then, if it has failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
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
    capacity: usize,
    state: Mutex<State>,
    changed: Event,
}

#[derive(Default)]
struct State {
    changes: VecDeque<UnitChange>,
    missed: u64,
    over: bool,
}

impl Watcher {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnitChanges {
    /// The next change, if there is one already.
    pub fn try_recv(&mut self) -> Option<UnitChange> {
        self.watcher.lock().changes.pop_front()
    }

    /// Blocks until the next change, at most for `time` on the runtime's clock; `None` if there is none by
    /// then, or if the runtime is over and nothing is left to tell.
    pub fn recv_timeout(&mut self, time: Duration) -> Option<UnitChange> {
        let look = || match self.look() {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        };
        self.watcher.changed.wait(&self.clock, time, look).flatten()
    }

    /// The next change, as a future; `None` when the runtime is over and nothing is left to tell.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub fn recv(&mut self) -> impl Future<Output = Option<UnitChange>> + Send + '_ {
        Next {
            changes: self,
            listener: None,
        }
    }

    /// How many changes were dropped until now, as they were not taken out in time. They were older than
    /// any that comes next.
    pub fn missed(&self) -> u64 {
        self.watcher.lock().missed
    }

    fn look(&self) -> Poll<Option<UnitChange>> {
        let mut state = self.watcher.lock();
        match state.changes.pop_front() {
            None if !state.over => Poll::Pending,
            next => Poll::Ready(next),
        }
    }
}

impl fmt::Debug for UnitChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.watcher.lock();
        f.debug_struct("UnitChanges")
            .field("waiting", &state.changes.len())
            .field("missed", &state.missed)
            .finish_non_exhaustive()
    }
}

struct Next<'a> {
    changes: &'a mut UnitChanges,
    listener: Option<EventListener>,
}

impl Future for Next<'_> {
    type Output = Option<UnitChange>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(next) = this.changes.look() {
                return Poll::Ready(next);
            }
            match &mut this.listener {
                Some(listener) => {
                    ready!(Pin::new(listener).poll(context));
                    this.listener = None;
                }
                none => *none = Some(this.changes.watcher.changed.listen()),
            }
        }
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
            capacity: capacity.max(1),
            state: Mutex::new(State {
                over,
                ..State::default()
            }),
            changed: Event::new(),
        });
        let mut list = self.lock();
        list.retain(|watcher| watcher.strong_count() > 0);
        list.push(Arc::downgrade(&watcher));
        self.count.store(list.len(), SeqCst);
        UnitChanges { watcher, clock }
    }

    fn all(&self) -> Vec<Arc<Watcher>> {
        match self.count.load(SeqCst) {
            0 => Vec::new(),
            _ => self.lock().iter().filter_map(Weak::upgrade).collect(),
        }
    }

    /// Puts `change` into every queue. Threads that wait go on; all else is to be done where nothing is locked.
    pub(super) fn publish(&self, change: &UnitChange) -> News {
        let mut news = News::default();
        for watcher in self.all() {
            {
                let mut state = watcher.lock();
                if state.changes.len() >= watcher.capacity {
                    state.missed += 1;
                    news.dropped.extend(state.changes.pop_front());
                }
                state.changes.push_back(change.clone());
            }
            news.wakers.append(watcher.changed.notify_threads());
        }
        news
    }

    /// Has all who wait by a clock look at it again.
    pub(super) fn wake(&self) -> Wakers {
        let mut wakers = Wakers::default();
        for watcher in self.all() {
            wakers.append(watcher.changed.notify_threads());
        }
        wakers
    }

    /// Nothing more comes.
    pub(super) fn end(&self) -> Wakers {
        for watcher in self.all() {
            watcher.lock().over = true;
        }
        self.wake()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Watcher>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is left to do for a change that was put into queues.
#[derive(Default)]
#[must_use = "whoever waits for changes is to be woken"]
pub(super) struct News {
    pub(super) wakers: Wakers,
    /// Those that had to make room: they may be the last that hold an error of the user's.
    pub(super) dropped: Vec<UnitChange>,
}
