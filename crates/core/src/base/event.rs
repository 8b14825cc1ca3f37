//! An event that costs almost nothing while nobody waits for it.
//!
//! Wakers are user code: they may block, or call Foster. They are taken out under the lock and
//! woken without it, on a thread that the notifier chooses.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::{Duration, Instant};

use slab::Slab;

use crate::base::acting;
use crate::base::clock::{Alarm, Clock};
use crate::base::panics::contain;
use crate::base::sync::atomic::{Ordering::SeqCst, fence};
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Something that happens repeatedly and can be waited for.
///
/// A waiter listens first and checks its condition afterwards; a notifier makes the condition true
/// first and notifies afterwards. Most events are never listened to, and those allocate nothing.
#[derive(Default)]
pub(crate) struct Event {
    listeners: OnceLock<Arc<Listeners>>,
}

#[derive(Default)]
struct Listeners(Mutex<Slab<Arc<Link>>>);

/// One listener, for one notification.
#[derive(Default)]
struct Link {
    state: Mutex<ListenerState>,
    notified: Condvar,
}

#[derive(Default)]
struct ListenerState {
    is_notified: bool,
    /// A thread sleeps until the notification. Notifying nobody would still cost a system call.
    is_blocked: bool,
    waker: Option<Waker>,
}

impl Event {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn listen(&self) -> EventListener {
        let listeners = Arc::clone(self.listeners.get_or_init(Arc::default));
        let link = Arc::<Link>::default();
        let key = listeners.lock().insert(Arc::clone(&link));
        // Together with the fence in `notify_threads`: either the notifier sees this listener, or
        // the listener's next check sees the change.
        fence(SeqCst);
        EventListener {
            listeners,
            link,
            key,
        }
    }

    /// Blocks until `look` returns a value, at most for `time` on `clock`.
    pub(crate) fn wait<R>(
        &self,
        clock: &Clock,
        time: Duration,
        look: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        wait(|| self.listen(), clock, time, look)
    }

    /// How many listeners there are.
    #[cfg(all(test, not(foster_model)))]
    pub(crate) fn listening(&self) -> usize {
        self.listeners.get().map_or(0, |links| links.lock().len())
    }

    /// Lets all listeners go on. Wakers run right here.
    pub(crate) fn notify(&self) {
        self.notify_threads().wake();
    }

    /// Lets all listening threads go on, and returns the wakers of the other listeners. The caller
    /// wakes them where user code may run.
    pub(crate) fn notify_threads(&self) -> Wakers {
        fence(SeqCst);
        self.notify_after_lock()
    }

    /// As [`notify_threads`](Self::notify_threads), for a condition that is guarded by a lock: the notifier has held that
    /// lock since it made the condition true, and a listener holds it when it checks. So no fence is needed.
    pub(crate) fn notify_after_lock(&self) -> Wakers {
        let Some(listeners) = self.listeners.get() else {
            return Wakers::default();
        };
        let links = std::mem::take(&mut *listeners.lock());
        links.iter().filter_map(|(_, link)| link.notify()).collect()
    }
}

impl Listeners {
    fn lock(&self) -> MutexGuard<'_, Slab<Arc<Link>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, ListenerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) -> Option<Waker> {
        let mut state = self.lock();
        state.is_notified = true;
        if state.is_blocked {
            self.notified.notify_one();
        }
        state.waker.take()
    }
}

/// A thread that listens is woken by a clock as well.
impl Wake for Link {
    fn wake(self: Arc<Self>) {
        // A thread that listens has set no waker.
        let _none = self.notify();
    }
}

/// Wakers that are still to be woken.
#[derive(Default)]
#[must_use = "whoever they belong to sleeps until they are woken"]
pub(crate) struct Wakers(Vec<Waker>);

impl Wakers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Wakes them all, even if one panics.
    pub(crate) fn wake(self) {
        for waker in self.0 {
            contain(|| waker.wake());
        }
    }
}

impl FromIterator<Waker> for Wakers {
    fn from_iter<I: IntoIterator<Item = Waker>>(wakers: I) -> Self {
        Self(wakers.into_iter().collect())
    }
}

/// Waits for one notification: the first one after the listener was made.
pub(crate) struct EventListener {
    listeners: Arc<Listeners>,
    link: Arc<Link>,
    key: usize,
}

impl EventListener {
    /// Wakes the thread that is about to [`wait`](Self::wait).
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.link))
    }

    /// Blocks until the notification, at most until `limit`.
    pub(crate) fn wait(self, limit: Option<Instant>) {
        let mut state = self.link.lock();
        state.is_blocked = true;
        while !state.is_notified {
            let notified = &self.link.notified;
            state = match limit {
                None => notified.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let left = limit.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    let waited = notified.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl Future for EventListener {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Cloned before the lock and dropped after it: both run user code.
        let waker = context.waker().clone();
        let replaced = {
            let mut state = self.link.lock();
            match state.is_notified {
                true => Err(waker),
                false => Ok(state.waker.replace(waker)),
            }
        };
        match replaced {
            Ok(_) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        }
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        let mut links = self.listeners.lock();
        let own = |link: &Arc<Link>| Arc::ptr_eq(link, &self.link);
        // After a notification the key may belong to another listener.
        if links.get(self.key).is_some_and(own) {
            // Not the last reference: that one has the waker.
            links.remove(self.key);
        }
    }
}

/// Blocks until `look` returns a value, at most for `time` on `clock`. Looks again after every
/// notification of the event behind `listen`.
pub(crate) fn wait<R>(
    listen: impl Fn() -> EventListener,
    clock: &Clock,
    time: Duration,
    mut look: impl FnMut() -> Option<R>,
) -> Option<R> {
    let deadline = clock.after(time);
    let limit = clock.sleep_limit(deadline);
    // A manual clock stops there, and wakes this thread.
    let mut alarm = Alarm::new(clock.clone(), deadline);
    loop {
        // Listening comes before the look, so that no notification falls between the two.
        let listener = listen();
        let found = look();
        let is_over = found.is_some()
            || match limit {
                Some(limit) => Instant::now() >= limit,
                None => alarm.has_come(&listener.waker()),
            };
        if is_over {
            return found;
        }
        acting::have_acted();
        listener.wait(limit);
    }
}

/// Polls until `look` returns a value. Looks again after every notification of the event behind `listen`; `listener` is
/// kept from one poll to the next.
pub(crate) fn poll<R>(
    context: &mut Context<'_>,
    listener: &mut Option<EventListener>,
    listen: impl Fn() -> EventListener,
    look: impl Fn() -> Option<R>,
) -> Poll<R> {
    loop {
        if let Some(found) = look() {
            return Poll::Ready(found);
        }
        match listener {
            Some(present) => {
                ready!(Pin::new(present).poll(context));
                // Notified, perhaps only because a clock was moved: a listener serves once.
                *listener = None;
            }
            None => *listener = Some(listen()),
        }
    }
}
