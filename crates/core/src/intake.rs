//! The queue between those who hand payloads in and one executor's thread.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::flavour::Rejected;
use crate::payload::Coroutine;
use crate::sync::{Mutex, MutexGuard, PoisonError};

/// How many new payloads are handed to the executor before it gets a turn for all else.
const BATCH: usize = 128;

/// A queue that any thread fills and one executor's thread drains, in batches.
///
/// A push costs a short lock that is shared with nothing but other pushes and one swap a batch;
/// only the push that finds the executor asleep wakes it.
pub struct Intake {
    state: Mutex<State>,
}

struct State {
    queue: Vec<Coroutine>,
    /// The sleeping drainer.
    waker: Option<Waker>,
    closed: bool,
}

impl Default for Intake {
    fn default() -> Self {
        Self::new()
    }
}

impl Intake {
    /// An empty, open queue.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State {
                queue: Vec::new(),
                waker: None,
                closed: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `payload` at the end of the queue.
    ///
    /// # Errors
    ///
    /// Hands the payload back if the queue is closed.
    pub fn push(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let mut state = self.lock();
        if state.closed {
            return Err(Rejected::new(payload));
        }
        state.queue.push(payload);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Takes nothing more. What is in the queue is still drained.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Closes the queue and drops what nobody will drain any more.
    pub(crate) fn abandon(&self) {
        let left = {
            let mut state = self.lock();
            state.closed = true;
            std::mem::take(&mut state.queue)
        };
        drop(left);
    }

    /// Hands every payload to `spawn`, which puts it on the executor that polls this future, until
    /// the queue is closed and all payloads are over.
    ///
    /// After at most 128 payloads `pause` is awaited, so that the executor gets to everything else; it
    /// must not be ready before the executor has had a turn. No more are handed over before all of
    /// those have had their first poll.
    pub async fn feed<P>(&self, mut spawn: impl FnMut(Fed), mut pause: impl FnMut() -> P)
    where
        P: Future,
    {
        let alive = Rc::new(Alive::default());
        let mut batch = Vec::new();
        let mut since_pause = 0;
        while self.next_batch(&mut batch, &mut since_pause).await {
            for payload in batch.drain(..) {
                if payload.is_cancelled() {
                    // Never started, so it needs no executor to end: a long queue goes fast.
                    drop(payload);
                    continue;
                }
                alive.count.set(alive.count.get() + 1);
                alive.unpolled.set(alive.unpolled.get() + 1);
                spawn(Fed {
                    payload,
                    alive: Rc::clone(&alive),
                    polled: false,
                });
                since_pause += 1;
                if since_pause == BATCH {
                    since_pause = 0;
                    pause().await;
                    // An executor may come back here before it got to all of them. Were it given
                    // more, its queue would grow, and what wakes would wait at the end of it.
                    alive.none(|alive| &alive.unpolled).await;
                }
            }
        }
        alive.none(|alive| &alive.count).await;
    }

    /// Swaps the queue into the empty `batch`; `false` when it is closed and drained. A wait for
    /// new payloads is a pause, too.
    async fn next_batch(&self, batch: &mut Vec<Coroutine>, since_pause: &mut usize) -> bool {
        poll_fn(|context| {
            let mut state = self.lock();
            if !state.queue.is_empty() {
                std::mem::swap(&mut state.queue, batch);
                return Poll::Ready(true);
            }
            if state.closed {
                return Poll::Ready(false);
            }
            state.waker = Some(context.waker().clone());
            *since_pause = 0;
            Poll::Pending
        })
        .await
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Intake")
            .field("waiting", &state.queue.len())
            .field("closed", &state.closed)
            .finish()
    }
}

/// A coroutine on its way to an executor, counted by the [`feed`](Intake::feed) that it came from.
#[must_use = "a payload that is dropped unpolled is reported as lost"]
pub struct Fed {
    payload: Coroutine,
    alive: Rc<Alive>,
    polled: bool,
}

impl Fed {
    fn set_polled(&mut self) {
        if !std::mem::replace(&mut self.polled, true) {
            self.alive.one_less(&self.alive.unpolled);
        }
    }
}

impl Future for Fed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let polled = Pin::new(&mut self.payload).poll(context);
        self.set_polled();
        polled
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.set_polled();
        self.alive.one_less(&self.alive.count);
    }
}

impl fmt::Debug for Fed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fed").field(&self.payload).finish()
    }
}

/// The payloads on the executor.
#[derive(Default)]
struct Alive {
    count: Cell<usize>,
    /// Those that have not had their first poll.
    unpolled: Cell<usize>,
    /// The feed, which waits for one of the two to be none.
    waker: RefCell<Option<Waker>>,
}

impl Alive {
    fn one_less(&self, count: &Cell<usize>) {
        count.set(count.get() - 1);
        if count.get() == 0 {
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }

    async fn none(&self, count: impl Fn(&Self) -> &Cell<usize>) {
        poll_fn(|context| {
            if count(self).get() == 0 {
                return Poll::Ready(());
            }
            self.waker.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
