//! Shutdown tokens: how a payload takes part in the orderly end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::lifetime::{Lifetime, Phase};
use crate::task::context;
use crate::task::raw::Task;

/// A payload's part in the end of its runtime.
///
/// A payload that takes a token promises to end soon after the token says so. The runtime waits for
/// it, at most for the grace time. It does not wait for a payload that never took a token: a
/// coroutine is dropped where it awaits, a subroutine is left behind.
///
/// Taking a token counts for the whole life of the payload, even if the token is dropped at once. A
/// token taken while the runtime is already stopping counts as well, until the grace time is over.
/// Take it in the first lines: a subroutine without a token is left behind when the runtime stops,
/// unless it got its thread within the last 20 ms (row S2 of the contract).
///
/// In a run of a [service](crate::Service) the token is the service's own. It asks for the end when
/// the service is stopped or restarted alone. While the runtime stops, it asks once the services
/// that come after this one have ended.
///
/// Clones may go anywhere: to other threads, and to tasks that the payload spawned by other means.
/// The runtime still waits for the payload, not for them. Once the payload is over, for whatever
/// reason, its clones say that the end is requested, so helpers of a payload end with it.
#[derive(Clone)]
pub struct Shutdown {
    task: Arc<Task>,
}

impl Shutdown {
    /// The token of the payload that runs on this thread.
    ///
    /// # Panics
    ///
    /// Outside a payload, and in tasks that a payload spawned by its executor's own means. Take the
    /// token in the payload and move a clone there, or use [`try_current`](Self::try_current).
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Some(token) => token,
            None => panic!(
                "no payload of a foster runtime runs here, so there is no shutdown token: take the \
                 token in the payload and move a clone of it to where it is needed, or use \
                 `Shutdown::try_current`"
            ),
        }
    }

    /// The token of the payload that runs on this thread, or `None` where
    /// [`current`](Self::current) would panic.
    pub fn try_current() -> Option<Self> {
        let task = context::current()?;
        task.take_token();
        Some(Self { task })
    }

    /// Whether the payload was asked to end, or is over.
    pub fn is_requested(&self) -> bool {
        let is_asked = match self.task.observer() {
            // A service is asked when its turn comes.
            Some(observer) => observer.is_requested(),
            None => self.lifetime().phase() >= Phase::Stopping,
        };
        // Looked at last: what an observer says of a payload holds until that is over.
        is_asked || self.task.state().is_settled()
    }

    /// A future that is ready once the payload is asked to end, or is over.
    ///
    /// It owns everything it needs, may be moved to any thread, and stays ready.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing: a new future continues where it was.
    pub fn requested(&self) -> Requested {
        Requested {
            token: self.clone(),
            listener: None,
        }
    }

    /// Blocks the calling thread until the payload is asked to end or is over, at most for `time`.
    /// Returns `true` if the payload is asked to end or is over.
    ///
    /// For threads: a sleep that ends at once when the runtime stops. In a coroutine it blocks all
    /// other coroutines of the flavour; there, await [`requested`](Self::requested).
    pub fn wait_timeout(&self, time: Duration) -> bool {
        let clock = &self.lifetime().settings.clock;
        let is_requested = || self.is_requested().then_some(());
        event::wait(|| self.task.listen(), clock, time, is_requested).is_some()
    }

    fn lifetime(&self) -> &Lifetime {
        self.task.lifetime()
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("payload", &self.task.origin().payload)
            .field("requested", &self.is_requested())
            .finish()
    }
}

/// The future of [`Shutdown::requested`].
#[must_use = "a future does nothing unless it is awaited"]
pub struct Requested {
    token: Shutdown,
    listener: Option<EventListener>,
}

impl Future for Requested {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Shutdown { task, .. } = &this.token;
        let look = || this.token.is_requested().then_some(());
        // A request wakes the payload itself, so a million tokens need no list.
        if look().is_none() && task.is_woken_by(context.waker()) {
            return Poll::Pending;
        }
        event::poll(context, &mut this.listener, || task.listen(), look)
    }
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Requested").field(&self.token).finish()
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::future::pending;
    use std::pin::pin;
    use std::task::Waker;

    use super::*;
    use crate::{Manual, Runtime, Signals};

    /// A runtime that lives long would otherwise keep something of each payload.
    #[test]
    fn payloads_that_are_over_are_forgotten() {
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        runtime.start().unwrap();
        let (manual, mut context) = (Manual::new(), Context::from_waker(Waker::noop()));
        let (sender, receiver) = std::sync::mpsc::channel();
        let payload = || async move {
            sender.send(Shutdown::current()).unwrap();
            pending::<()>().await;
        };
        let mut call = Box::pin(runtime.call(manual.clone(), payload));
        assert!(call.as_mut().poll(&mut context).is_pending());
        manual.step();
        let token = receiver.recv().unwrap();
        let listened = || runtime.core().lifetime.tokens.listened();
        let mut requested = pin!(token.requested());
        assert!(requested.as_mut().poll(&mut context).is_pending());
        assert_eq!(listened(), 1);
        drop(call);
        manual.step();
        assert_eq!(listened(), 0);
        assert!(requested.poll(&mut context).is_ready());
        // A listener that comes afterwards leaves nothing behind either.
        drop(token.task.listen());
        assert_eq!(listened(), 0);
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
