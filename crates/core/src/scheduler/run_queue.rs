//! The run queue: the payloads that one flavour's thread must poll next, filled from any thread.
//!
//! A payload that it polls is its own waker: a wake puts its task back into the queue, and only the wake
//! that finds the thread asleep wakes the executor. The queue is a future of that executor, so
//! every poll happens inside the executor, with its reactor, its timers and its thread-locals.

use std::any::Any;
use std::collections::VecDeque;
use std::task::{Context, Waker};

use crate::base::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::contract::flavour::Rejected;
use crate::contract::probe::Probe;
use crate::contract::waking::Waking;
use crate::payload::Coroutine;
use crate::task::{Schedule, Task};

/// How many payloads are polled, at most, before the executor gets a turn for everything else.
pub(crate) const BATCH: usize = 128;

/// The queue, as all threads see it.
#[derive(Default)]
pub(crate) struct RunQueue {
    inbox: Mutex<Inbox>,
    /// The host of its payloads, set by the first of them. Weak, as the host keeps its queue alive.
    owner: OnceLock<(Weak<dyn Any + Send + Sync>, Waking)>,
}

#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) new: VecDeque<Coroutine>,
    /// Payloads that were polled and must be polled again.
    pub(super) woken: VecDeque<Arc<Task>>,
    /// Schedulers that are due for a sweep: it looks for payloads that were asked to end or cancelled.
    pub(super) swept: VecDeque<Weak<dyn Schedule>>,
    /// A driver exists or existed. No other driver would poll the payloads in its batches.
    pub(super) driven: bool,
    /// Nobody polls any more.
    pub(super) over: bool,
    /// Those who ask whether the driver or feed goes on.
    pub(crate) probes: Vec<Probe>,
    /// The waker of the sleeping driver or feed.
    pub(crate) waker: Option<Waker>,
    pub(crate) closed: bool,
}

impl RunQueue {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The inbox, once those who have asked by then are answered: with no lock held.
    pub(crate) fn lock_answered(&self) -> MutexGuard<'_, Inbox> {
        let mut inbox = self.lock();
        if !inbox.probes.is_empty() {
            let probes = std::mem::take(&mut inbox.probes);
            drop(inbox);
            probes.into_iter().for_each(Probe::answer);
            inbox = self.lock();
        }
        inbox
    }

    /// Has the driver or feed, which has looked at `inbox`, woken for what comes from here on.
    pub(crate) fn sleep(mut inbox: MutexGuard<'_, Inbox>, context: &Context<'_>) {
        if inbox.probes.is_empty() {
            inbox.waker = Some(context.waker().clone());
            return;
        }
        // Whoever was answered has asked again, and found nobody to wake. The executor has its turn first.
        drop(inbox);
        context.waker().wake_by_ref();
    }

    /// Changes the inbox, and wakes the driver or feed that waits for it.
    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        let mut inbox = self.lock();
        change(&mut inbox);
        let waker = inbox.waker.take();
        drop(inbox);
        if let Some(waker) = waker {
            if let Some((_, waking)) = self.owner.get() {
                waking.note();
            }
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

    /// Puts a woken payload at the end, unless nobody polls any more: the payload would keep alive
    /// the host that keeps this queue.
    pub(crate) fn push_woken(&self, task: Arc<Task>) {
        let mut task = Some(task);
        self.change(|inbox| {
            if !inbox.over {
                inbox.woken.extend(task.take());
            }
        });
    }

    /// Has every payload of a scheduler polled that has a token, and every cancelled one ended.
    pub(crate) fn sweep(&self, scheduler: Weak<dyn Schedule>) {
        let mut scheduler = Some(scheduler);
        self.change(|inbox| {
            let is_known =
                |known: &Weak<_>| scheduler.as_ref().is_some_and(|one| known.ptr_eq(one));
            if !inbox.over && !inbox.swept.iter().any(is_known) {
                inbox.swept.extend(scheduler.take());
            }
        });
    }

    /// Has the driver or feed answer.
    pub(crate) fn probe(&self, probe: Probe) {
        let mut probe = Some(probe);
        self.change(|inbox| {
            if !inbox.over {
                inbox.probes.extend(probe.take());
            }
        });
    }

    /// Closes the queue to new payloads.
    pub(crate) fn close(&self) {
        self.change(|inbox| inbox.closed = true);
    }

    /// From here on the queue polls payloads of `owner`.
    pub(super) fn belongs_to(&self, owner: Weak<dyn Any + Send + Sync>, waking: Waking) {
        // The first one stays: an intake is for one flavour.
        let _ = self.owner.set((owner, waking));
    }

    /// Whether the driver waits to be woken.
    pub(super) fn is_asleep(&self) -> bool {
        self.lock().waker.is_some()
    }

    /// The owner of its payloads, if the queue has polled any.
    pub(super) fn owner(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.owner.get()?.0.upgrade()
    }
}
