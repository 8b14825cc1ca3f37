//! What the cases cannot see for themselves.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What a payload does with the executor's timer or socket.
pub(crate) type Errand = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// How to make an errand of what is needed for it.
type Errands<T> = Arc<dyn Fn(T) -> Errand + Send + Sync>;

/// What the cases cannot see for themselves: the second argument of
/// [`conformance!`](crate::conformance).
///
/// ```
/// # use std::time::Duration;
/// # async fn my_timer(_: Duration) {}
/// foster_testkit::Setup::new().sleep(|time| my_timer(time));
/// ```
#[derive(Clone)]
#[must_use = "a setup does nothing until it is given to a check"]
pub struct Setup {
    pub(crate) patience: Duration,
    pub(crate) borrowed: bool,
    pub(crate) threads: usize,
    pub(crate) sleep: Option<Errands<Duration>>,
    pub(crate) socket: Option<Errands<SocketAddr>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// A flavour with threads of its own, no timer and no socket, on an ordinary machine.
    pub fn new() -> Self {
        Self {
            patience: Duration::from_secs(8),
            borrowed: false,
            threads: 1,
            sleep: None,
            socket: None,
        }
    }

    /// The flavour runs on threads that are not its own and that go on when it ends, so that
    /// nobody can see them end.
    pub fn borrowed_threads(mut self) -> Self {
        self.borrowed = true;
        self
    }

    /// The flavour runs [`Parallel`](foster_core::Parallel)s, and as many of them at the same time: one
    /// unless set.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The executor has a timer, and this is how to use it inside a payload. It is called in a
    /// payload's code, and in a destructor of a payload that is cancelled.
    pub fn sleep<A>(mut self, sleep: impl Fn(Duration) -> A + Send + Sync + 'static) -> Self
    where
        A: Future + Send + 'static,
    {
        self.sleep = Some(Arc::new(move |time| {
            let nap = sleep(time);
            Box::pin(async move {
                nap.await;
                Ok(())
            })
        }));
        self
    }

    /// The executor has sockets, and this is how to use one inside a payload: connect to the address
    /// over TCP, write a few bytes, and read as many, which the other side sends back. It is called
    /// where [`sleep`](Self::sleep) is.
    pub fn socket<A>(mut self, echo: impl Fn(SocketAddr) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        self.socket = Some(Arc::new(move |address| Box::pin(echo(address))));
        self
    }

    /// How long anything may take that should happen at once: 8 seconds unless set. A case that
    /// hangs is given up after twice that time.
    pub fn patience(mut self, time: Duration) -> Self {
        self.patience = time;
        self
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("patience", &self.patience)
            .field("borrowed_threads", &self.borrowed)
            .field("threads", &self.threads)
            .field("sleep", &self.sleep.is_some())
            .field("socket", &self.socket.is_some())
            .finish()
    }
}
