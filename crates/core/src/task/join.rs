//! The way of an executed payload's value back to its caller.

use std::panic::resume_unwind;
use std::task::{Context, Poll, Waker};

use crate::base::event::Wakers;
use crate::base::sync::thread;
use crate::base::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use crate::lifetime::Caller;
use crate::task::context;
use crate::task::raw::Task;

/// Blocks and wakes callers until a payload is over: closed before that, open from then on.
pub(crate) trait Waiter: Send + Sync {
    /// Tells the waiter its payload, once the task is made.
    fn belongs_to(&self, task: Weak<Task>);

    /// Lets all waiters go on.
    fn open(&self);

    /// Blocks the calling thread until the waiter is open.
    fn wait(&self);

    /// The payload that handed this one in, if one did.
    fn submitter(&self) -> Option<Weak<Task>>;
}

/// Where a payload leaves its value, or its panic, for the caller.
pub(crate) struct JoinState<T> {
    state: Mutex<Meeting<T>>,
    opened: Condvar,
    task: OnceLock<Weak<Task>>,
    /// The payload that handed it in, if one did.
    submitter: Option<Weak<Task>>,
}

/// What the payload and its caller know of each other.
struct Meeting<T> {
    result: Option<thread::Result<T>>,
    open: bool,
    /// A thread is blocked until `open`. Notifying nobody would still cost a system call.
    waited_for: bool,
    /// The caller is gone: nobody takes the result.
    unwanted: bool,
    waker: Option<Waker>,
}

impl<T> Default for JoinState<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(Meeting {
                result: None,
                open: false,
                waited_for: false,
                unwanted: false,
                waker: None,
            }),
            opened: Condvar::new(),
            task: OnceLock::new(),
            submitter: context::current().map(|task| Arc::downgrade(&task)),
        }
    }
}

impl<T> JoinState<T> {
    fn lock(&self) -> MutexGuard<'_, Meeting<T>> {
        // No user code runs under the lock, so the state is whole even if the lock is poisoned.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The payload's task, if it still exists.
    pub(crate) fn task(&self) -> Option<Arc<Task>> {
        self.task.get()?.upgrade()
    }

    /// Leaves `result` for the caller, or returns it if the caller is gone.
    pub(crate) fn put(&self, result: thread::Result<T>) -> Option<thread::Result<T>> {
        let mut state = self.lock();
        if state.unwanted {
            return Some(result);
        }
        state.result = Some(result);
        None
    }

    /// Takes the value once the waiter is open. `None` if the payload did not end. A panic of the
    /// payload continues here.
    pub(crate) fn take(&self) -> Option<T> {
        match self.take_result()? {
            Ok(value) => Some(value),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Takes the value, or the panic, once the waiter is open. `None` if the payload did not end.
    pub(crate) fn take_result(&self) -> Option<thread::Result<T>> {
        self.lock().result.take()
    }

    /// Whether the waiter is open.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Opens the waiter and lets threads go on. The caller still has to wake the returned wakers.
    fn open_to_threads(&self) -> Wakers {
        let (waker, waited_for) = {
            let mut state = self.lock();
            state.open = true;
            (state.waker.take(), state.waited_for)
        };
        if waited_for {
            self.opened.notify_all();
        }
        waker.into_iter().collect()
    }

    /// Ready if the waiter is open; else registers the waker of `context`.
    pub(crate) fn poll_open(&self, context: &mut Context<'_>) -> Poll<()> {
        // Cloned before the lock and dropped after it: both run user code.
        let waker = context.waker().clone();
        let _before = {
            let mut state = self.lock();
            if state.open {
                return Poll::Ready(());
            }
            state.waker.replace(waker)
        };
        Poll::Pending
    }

    /// Marks the result as unwanted, and returns a result that is already there.
    pub(crate) fn abandon(&self) -> Option<thread::Result<T>> {
        let mut state = self.lock();
        state.unwanted = true;
        state.result.take()
    }
}

impl<T: Send> Waiter for JoinState<T> {
    fn belongs_to(&self, task: Weak<Task>) {
        let unset = self.task.set(task).is_ok();
        debug_assert!(unset, "a join is for one payload");
    }

    fn open(&self) {
        self.open_to_threads().wake();
    }

    fn submitter(&self) -> Option<Weak<Task>> {
        self.submitter.clone()
    }

    fn wait(&self) {
        let mut state = self.lock();
        while !state.open {
            state.waited_for = true;
            state = self
                .opened
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<T: Send> Caller for JoinState<T> {
    fn give_up(&self) -> Wakers {
        {
            let mut state = self.lock();
            // A result that is already there still belongs to the caller.
            state.unwanted |= state.result.is_none();
        }
        self.open_to_threads()
    }
}
