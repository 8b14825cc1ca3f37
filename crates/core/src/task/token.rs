//! Shutdown tokens: how a payload takes part in the orderly end.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::base::event::{self, EventListener};
use crate::base::sync::Arc;
use crate::lifetime::{Lifetime, Phase};
use crate::task::context;
use crate::task::on_request::OnRequest;
use crate::task::raw::Task;
use crate::task::until::UntilRequested;

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
///
/// # Waiting for more than the end
///
/// Async code waits for something else *or* the end by [`until_requested`](Self::until_requested).
/// So can a thread, if what it waits for is a future as well. Everything else is told of the end by
/// [`on_request`](Self::on_request). In each of these loops the thread sleeps until there is a
/// message or the end, and nothing is left behind when it returns.
///
/// **flume** has futures of its receives:
///
/// ```
/// # use foster_core::Shutdown;
/// use futures_lite::future::block_on;
///
/// fn work(messages: flume::Receiver<String>) {
///     let shutdown = Shutdown::current();
///     let next = || block_on(shutdown.until_requested(messages.recv_async()));
///     while let Some(Ok(message)) = next() {
///         println!("{message}");
///     }
/// }
/// ```
///
/// **crossbeam-channel** selects over channels. One that nobody ever sends into says *the end* by
/// being disconnected:
///
/// ```
/// # use foster_core::Shutdown;
/// use crossbeam_channel::{Receiver, bounded, select};
///
/// fn work(messages: Receiver<String>) {
///     let shutdown = Shutdown::current();
///     let (sender, end) = bounded::<()>(0);
///     let _until_return = shutdown.on_request(move || drop(sender));
///     loop {
///         select! {
///             recv(messages) -> message => match message {
///                 Ok(message) => println!("{message}"),
///                 Err(_) => return,
///             },
///             recv(end) -> _ => return,
///         }
///     }
/// }
/// ```
///
/// **std**'s channels cannot select, so the end is a message too:
///
/// ```
/// # use foster_core::Shutdown;
/// use std::sync::mpsc::{Receiver, Sender};
///
/// enum Message {
///     Text(String),
///     End,
/// }
///
/// fn work(messages: Receiver<Message>, sender: Sender<Message>) {
///     let shutdown = Shutdown::current();
///     let _until_return = shutdown.on_request(move || {
///         let _ = sender.send(Message::End);
///     });
///     while let Ok(Message::Text(text)) = messages.recv() {
///         println!("{text}");
///     }
/// }
/// ```
///
/// - This end stands behind the messages that came before it. To leave them, ask
///   [`is_requested`](Self::is_requested) after each.
/// - A bounded channel may be full. Use `try_send` and ask `is_requested` after each message: a full
///   channel has one. It needs room for one message at least (not `sync_channel(0)`).
/// - The closure holds a sender, so the receiver does not see that all others are gone.
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
            None => self.task.header().part().phase() >= Phase::Stopping,
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

    /// Blocks the calling thread until the payload is asked to end, or is over.
    ///
    /// For threads with nothing to do but to be there until the end; see [`wait_timeout`](Self::wait_timeout).
    pub fn wait(&self) {
        self.wait_timeout(Duration::MAX);
    }

    /// A future of `future`'s value, or of `None` if the payload is asked to end first, or is over.
    ///
    /// ```
    /// # use foster_core::Shutdown;
    /// # async fn serve(connections: flume::Receiver<u32>) {
    /// let shutdown = Shutdown::current();
    /// while let Some(Ok(connection)) = shutdown.until_requested(connections.recv_async()).await {
    ///     println!("serving {connection}");
    /// }
    /// // Asked to end, or there are no more connections.
    /// # }
    /// ```
    ///
    /// If the end was requested before the first poll, `future` is not polled at all, so a loop ends
    /// however much there still is. After that `future` is polled first, so no value is lost that is
    /// there when the end is requested.
    ///
    /// It allocates nothing of its own, and is `Send` if `future` is. A thread may block on it.
    ///
    /// # Cancel safety
    ///
    /// After `None`, and if this is dropped, `future` is dropped where it awaits, with all that it
    /// has done by then. Receives and accepts lose nothing by it. To go on with a future afterwards
    /// (to flush what is half written), pin it and give `&mut future`.
    pub fn until_requested<F: IntoFuture>(&self, future: F) -> UntilRequested<F::IntoFuture> {
        UntilRequested::new(future.into_future(), self.requested())
    }

    /// Has `code` run once, when the payload is asked to end or is over. If that is so already, it
    /// runs right here.
    ///
    /// It connects the end with whatever a thread waits for: it sends a message, disconnects a
    /// channel, notifies a condition, shuts a socket. See
    /// [the recipes](Self#waiting-for-more-than-the-end). Dropping the [`OnRequest`] drops `code`
    /// unrun and leaves nothing behind.
    ///
    /// `code` runs on the thread that asks for the end, or on one for such code alone. It should not
    /// block: others may be told after it. Its panic ends there, printed by the panic hook, and harms
    /// nobody else; only if `code` runs right here does it go on in the caller.
    ///
    /// ```
    /// # use foster_core::Shutdown;
    /// # use std::net::{Shutdown as Both, TcpStream};
    /// # use std::io::{Read, Result};
    /// fn read(mut stream: TcpStream) -> Result<()> {
    ///     let other = stream.try_clone()?;
    ///     let _until_return = Shutdown::current().on_request(move || {
    ///         let _ = other.shutdown(Both::Both);
    ///     });
    ///     let mut buffer = [0; 512];
    ///     while stream.read(&mut buffer)? > 0 { /* … */ }
    ///     Ok(()) // the other side has closed, or the end was requested
    /// }
    /// ```
    pub fn on_request(&self, code: impl FnOnce() + Send + 'static) -> OnRequest {
        OnRequest::new(self.requested(), Box::new(code))
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

impl Requested {
    pub(super) fn is_requested(&self) -> bool {
        self.token.is_requested()
    }
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
