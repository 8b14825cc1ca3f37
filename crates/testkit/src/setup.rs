//! Facts about a flavour that the cases cannot see.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A payload's use of the executor's timer or socket.
pub(crate) type Errand = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Makes an errand from its argument.
type Errands<T> = Arc<dyn Fn(T) -> Errand + Send + Sync>;

/// Facts about a flavour that the cases cannot see: the second argument of
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
    /// Describes a flavour with its own threads, no timer and no socket, on an ordinary machine.
    pub fn new() -> Self {
        Self {
            // An interpreter takes a hundred times as long for each step.
            patience: Duration::from_secs(if cfg!(miri) { 60 } else { 8 }),
            borrowed: false,
            threads: 1,
            sleep: None,
            socket: None,
        }
    }

    /// The flavour runs on borrowed threads, which go on after its end: the cases do not expect their end.
    pub fn borrowed_threads(mut self) -> Self {
        self.borrowed = true;
        self
    }

    /// The flavour runs [`Parallel`](foster_core::Parallel)s, this many at the same time: one unless set.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The executor has a timer; the closure uses it inside a payload. It is called in a payload's code, and
    /// in a destructor of a cancelled payload.
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

    /// The executor has sockets; the closure uses one inside a payload: it connects to the address over TCP,
    /// writes a few bytes, and reads as many, which the other side sends back. It is called in the same
    /// places as that of [`sleep`](Self::sleep).
    pub fn socket<A>(mut self, echo: impl Fn(SocketAddr) -> A + Send + Sync + 'static) -> Self
    where
        A: Future<Output = io::Result<()>> + Send + 'static,
    {
        self.socket = Some(Arc::new(move |address| Box::pin(echo(address))));
        self
    }

    /// Sets the time limit for everything that should happen at once: 8 seconds unless set. A hanging case
    /// is given up after twice that time.
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
