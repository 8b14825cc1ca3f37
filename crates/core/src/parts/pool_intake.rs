//! The queue between the threads that hand payloads in and the threads of a pool.

use std::fmt;
use std::future::Future;

use crate::base::sync::Arc;
use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use crate::contract::flavour::Rejected;
use crate::contract::probe::Probe;
use crate::contract::reporter::Reporter;
use crate::payload::Parallel;
use crate::scheduler::{Host, RunQueue};

/// A queue of [`Parallel`]s that any thread fills and several drivers drain, one for each thread of a pool.
///
/// Each payload runs like a task of its own, but without the cost of one. A driver has a part of the queue to itself, and takes
/// from the others when that is empty, so no payload waits for one that blocks its thread as long as another driver runs.
///
/// ```
/// use foster_core::{PoolIntake, Reporter};
/// use futures_lite::future::yield_now;
///
/// # use std::{future::Future, pin::Pin};
/// # fn start(reporter: &Reporter, spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>)) -> PoolIntake {
/// // In `Key::start`, on an executor with four threads:
/// let intake = PoolIntake::new(reporter, 4);
/// for driver in intake.drivers(yield_now, || false) {
///     spawn(Box::pin(driver));
/// }
/// # intake
/// # }
/// ```
pub struct PoolIntake {
    queue: Arc<RunQueue>,
}

impl PoolIntake {
    /// An empty, open queue for so many drivers, at least one, which polls all payloads of the flavour with this reporter.
    ///
    /// # Panics
    ///
    /// If the flavour has an intake already, also one of a start that has failed: make it when nothing can keep the flavour
    /// from starting any more.
    pub fn new(reporter: &Reporter, drivers: usize) -> Self {
        let queue = Arc::new(RunQueue::with_lanes(drivers));
        let is_first = reporter
            .receiver()
            .is_none_or(|receiver| Host::give_queue(receiver, &queue));
        assert!(
            is_first,
            "the flavour `{}` has an intake already, and a flavour has one",
            reporter.identifier()
        );
        Self { queue }
    }

    /// Puts `payload` into the queue, and wakes a driver if one sleeps.
    ///
    /// # Errors
    ///
    /// If the queue is closed, the payload is handed back.
    pub fn push(&self, payload: Parallel) -> Result<(), Rejected<Parallel>> {
        let pushed = self.queue.push(payload.into());
        pushed.map_err(|payload| Rejected::new(payload.into()))
    }

    /// Closes the queue to new payloads. Those in the queue are still drained.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Whether it is closed and all payloads are over. The drivers find out when they are next polled.
    pub fn is_over(&self) -> bool {
        self.queue.is_over()
    }

    /// Has a driver [answer](Probe::answer): for [`Flavour::probe`](crate::Flavour::probe).
    pub fn probe(&self, probe: Probe) {
        self.queue.probe(probe);
    }

    /// The drivers. Each is ready when the queue is closed and all payloads are over, and is to be polled on all threads of the
    /// pool alike, at the same time as the others. To be called once.
    ///
    /// `pause` and `is_spent` are as in [`Intake::drive`](crate::Intake::drive), for each driver.
    ///
    /// A driver that is woken should be polled even if the thread that wakes it blocks right afterwards: what it is woken for
    /// may be what that thread waits for.
    ///
    /// # Panics
    ///
    /// When polled, if it was called before.
    ///
    /// # Cancel safety
    ///
    /// When the last of them is dropped before it is ready, the payloads that are left are dropped, and are reported as lost
    /// unless they were cancelled.
    pub fn drivers<P, S>(
        &self,
        pause: impl Fn() -> P + Clone + Send + 'static,
        is_spent: S,
    ) -> Vec<impl Future<Output = ()> + Send + 'static>
    where
        P: Future + Send + 'static,
        S: FnMut() -> bool + Clone + Send + 'static,
    {
        let lanes = self.queue.lanes().len();
        let left = Arc::new(AtomicUsize::new(lanes));
        let driver = |lane| {
            let (pause, is_spent) = (pause.clone(), is_spent.clone());
            let last = Last {
                left: Arc::clone(&left),
                queue: Arc::clone(&self.queue),
            };
            async move { last.queue.drive(lane, pause, is_spent).await }
        };
        (0..lanes).map(driver).collect()
    }
}

impl fmt::Debug for PoolIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let drivers = self.queue.lanes().len();
        f.debug_struct("PoolIntake")
            .field("drivers", &drivers)
            .finish_non_exhaustive()
    }
}

/// One driver. The last one that is dropped ends what nobody will poll.
struct Last {
    left: Arc<AtomicUsize>,
    queue: Arc<RunQueue>,
}

impl Drop for Last {
    fn drop(&mut self) {
        if self.left.fetch_sub(1, SeqCst) == 1 {
            self.queue.abandon();
        }
    }
}
