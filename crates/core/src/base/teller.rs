//! Runs code of the user's for those threads of Foster's that must not wait for it.

use std::collections::VecDeque;
use std::time::Instant;

use crate::base::joining::Joining;
use crate::base::panics::contain;
use crate::base::sync::thread::{Builder, JoinHandle};
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A queue of errands, and the thread that runs one after the other: it is there as long as there are any.
pub(crate) struct Teller {
    name: &'static str,
    state: Mutex<TellerState>,
}

#[derive(Default)]
struct TellerState {
    errands: VecDeque<Errand>,
    /// Some thread runs them.
    is_at_work: bool,
    thread: Option<JoinHandle<()>>,
}

type Errand = Box<dyn FnOnce() + Send>;

impl Teller {
    /// One whose thread has that name.
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: Mutex::default(),
        })
    }

    /// Has `errand` run once, after those that came before it.
    ///
    /// Where no thread can be had it runs right here, as it must not be lost: nothing may be locked.
    pub(crate) fn run(self: &Arc<Self>, errand: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        state.errands.push_back(Box::new(errand));
        if std::mem::replace(&mut state.is_at_work, true) {
            return;
        }
        let teller = Arc::clone(self);
        // Under the lock, so that the thread is known before it can have ended.
        let thread = Builder::new()
            .name(self.name.to_owned())
            .spawn(move || teller.work());
        match thread {
            // The one before it, if any, has run its last line.
            Ok(thread) => state.thread = Some(thread),
            Err(_) => {
                drop(state);
                self.work();
            }
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

    /// Waits for the end of the thread, if there is one, at most until `by`: one in which code of the user's
    /// hangs is given up.
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
