//! The run queue: what one flavour's thread is to poll next, filled from any thread.
//!
//! A payload that it polls is its own waker: a wake puts its task back into the queue, and only the one
//! that finds the thread asleep wakes the executor. The queue is a future of that executor's, which so is
//! around every poll, with its reactor, its timers and whatever it keeps in thread-locals.

use std::collections::VecDeque;
use std::task::Waker;

use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::contract::flavour::Rejected;
use crate::payload::Coroutine;
use crate::task::{Schedule, Task};

/// How many payloads are polled, at most, before the executor gets a turn for all else.
pub(crate) const BATCH: usize = 128;

/// The queue, as all threads see it.
#[derive(Default)]
pub(crate) struct RunQueue {
    inbox: Mutex<Inbox>,
    /// Whose payloads it polls, from the first of them on. Weak, as the scheduler keeps its queue.
    owner: OnceLock<Weak<dyn Schedule>>,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) new: VecDeque<Coroutine>,
    /// Payloads that have been polled and are to be polled again.
    pub(super) woken: VecDeque<Arc<Task>>,
    /// What is asked to end, or cancelled, is to be looked for.
    pub(super) swept: bool,
    /// A driver is there, or was: what that had in a batch no other one would poll.
    pub(super) driven: bool,
    /// Nobody polls any more.
    pub(super) over: bool,
    /// The sleeping drainer.
    pub(crate) waker: Option<Waker>,
    pub(crate) closed: bool,
}

impl RunQueue {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is in the inbox, and wakes who waits for that.
    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lock();
        change(&mut inbox);
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Puts a new payload at the end, or hands it back if the queue is closed.
    pub(crate) fn push(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let mut refused = None;
        self.change(|inbox| match inbox.closed {
            true => refused = Some(payload),
            false => inbox.new.push_back(payload),
        });
        refused.map_or(Ok(()), |payload| Err(Rejected::new(payload)))
    }

    /// Puts a payload that has been woken at the end, unless nobody polls any more: it would keep the scheduler that
    /// keeps this queue.
    pub(crate) fn push_woken(&self, task: Arc<Task>) {
        let mut task = Some(task);
        self.change(|inbox| {
            if !inbox.over {
                inbox.woken.extend(task.take());
            }
        });
    }

    /// Has every payload polled that holds a token, and ended that is cancelled.
    pub(crate) fn sweep(&self) {
        self.change(|inbox| inbox.swept = true);
    }

    /// Takes no new payloads any more.
    pub(crate) fn close(&self) {
        self.change(|inbox| inbox.closed = true);
    }

    /// From here on it polls payloads of `owner`.
    pub(super) fn belongs_to(&self, owner: Weak<dyn Schedule>) {
        // The first one stays: an intake is for one flavour.
        let _ = self.owner.set(owner);
    }

    /// Whose payloads it polls, if it has polled any.
    pub(super) fn owner(&self) -> Option<Arc<dyn Schedule>> {
        self.owner.get()?.upgrade()
    }
}
