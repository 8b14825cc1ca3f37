//! Tokio's time, paused and moved with a manual clock.
//!
//! Tokio moves paused time to its next timer when it has nothing else to do, so that all timers fire in order. Here it
//! may do that only while the clock moves: at all other times a blocking job holds it, as tokio's page on `pause` says. What
//! a timer wakes may wait on the clock; then the move goes there first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use foster_core::{Follower, Leader};
use tokio::runtime::{Builder, LocalRuntime};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until};

/// A tokio runtime's time.
pub(crate) struct PausedTime {
    leader: Leader,
    orders: UnboundedSender<Order>,
    state: Mutex<State>,
    /// Told on the way when something falls due on the clock first.
    stop: Notify,
}

struct State {
    /// Where the clock is going, or is.
    target: Duration,
    is_moving: bool,
    /// When the runtime's time began, on both.
    begun: Option<(Instant, Duration)>,
    /// Told when all is quiet.
    arrived: Vec<SyncSender<()>>,
}

/// Moves to a moment of the clock.
struct Order {
    elapsed: Duration,
    arrived: SyncSender<()>,
}

/// The other end of [`PausedTime`].
pub(crate) struct Orders(UnboundedReceiver<Order>);

impl PausedTime {
    /// Pauses the time of the runtime that `builder` makes.
    pub(crate) fn of(builder: &mut Builder, leader: Leader) -> (Arc<Self>, Orders) {
        let (orders, receiver) = unbounded_channel();
        let time = Arc::new(Self {
            leader,
            orders,
            state: Mutex::new(State {
                target: Duration::ZERO,
                is_moving: false,
                begun: None,
                arrived: Vec::new(),
            }),
            stop: Notify::new(),
        });
        let (parking, unparked) = (Arc::clone(&time), Arc::clone(&time));
        builder
            .start_paused(true)
            .on_thread_park(move || parking.is_quiet())
            .on_thread_unpark(move || unparked.has_moved());
        (time, Orders(receiver))
    }

    /// Follows the clock from here on, on `runtime`.
    pub(crate) fn follow_on(self: &Arc<Self>, runtime: &LocalRuntime, orders: Orders) {
        let time = Arc::clone(self);
        // It is over when the runtime is, or nobody can give orders.
        drop(runtime.spawn_local(async move { time.obey(orders).await }));
    }

    async fn obey(&self, Orders(mut orders): Orders) {
        let _at_end = AtEnd(self);
        let mut hold = Hold::new();
        let (begin, base) = (Instant::now(), self.leader.elapsed());
        self.lock().begun = Some((begin, base));
        while let Some(Order { elapsed, arrived }) = orders.recv().await {
            let moment = begin.checked_add(elapsed.saturating_sub(base));
            if moment.is_none_or(|moment| moment > Instant::now()) {
                self.set_off(elapsed);
                hold.release().await;
                // As far as tokio can go.
                let moment = moment.unwrap_or_else(|| Instant::now() + FAR);
                self.go_to(moment, elapsed).await;
                hold = Hold::new();
            }
            self.arrive(arrived);
        }
    }

    fn set_off(&self, target: Duration) {
        let mut state = self.lock();
        (state.target, state.is_moving) = (target, true);
    }

    fn arrive(&self, arrived: SyncSender<()>) {
        let mut state = self.lock();
        state.is_moving = false;
        state.arrived.push(arrived);
    }

    /// Returns when it is this moment, or something falls due on the clock before `elapsed`, which is the same one there.
    async fn go_to(&self, moment: Instant, elapsed: Duration) {
        let mut arrives = pin!(sleep_until(moment));
        loop {
            let mut stop = pin!(self.stop.notified());
            let stops = poll_fn(|context| {
                // Looked at first: if both are there, it has arrived.
                let arrives = arrives.as_mut().poll(context).map(|()| false);
                match arrives {
                    Poll::Pending => stop.as_mut().poll(context).map(|()| true),
                    arrived => arrived,
                }
            });
            // What was told may be of a move before.
            if !stops.await || self.leader.is_due_before(elapsed) {
                return;
            }
        }
    }

    /// The runtime has nothing to do.
    fn is_quiet(&self) {
        let (arrived, target) = {
            let mut state = self.lock();
            let target = state.is_moving.then_some(state.target);
            (std::mem::take(&mut state.arrived), target)
        };
        if target.is_some_and(|target| self.leader.is_due_before(target)) {
            self.stop.notify_one();
        }
        for arrived in arrived {
            // An error means that nobody waits any more.
            let _ = arrived.try_send(());
        }
    }

    /// The runtime's time may have moved, to the next of its timers.
    fn has_moved(&self) {
        let (begun, target) = {
            let state = self.lock();
            (state.begun, state.target)
        };
        if let Some((begin, base)) = begun {
            // Tokio rounds up to milliseconds.
            self.leader.reach(target.min(base + begin.elapsed()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The runtime has ended, on its way to somewhere or not: nobody is to wait for it.
struct AtEnd<'a>(&'a PausedTime);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.is_quiet();
    }
}

/// About as far as tokio's timers reach.
const FAR: Duration = Duration::from_secs(60 * 60 * 24 * 365);

impl Follower for PausedTime {
    fn follow(&self, elapsed: Duration, by: std::time::Instant) {
        let (arrived, has_arrived) = sync_channel(1);
        // If the runtime has ended, this or the wait fails at once.
        if self.orders.send(Order { elapsed, arrived }).is_ok() {
            let left = by.saturating_duration_since(std::time::Instant::now());
            let _ = has_arrived.recv_timeout(left);
        }
    }
}

/// Keeps the time of the present runtime from moving.
struct Hold {
    end: SyncSender<()>,
    job: JoinHandle<()>,
}

impl Hold {
    fn new() -> Self {
        let (end, ended): (_, Receiver<()>) = sync_channel(0);
        let job = spawn_blocking(move || {
            // Nothing is ever sent: it ends with the other end.
            let _ = ended.recv();
        });
        Self { end, job }
    }

    async fn release(self) {
        drop(self.end);
        // It does not panic, and is not cancelled.
        let _ = self.job.await;
    }
}
