//! The key and the threads behind it.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use foster_core::{BoxError, Flavour, Identifier, Joining, Key, Rejected, Reporter, Subroutine};

/// The key of the thread flavour: subroutines, each on an OS thread of its own.
///
/// Subroutines run in parallel with each other. A thread is named after its payload. An execute
/// runs on the caller's own thread.
///
/// # Limits
///
/// A thread cannot be cancelled. A subroutine that took a [`Shutdown`](foster_core::Shutdown) token
/// is asked to end and waited for, and is a straggler if it overruns the grace time; one that did not
/// is left behind. Either goes on until it ends or the process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Thread;

impl Key for Thread {
    type Payload = Subroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("std::thread") }
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
        Ok(Arc::new(Threads::default()))
    }
}

#[derive(Default)]
struct Threads {
    state: Arc<Mutex<State>>,
    ended: Arc<Condvar>,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    running: usize,
    handles: Vec<JoinHandle<()>>,
    /// The threads that `join` has found at their end.
    leaving: Vec<Arc<Joining>>,
    /// How many handles make it worth looking for threads that have ended.
    sweep_at: usize,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flavour for Threads {
    type Payload = Subroutine;

    fn spawn(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        {
            let mut state = lock(&self.state);
            if state.cancelled {
                return Err(Rejected::new(payload));
            }
            state.running += 1;
        }
        let end = EndOfThread {
            state: Arc::clone(&self.state),
            ended: Arc::clone(&self.ended),
        };
        let name = payload.name();
        // Shared, as a thread that cannot be spawned does not give back what it was to run.
        let parcel = Arc::new(Mutex::new(Some(payload)));
        let on_thread = Arc::clone(&parcel);
        let spawned = Builder::new().name(name).spawn(move || {
            let _end = end;
            let payload = on_thread
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(payload) = payload {
                payload.run();
            }
        });
        match spawned {
            Ok(handle) => {
                lock(&self.state).keep(handle);
                Ok(())
            }
            Err(error) => {
                let payload = parcel.lock().unwrap_or_else(PoisonError::into_inner).take();
                match payload {
                    Some(payload) => Err(Rejected::because(payload, error)),
                    // Nobody but the thread that was not spawned could have taken it.
                    None => Ok(()),
                }
            }
        }
    }

    fn block_on(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        if lock(&self.state).cancelled {
            return Err(Rejected::new(payload));
        }
        payload.run();
        Ok(())
    }

    fn cancel(&self) {
        lock(&self.state).cancelled = true;
    }

    fn join(&self, by: Instant) -> bool {
        let mut state = lock(&self.state);
        while state.running > 0 {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .ended
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let ended = state.running == 0;
        let (over, running): (Vec<_>, Vec<_>) = std::mem::take(&mut state.handles)
            .into_iter()
            .partition(|handle| ended || handle.is_finished());
        state.handles = running;
        if !over.is_empty() {
            // Their payloads are over: what may still run is the destructors of their locals. Kept,
            // as a `join` that comes later must not take them for gone.
            state.leaving.push(Arc::new(Joining::start(over)));
        }
        let leaving = state.leaving.clone();
        drop(state);
        ended && leaving.iter().all(|threads| threads.wait(by))
    }
}

impl State {
    /// Keeps `handle` for `join`, and lets go of the threads that have ended meanwhile.
    fn keep(&mut self, handle: JoinHandle<()>) {
        if self.handles.len() >= self.sweep_at {
            self.handles.retain(|handle| !handle.is_finished());
            self.sweep_at = 2 * self.handles.len() + 16;
        }
        self.handles.push(handle);
    }
}

/// Counts a thread as ended when it is dropped.
struct EndOfThread {
    state: Arc<Mutex<State>>,
    ended: Arc<Condvar>,
}

impl Drop for EndOfThread {
    fn drop(&mut self) {
        lock(&self.state).running -= 1;
        self.ended.notify_all();
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        f.debug_struct("Threads")
            .field("running", &state.running)
            .field("cancelled", &state.cancelled)
            .finish_non_exhaustive()
    }
}
