//! The tasks that poll the payloads of a pool. Whoever wakes one may block right afterwards, so another worker has to be able to
//! take it.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

use foster_core::PoolIntake;
use tokio::runtime::Handle;
use tokio::task::coop::has_budget_remaining;
use tokio::task::try_id;

/// Spawns the drivers of `payloads`, each with a clone of `kept`. One has tokio take its turn after so many `polls`; fewer make a
/// stop slower, which is swept by turns.
pub(crate) fn spawn(
    payloads: &PoolIntake,
    handle: &Handle,
    polls: u32,
    kept: impl Clone + Send + 'static,
) {
    let mut done = 0;
    // All payloads of a driver share its budget, so tokio has its turn when that is spent.
    let is_spent = move || {
        done += 1;
        done % polls == 0 || !has_budget_remaining()
    };
    for driver in payloads.drivers(give_way, is_spent) {
        let kept = kept.clone();
        let driver = async move {
            driver.await;
            drop(kept);
        };
        drop(handle.spawn(Nudged::new(driver, handle)));
    }
}

/// A future of which every wake is followed by a task that does nothing.
///
/// Tokio keeps the last task that was woken on a worker for that worker alone, and wakes no other one for it. It waits
/// for as long as the code that has woken it blocks the worker. With another one behind it, any worker may take it, and
/// one that sleeps is woken.
struct Nudged<F> {
    future: Pin<Box<F>>,
    handle: Handle,
    /// What the future has, and the waker of the task behind that.
    waker: Option<(Waker, Arc<Nudge>)>,
}

struct Nudge {
    task: Waker,
    handle: Handle,
    /// Tokio looks at a task that is woken while it is polled as soon as that is over, and has all workers take it.
    is_polled: AtomicBool,
}

impl Nudge {
    /// Whether this is the code of a task of the runtime: only that can block a worker.
    fn is_inside(&self) -> bool {
        try_id().is_some() && Handle::try_current().is_ok_and(|here| here.id() == self.handle.id())
    }
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.wake_by_ref();
        if !self.is_polled.load(SeqCst) && self.is_inside() {
            drop(self.handle.spawn(async {}));
        }
    }
}

impl<F: Future> Nudged<F> {
    /// The same future, for the runtime behind `handle`.
    fn new(future: F, handle: &Handle) -> Self {
        Self {
            future: Box::pin(future),
            handle: handle.clone(),
            waker: None,
        }
    }
}

impl<F: Future> Future for Nudged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let is_known = |(_, nudge): &(Waker, Arc<Nudge>)| nudge.task.will_wake(context.waker());
        if !this.waker.as_ref().is_some_and(is_known) {
            let nudge = Arc::new(Nudge {
                task: context.waker().clone(),
                handle: this.handle.clone(),
                is_polled: AtomicBool::new(false),
            });
            this.waker = Some((Waker::from(Arc::clone(&nudge)), nudge));
        }
        let Some((waker, nudge)) = &this.waker else {
            return this.future.as_mut().poll(context);
        };
        nudge.is_polled.store(true, SeqCst);
        let polled = this.future.as_mut().poll(&mut Context::from_waker(waker));
        nudge.is_polled.store(false, SeqCst);
        polled
    }
}

/// Has the executor take its turn.
///
/// Tokio's own yield has its task wait until the worker has nothing else to do, out of the reach of all others, while the
/// next task may block the worker. This one puts it where another worker takes it.
async fn give_way() {
    let mut has_given = false;
    poll_fn(|context| {
        if mem::replace(&mut has_given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
