//! Runs user code for threads of Foster's that must not wait for it.

use std::collections::VecDeque;
use std::time::Instant;

use crate::base::joining::Joining;
use crate::base::panics::contain;
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A queue of errands, and a thread that runs them one after the other. The thread exists while
/// there are errands.
pub(crate) struct Teller {
    name: &'static str,
    state: Mutex<TellerState>,
}

#[derive(Default)]
struct TellerState {
    errands: VecDeque<Errand>,
    /// A thread runs them.
    is_at_work: bool,
    thread: Option<JoinHandle<()>>,
}

type Errand = Box<dyn FnOnce() + Send>;

impl Teller {
    /// A teller whose thread has this name.
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: Mutex::default(),
        })
    }

    /// Has `errand` run once, after all earlier ones.
    ///
    /// If there is no thread for it, the errand runs right here, as it must not be lost. So the
    /// caller must hold no lock.
    pub(crate) fn run(self: &Arc<Self>, errand: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.errands.push_back(Box::new(errand));
        if std::mem::replace(&mut state.is_at_work, true) {
            return;
        }
        let teller = Arc::clone(self);
        // Under the lock, so that the thread is kept before it can end.
        let thread = Builder::new()
            .name(self.name.to_owned())
            .spawn(move || teller.work());
        match thread {
            // The thread before it, if any, has run its last line.
            Ok(thread) => state.thread = Some(thread),
            Err(_) => {
                drop(state);
                self.work();
            }
        }
    }

    /// As [`run`](Self::run), for a caller that holds a lock: if there is no thread, the errand waits for the next one.
    pub(crate) fn run_later(self: &Arc<Self>, errand: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.errands.push_back(Box::new(errand));
        if state.is_at_work {
            return;
        }
        let teller = Arc::clone(self);
        let thread = Builder::new()
            .name(self.name.to_owned())
            .spawn(move || teller.work());
        if let Ok(thread) = thread {
            (state.is_at_work, state.thread) = (true, Some(thread));
        }
    }

    fn work(&self) {
        while let Some(errand) = self.next() {
            contain(errand);
        }
    }

    fn next(&self) -> Option<Errand> {
        let mut state = self.lock();
        let errand = state.errands.pop_front();
        state.is_at_work = errand.is_some();
        errand
    }

    /// Waits for the end of the thread, if there is one, at most until `by`. A thread in which user
    /// code hangs is given up.
    pub(crate) fn join(&self, by: Instant) {
        let thread = self.lock().thread.take();
        if let Some(thread) = thread {
            Joining::start(vec![thread]).wait(by);
        }
    }

    fn lock(&self) -> MutexGuard<'_, TellerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
