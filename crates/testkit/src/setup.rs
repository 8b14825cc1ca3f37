//! What the cases cannot see for themselves.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A future that a flavour's timer makes.
pub(crate) type Nap = Pin<Box<dyn Future<Output = ()> + Send>>;

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
    pub(crate) sleep: Option<Arc<dyn Fn(Duration) -> Nap + Send + Sync>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// A flavour with threads of its own and no timer, on an ordinary machine.
    pub fn new() -> Self {
        Self {
            patience: Duration::from_secs(8),
            borrowed: false,
            sleep: None,
        }
    }

    /// The flavour runs on threads that are not its own and that go on when it ends, so that
    /// nobody can see them end.
    pub fn borrowed_threads(mut self) -> Self {
        self.borrowed = true;
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
            })
        }));
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
            .field("sleep", &self.sleep.is_some())
            .finish()
    }
}
