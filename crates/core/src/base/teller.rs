//! Runs user code for threads of Foster's that must not wait for it.

use std::collections::VecDeque;
use std::io;
use std::time::Instant;

use crate::base::last::open_at_last;
use crate::base::latch::Latch;
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
    /// With a latch that opens when nothing of the user's is left on it.
    thread: Option<(JoinHandle<()>, Arc<Latch>)>,
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
        // Under the lock, so that the thread is kept before it can end. The one before it, if any, has run its last line.
        match self.begin() {
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
        if let Ok(thread) = self.begin() {
            (state.is_at_work, state.thread) = (true, Some(thread));
        }
    }

    fn begin(self: &Arc<Self>) -> io::Result<(JoinHandle<()>, Arc<Latch>)> {
        let (teller, gone) = (Arc::clone(self), Arc::default());
        let last = Arc::clone(&gone);
        let thread = Builder::new().name(self.name.to_owned()).spawn(move || {
            open_at_last(last);
            teller.work();
        })?;
        Ok((thread, gone))
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
        if let Some((thread, gone)) = thread {
            if gone.wait(by) {
                // Errands that panic are caught.
                let _ = thread.join();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, TellerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;

    /// Ends with a thread: waits for the latch, and sets the flag.
    struct Local(Arc<Latch>, Arc<AtomicBool>);

    impl Drop for Local {
        fn drop(&mut self) {
            self.0.wait(Instant::now() + Duration::from_secs(20));
            self.1.store(true, SeqCst);
        }
    }

    thread_local! {
        static LOCAL: Cell<Option<Local>> = const { Cell::new(None) };
    }

    /// Subscribers leave locals on the thread, and destructors may hang.
    #[test]
    fn a_join_waits_for_what_the_thread_drops_at_its_end_but_no_longer_than_it_may() {
        let (go, dropped) = (Arc::<Latch>::default(), Arc::<AtomicBool>::default());
        let teller = Teller::new("teller");
        let leave = || {
            let (go, dropped) = (Arc::clone(&go), Arc::clone(&dropped));
            move || LOCAL.set(Some(Local(go, dropped)))
        };
        teller.run(leave());
        teller.join(Instant::now() + Duration::from_millis(20));
        assert!(!dropped.load(SeqCst), "it hangs, and is given up");
        go.open();
        dropped.store(false, SeqCst);
        teller.run(leave());
        teller.join(Instant::now() + Duration::from_secs(20));
        assert!(dropped.load(SeqCst));
    }
}
