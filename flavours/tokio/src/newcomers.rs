//! New payloads on the way to tasks of their own, for those that need one.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use foster_core::Fed;
use tokio::task::coop::has_budget_remaining;
use tokio::task::{spawn_local, yield_now};

/// A queue of payloads that have not had their first poll.
///
/// Many are over then, and a task would cost them more than all the rest. The first polls are those of
/// one task, as tokio's own functions ask for the task that they are called in.
#[derive(Clone, Default)]
pub(crate) struct Newcomers(Rc<RefCell<Queue>>);

#[derive(Default)]
struct Queue {
    payloads: VecDeque<Fed>,
    waker: Option<Waker>,
}

impl Newcomers {
    pub(crate) fn push(&self, payload: Fed) {
        let waker = {
            let mut queue = self.0.borrow_mut();
            queue.payloads.push_back(payload);
            queue.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Gives all payloads their first poll, for ever.
    pub(crate) async fn poll_first(self) {
        // Idle, as a task polls again at once, with its own.
        let mut idle = Context::from_waker(Waker::noop());
        loop {
            let mut payload = poll_fn(|context| self.next(context)).await;
            if !has_budget_remaining() {
                // Spent by those before: this one would not get anywhere.
                yield_now().await;
            }
            if Pin::new(&mut payload).poll(&mut idle).is_pending() {
                // The handle is not kept: a task that nobody joins runs on by itself.
                drop(spawn_local(payload));
            }
        }
    }

    fn next(&self, context: &mut Context<'_>) -> Poll<Fed> {
        let mut queue = self.0.borrow_mut();
        match queue.payloads.pop_front() {
            Some(payload) => Poll::Ready(payload),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
