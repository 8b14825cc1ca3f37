//! Counts payloads, for the flavours of parallels on tokio.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use foster_core::{Parallel, Probe, Rejected, Waking};
use tokio::runtime::Handle;

/// The payloads on a tokio runtime.
pub(crate) struct Parallels {
    alive: AtomicUsize,
    cancelled: AtomicBool,
    /// Guards only the wait: the drop of the last payload passes through it.
    waiting: Mutex<()>,
    ended: Condvar,
    /// Noted at each turn, where nothing else tells when the runtime's threads begin to work.
    waking: Option<Waking>,
    /// Called, once or more, when no payload is left and no more will come.
    at_end: Box<dyn Fn() + Send + Sync>,
}

impl Parallels {
    /// No payloads yet; `at_end` is called once they were cancelled and none is left.
    pub(crate) fn new(at_end: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            waking: None,
            alive: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            waiting: Mutex::new(()),
            ended: Condvar::new(),
            at_end: Box::new(at_end),
        }
    }

    /// As [`new`](Self::new), on a runtime whose threads say nothing.
    pub(crate) fn noted(waking: Option<Waking>) -> Self {
        Self {
            waking,
            ..Self::new(|| {})
        }
    }

    /// Spawns `payload` on the runtime behind `handle`, unless the flavour was cancelled.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        handle: &Handle,
        payload: Parallel,
    ) -> Result<(), Rejected<Parallel>> {
        // Count first, then check the flag: `cancel` sets the flag before it reads the count.
        self.alive.fetch_add(1, SeqCst);
        if self.cancelled.load(SeqCst) {
            self.end();
            return Err(Rejected::new(payload));
        }
        drop(handle.spawn(Counted {
            payload,
            all: Arc::clone(self),
        }));
        Ok(())
    }

    /// Like [`spawn`](Self::spawn), but returns when the payload is over.
    pub(crate) fn block_on(
        self: &Arc<Self>,
        handle: &Handle,
        payload: Parallel,
    ) -> Result<(), Rejected<Parallel>> {
        let completion = payload.completion();
        self.spawn(handle, payload)?;
        completion.wait();
        Ok(())
    }

    /// Answers `probe` on the runtime behind `handle`.
    pub(crate) fn probe(&self, handle: &Handle, probe: Probe) {
        drop(handle.spawn(async move { probe.answer() }));
    }

    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, SeqCst);
        if self.alive.load(SeqCst) == 0 {
            (self.at_end)();
        }
    }

    /// Waits until no payload is left, at most until `by`; returns whether none is.
    pub(crate) fn join(&self, by: Instant) -> bool {
        let guard = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let left = by.saturating_duration_since(Instant::now());
        let waited = self
            .ended
            .wait_timeout_while(guard, left, |()| self.alive.load(SeqCst) > 0);
        drop(waited);
        self.alive.load(SeqCst) == 0
    }

    fn end(&self) {
        if self.alive.fetch_sub(1, SeqCst) == 1 && self.cancelled.load(SeqCst) {
            drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            self.ended.notify_all();
            (self.at_end)();
        }
    }
}

impl fmt::Debug for Parallels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parallels")
            .field("alive", &self.alive)
            .field("cancelled", &self.cancelled)
            .finish_non_exhaustive()
    }
}

/// A payload, counted as long as tokio has it.
struct Counted {
    payload: Parallel,
    all: Arc<Parallels>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Some(waking) = &self.all.waking {
            waking.note();
        }
        Pin::new(&mut self.payload).poll(context)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.end();
    }
}
