//! Payloads that idle until their executor ends, on every side.

use std::future::pending;
use std::time::{Duration, Instant};

use foster::Shutdown;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::executors;
use super::memory::resident;
use super::payloads::{Counter, Guard, nanoseconds};

/// Payloads that idle, and count that they have been polled, and that they have been dropped.
#[derive(Clone, Copy)]
pub(crate) struct Idle {
    pub(crate) number: usize,
    polled: Counter,
    dropped: Counter,
}

/// What the life of idle payloads takes.
pub(crate) struct Life {
    /// Nanoseconds from when the first payload is handed in until all of them idle.
    pub(crate) start: f64,
    /// Nanoseconds from then until all is over.
    pub(crate) end: f64,
    /// Bytes by which the process has grown meanwhile, where the system tells.
    pub(crate) grown: f64,
}

impl Idle {
    pub(crate) fn new(number: usize) -> Self {
        let (polled, dropped) = (Counter::new(), Counter::new());
        Self {
            number,
            polled,
            dropped,
        }
    }

    /// Hands in as many payloads as there are to be, lets them idle, and ends `side` with them.
    pub(crate) fn live<S>(self, side: S, hand_in: impl Fn(&S), end: impl FnOnce(S)) -> Life {
        self.live_once(side, hand_in, |_| (), end)
    }

    /// As [`live`](Self::live), with a `side` that starts once they are handed in.
    pub(crate) fn live_once<S>(
        self,
        side: S,
        hand_in: impl Fn(&S),
        start: impl FnOnce(&S),
        end: impl FnOnce(S),
    ) -> Life {
        self.polled.set(self.number);
        self.dropped.set(self.number);
        let before = resident().unwrap_or_default();
        let begin = Instant::now();
        for _ in 0..self.number {
            hand_in(&side);
        }
        start(&side);
        self.polled.wait();
        let started = nanoseconds(begin);
        let grown = resident().unwrap_or_default() as f64 - before as f64;
        let begin = Instant::now();
        end(side);
        let life = Life {
            start: started,
            end: nanoseconds(begin),
            grown,
        };
        // Over by now; one that is left would show as a bench that hangs.
        self.dropped.wait();
        life
    }

    /// For one that hands in no payload.
    pub(crate) fn nothing(self) {
        self.polled.count();
        self.dropped.count();
    }

    pub(crate) async fn idle(self) {
        let _guard = Guard(self.dropped);
        self.polled.count();
        pending().await
    }

    pub(crate) async fn until_asked(self) {
        let _guard = Guard(self.dropped);
        let token = Shutdown::current();
        self.polled.count();
        token.requested().await;
    }

    pub(crate) fn block_until_asked(self) {
        let _guard = Guard(self.dropped);
        let token = Shutdown::current();
        self.polled.count();
        token.wait_timeout(Duration::MAX);
    }

    pub(crate) async fn until_cancelled(self, token: CancellationToken) {
        let _guard = Guard(self.dropped);
        self.polled.count();
        token.cancelled().await;
    }

    pub(crate) fn raw_smol(self) -> Life {
        let idle = |raw: &executors::RawSmol| raw.executor.spawn(self.idle()).detach();
        self.live(executors::smol(), idle, executors::Raw::stop)
    }

    pub(crate) fn raw_tokio(self) -> Life {
        self.tokio_on(executors::tokio())
    }

    pub(crate) fn tokio_on(self, raw: executors::RawTokio) -> Life {
        let idle = |raw: &executors::RawTokio| drop(raw.executor.spawn(self.idle()));
        self.live(raw, idle, executors::Raw::stop)
    }

    /// tokio-util's tracker, all tasks with the same token. It is cancelled on tokio's own thread: from
    /// any other, each wake-up would be a system call.
    pub(crate) fn tracker(self, raw: executors::RawTokio) -> Life {
        let (tracker, token) = (TaskTracker::new(), CancellationToken::new());
        let idle = |raw: &executors::RawTokio| {
            let task = self.until_cancelled(token.clone());
            drop(tracker.spawn_on(task, &raw.executor));
        };
        let end = |raw: executors::RawTokio| {
            let (tracker, token) = (tracker.clone(), token.clone());
            let over = raw.executor.spawn(async move {
                token.cancel();
                tracker.close();
                tracker.wait().await;
            });
            futures_lite::future::block_on(over).expect("nothing panics");
            raw.stop();
        };
        self.live(raw, idle, end)
    }
}
