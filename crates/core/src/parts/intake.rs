//! The queue between the threads that hand payloads in and the thread of one executor.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::base::sync::Arc;
use crate::contract::flavour::Rejected;
use crate::contract::probe::Probe;
use crate::payload::Coroutine;
use crate::scheduler::{BATCH, RunQueue};
use crate::task::Runnable;

/// A queue that any thread fills and one executor's thread drains, in batches.
///
/// A push costs a short lock, shared only with other pushes and with one swap a batch. Only the
/// push that finds the executor asleep wakes it.
#[derive(Default)]
pub struct Intake {
    queue: Arc<RunQueue>,
}

impl Intake {
    /// An empty, open queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `payload` at the end of the queue.
    ///
    /// # Errors
    ///
    /// If the queue is closed, the payload is handed back.
    pub fn push(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let pushed = self.queue.push(payload.into());
        pushed.map_err(|payload| Rejected::new(payload.into()))
    }

    /// Closes the queue to new payloads. Those in the queue are still drained.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.queue.lanes()[0].lock().closed
    }

    /// Has whoever drives or feeds [answer](Probe::answer) when the executor comes to that: for
    /// [`Flavour::probe`](crate::Flavour::probe).
    pub fn probe(&self, probe: Probe) {
        self.queue.probe(probe);
    }

    /// Closes the queue that nobody will drain, and hands back what is in it.
    pub(crate) fn give_back(&self) -> VecDeque<Runnable> {
        let mut inbox = self.queue.lanes()[0].lock();
        inbox.closed = true;
        std::mem::take(&mut inbox.new)
    }

    /// Closes the queue, and ends the payloads that nobody will poll any more.
    pub(crate) fn abandon(&self) {
        self.queue.abandon();
    }

    /// Polls every payload, until the queue is closed and all payloads are over.
    ///
    /// Each payload runs like a task of its own, but without the cost of one: a wake puts the
    /// payload back into this queue. The executor polls nothing but this future, in its context.
    ///
    /// `pause` is awaited after at most 128 polls, or as soon as `is_spent` returns `true` after
    /// one of them, so that the executor gets to everything else. `pause` must not be ready before
    /// the executor has had a turn. When payloads are asked to end or cancelled, up to 128 of them
    /// are checked as if in one poll, and `pause` is awaited afterwards.
    ///
    /// An executor that gives each task a budget, as tokio does, uses `is_spent` to say that the
    /// budget of this future is used up.
    ///
    /// A flavour drives one intake. All polls of this future must come from one thread, as those of
    /// its payloads do.
    ///
    /// # Panics
    ///
    /// When polled, if another future drives or drove the intake.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it leaves its payloads unfinished.
    /// [`ExecutorThread`](crate::ExecutorThread) reports them as lost.
    pub fn drive<P>(
        &self,
        pause: impl FnMut() -> P + 'static,
        is_spent: impl FnMut() -> bool + 'static,
    ) -> impl Future<Output = ()> + 'static
    where
        P: Future + 'static,
    {
        let queue = Arc::clone(&self.queue);
        async move { queue.drive(0, pause, is_spent).await }
    }

    /// Hands every payload to `spawn`, until the queue is closed and all payloads are over. `spawn`
    /// puts the payload on the executor that polls this future.
    ///
    /// After at most 128 payloads `pause` is awaited, so that the executor gets to everything else.
    /// `pause` must not be ready before the executor has had a turn. No more payloads are handed
    /// over before all of those have had their first poll.
    pub async fn feed<P>(&self, mut spawn: impl FnMut(Fed), mut pause: impl FnMut() -> P)
    where
        P: Future,
    {
        let alive = Rc::new(Alive::default());
        let mut batch = VecDeque::new();
        let mut since_pause = 0;
        while self.next_batch(&mut batch, &mut since_pause).await {
            for payload in batch.drain(..).map(Coroutine::from) {
                if payload.is_cancelled() {
                    // Never started, so it ends without an executor: a long queue is cleared fast.
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
                    // An executor may come back here before it got to all of them. More payloads
                    // would make its queue grow, and woken payloads would wait at its end.
                    alive.none(|alive| &alive.unpolled).await;
                }
            }
        }
        alive.none(|alive| &alive.count).await;
    }

    /// Swaps the queue into the empty `batch`; `false` when the queue is closed and drained. A wait
    /// for new payloads counts as a pause.
    async fn next_batch(&self, batch: &mut VecDeque<Runnable>, since_pause: &mut usize) -> bool {
        poll_fn(|context| {
            let mut state = self.queue.lanes()[0].lock_answered();
            if !state.new.is_empty() {
                std::mem::swap(&mut state.new, batch);
                return Poll::Ready(true);
            }
            if state.closed {
                return Poll::Ready(false);
            }
            self.queue.sleep(state, context);
            *since_pause = 0;
            Poll::Pending
        })
        .await
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inbox = self.queue.lanes()[0].lock();
        f.debug_struct("Intake")
            .field("waiting", &inbox.new.len())
            .field("closed", &inbox.closed)
            .finish()
    }
}

/// A coroutine on its way to an executor, counted by the [`feed`](Intake::feed) that passed it on.
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
    /// The feed, which waits until one of the two is zero.
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
