//! Means by which payloads and cases talk to each other: gates, lists, guards.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// Opens once. Threads wait for it with a deadline, payloads await it.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    wakers: Vec<Waker>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self) {
        let wakers = {
            let mut state = self.lock();
            state.open = true;
            std::mem::take(&mut state.wakers)
        };
        self.0.opened.notify_all();
        for waker in wakers {
            waker.wake();
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// Blocks the thread; returns whether the gate is open.
    pub(crate) fn wait(&self, time: Duration) -> bool {
        let (state, _) = self
            .0
            .opened
            .wait_timeout_while(self.lock(), time, |state| !state.open)
            .unwrap_or_else(PoisonError::into_inner);
        state.open
    }

    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.open {
            return Poll::Ready(());
        }
        let known = state
            .wakers
            .iter()
            .any(|waker| waker.will_wake(context.waker()));
        if !known {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }
}

/// Opens its gate when it is dropped.
pub(crate) struct Opens(pub(crate) Gate);

impl Drop for Opens {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Counts to a number and opens a gate there.
#[derive(Clone)]
pub(crate) struct Counter {
    left: Arc<Mutex<(usize, usize)>>,
    pub(crate) reached: Gate,
}

impl Counter {
    pub(crate) fn to(goal: usize) -> Self {
        let reached = Gate::default();
        if goal == 0 {
            reached.open();
        }
        Self {
            left: Arc::new(Mutex::new((0, goal))),
            reached,
        }
    }

    pub(crate) fn add(&self) {
        let mut count = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        count.0 += 1;
        let reached = count.0 == count.1;
        drop(count);
        if reached {
            self.reached.open();
        }
    }

    pub(crate) fn get(&self) -> usize {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A list that payloads write and the case reads.
#[derive(Clone)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Log<T> {
    pub(crate) fn write(&self, entry: T) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    pub(crate) fn read(&self) -> Vec<T> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Calls a closure when it is dropped.
pub(crate) struct OnDrop<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The steps of code with only one step.
pub(crate) fn once<T>(
    code: impl FnOnce() -> T + Send + 'static,
) -> impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static {
    let mut code = Some(code);
    move |_| match code.take() {
        Some(code) => Poll::Ready(code()),
        None => Poll::Pending,
    }
}

/// The steps of a payload that gives way `turns` times and then ends with `code`.
pub(crate) fn after_turns<T>(
    mut turns: usize,
    code: impl FnOnce() -> T + Send + 'static,
) -> impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static {
    let mut code = once(code);
    move |context| {
        if turns == 0 {
            return code(context);
        }
        turns -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The steps of a payload that waits for `gate` and then ends with `code`.
pub(crate) fn after<T, F: FnOnce() -> T + Send + 'static>(
    gate: &Gate,
    code: F,
) -> impl FnMut(&mut Context<'_>) -> Poll<T> + Send + 'static + use<T, F> {
    let gate = gate.clone();
    let mut code = once(code);
    move |context| match gate.poll(context) {
        Poll::Ready(()) => code(context),
        Poll::Pending => Poll::Pending,
    }
}

/// Polls `future` once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Wakes on request from a separate thread: the waker never runs on a thread of the flavour, nor within a poll.
pub(crate) fn wake_from_afar(waker: Waker) {
    thread::spawn(move || waker.wake());
}

/// Lets the flavour come to rest: a payload that has just reported its poll should leave the poll, or that poll
/// would see what only the next one must see. No case needs this to pass.
pub(crate) fn settle() {
    thread::sleep(Duration::from_millis(20));
}

/// Counts each entry of `list` that is there more than once.
pub(crate) fn repeated<T: Ord + Clone>(list: &[T]) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for entry in list {
        *counts.entry(entry.clone()).or_insert(0) += 1;
    }
    counts.retain(|_, count| *count != 1);
    counts
}

/// Whether `what` becomes true within `time`, checked every millisecond.
pub(crate) fn becomes(time: Duration, mut what: impl FnMut() -> bool) -> bool {
    let by = Instant::now() + time;
    loop {
        if what() {
            return true;
        }
        if Instant::now() >= by {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
