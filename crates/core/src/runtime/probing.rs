//! Whether the executors of a runtime go on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Runtime;
use crate::base::clock::Clock;
use crate::base::event::{self, Event, EventListener};
use crate::base::identifier::Identifier;
use crate::base::sync::Arc;
use crate::contract::probe::{Asked, Probe};

impl Runtime {
    /// Asks each executor of this runtime whether it goes on: for a liveness check, or a watchdog.
    ///
    /// A probe is a wake-up that the executor has to answer on one of its threads. So it also notices what hangs there that
    /// Foster knows nothing of, such as a task that was spawned by other means. A pool answers as long as one of its
    /// threads does, behind what waits in its queue. Await the probe inside a payload: one that blocks in
    /// [`wait`](Probing::wait) holds up what would answer. Flavours of blocking code are not asked, nor those that were not started; one that
    /// [cannot tell](crate::Flavour::probe) counts as answered.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let runtime = foster_core::Runtime::new();
    /// match runtime.probe().wait(Duration::from_secs(1)) {
    ///     Ok(()) => { /* alive */ }
    ///     Err(unanswered) => eprintln!("{unanswered}"),
    /// }
    /// ```
    pub fn probe(&self) -> Probing {
        let settled = Arc::new(Event::new());
        let hosts = self.core().root.schedulers.hosts();
        let asked = hosts.filter(|host| host.is_up() && !host.is_blocking());
        let asked = asked.map(|host| {
            let (probe, asked) = Probe::new(&settled);
            host.probe(probe);
            (host.identifier().clone(), asked)
        });
        Probing {
            asked: asked.collect(),
            settled,
            listener: None,
        }
    }
}

/// Probes that executors are to answer: see [`Runtime::probe`]. As a future it is ready when all have.
#[must_use = "whether they are answered is all there is to know"]
pub struct Probing {
    asked: Vec<(Identifier, Arc<Asked>)>,
    settled: Arc<Event>,
    listener: Option<EventListener>,
}

impl Probing {
    /// Blocks until all executors have answered, at most for `limit`. That is real time, whatever the runtime's clock, as
    /// executors run in real time.
    ///
    /// # Errors
    ///
    /// Those that have not answered by then.
    pub fn wait(self, limit: Duration) -> Result<(), Unanswered> {
        let are_answered = || self.is_answered().then_some(());
        let answered = self.settled.wait(&Clock::system(), limit, are_answered);
        answered.ok_or_else(|| Unanswered {
            flavours: self.unanswered().map(ToString::to_string).collect(),
            limit,
        })
    }

    /// The flavours whose executors have not answered yet.
    pub fn unanswered(&self) -> impl Iterator<Item = &Identifier> {
        let open = self.asked.iter().filter(|(_, asked)| asked.is_open());
        open.map(|(flavour, _)| flavour)
    }

    /// The flavours whose executors have answered.
    pub fn answered(&self) -> impl Iterator<Item = &Identifier> {
        let answered = self.asked.iter().filter(|(_, asked)| asked.is_answered());
        answered.map(|(flavour, _)| flavour)
    }

    /// Whether no answer is awaited any more.
    pub fn is_answered(&self) -> bool {
        self.unanswered().next().is_none()
    }
}

impl Future for Probing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let listen = || this.settled.listen();
        let are_answered = || {
            let is_open = this.asked.iter().any(|(_, asked)| asked.is_open());
            (!is_open).then_some(())
        };
        event::poll(context, &mut this.listener, listen, are_answered)
    }
}

impl fmt::Debug for Probing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unanswered: Vec<_> = self.unanswered().collect();
        f.debug_struct("Probing")
            .field("unanswered", &unanswered)
            .finish_non_exhaustive()
    }
}

/// Executors that have not answered a [probe](Runtime::probe) in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    flavours: Vec<String>,
    limit: Duration,
}

impl Unanswered {
    /// The identifiers of their flavours.
    pub fn flavours(&self) -> &[String] {
        &self.flavours
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (flavours, limit) = (self.flavours.join("`, `"), self.limit);
        write!(
            f,
            "no answer within {limit:?} from `{flavours}`: something blocks there"
        )
    }
}

impl std::error::Error for Unanswered {}
