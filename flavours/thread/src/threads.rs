//! The threads: each runs one subroutine at a time, then waits a while for the next.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use foster_core::{Joining, Rejected, Subroutine};

use crate::crew::{Crew, WakeUp};

/// How long an idle thread waits for another payload before it ends.
const KEPT: Duration = Duration::from_secs(1);

/// The waits, in milliseconds, between attempts to get a thread after idle ones were sent away: those end a
/// moment later, and the system needs another moment to free their resources.
const PATIENCE: [u64; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The first payload of a new thread. Shared, as a failed spawn of the thread does not give it back.
type Parcel = Arc<Mutex<Option<Subroutine>>>;

/// All threads of one flavour.
#[derive(Default)]
pub(crate) struct Threads(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The size of the threads' stacks in bytes, if set.
    stack_size: Option<usize>,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    cancelled: bool,
    /// Payloads that are not over.
    running: usize,
    /// By the name of the threads: a thread cannot be renamed. Absent if none is idle or called.
    crews: HashMap<String, Crew<Subroutine>>,
    handles: Vec<JoinHandle<()>>,
    /// The threads that `wait` has found at their end.
    leaving: Vec<Arc<Joining>>,
    /// From this number of handles on, `keep` looks for threads that have ended.
    sweep_at: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Threads {
    pub(crate) fn new(stack_size: Option<usize>) -> Self {
        Self(Arc::new(Shared {
            stack_size,
            ..Shared::default()
        }))
    }

    /// Runs `payload` on an idle or a new thread, and returns at once.
    pub(crate) fn run_apart(&self, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        let name = payload.name();
        let taken = {
            let mut state = self.0.lock();
            if state.cancelled {
                return Err(Rejected::new(payload));
            }
            state.running += 1;
            match state.crews.get_mut(&name) {
                Some(crew) => crew.take_in(payload),
                None => Err(payload),
            }
        };
        match taken {
            // Without the lock, as a waking thread takes it first.
            Ok(Some(wake_up)) => wake_up.heard.notify_one(),
            Ok(None) => {}
            Err(payload) => return self.spawn(name, payload),
        }
        Ok(())
    }

    fn spawn(&self, name: String, payload: Subroutine) -> Result<(), Rejected<Subroutine>> {
        let parcel = Arc::new(Mutex::new(Some(payload)));
        let mut thread = self.begin(&name, &parcel);
        if thread.is_err() && self.retire() {
            for pause in PATIENCE {
                thread::sleep(Duration::from_millis(pause));
                thread = self.begin(&name, &parcel);
                if thread.is_ok() {
                    break;
                }
                self.retire();
            }
        }
        match thread {
            Ok(handle) => {
                self.0.lock().keep(handle);
                Ok(())
            }
            Err(error) => {
                self.0.end_one(&mut self.0.lock());
                match take(&parcel) {
                    Some(payload) => Err(Rejected::because(payload, error)),
                    // Nobody but the thread that was not spawned could have taken it.
                    None => Ok(()),
                }
            }
        }
    }

    /// Begins a thread, which first runs the payload in `parcel`.
    fn begin(&self, name: &str, parcel: &Parcel) -> io::Result<JoinHandle<()>> {
        let (shared, parcel, name) = (Arc::clone(&self.0), Arc::clone(parcel), name.to_owned());
        let mut thread = Builder::new().name(name.clone());
        if let Some(bytes) = self.0.stack_size {
            thread = thread.stack_size(bytes);
        }
        thread.spawn(move || {
            let wake_up = Arc::new(WakeUp::default());
            let mut next = take(&parcel);
            while let Some(payload) = next {
                payload.run();
                next = shared.next(&name, &wake_up);
            }
        })
    }

    /// Ends all idle threads, whatever their names. Whether any ends, or had ended with its handle kept.
    fn retire(&self) -> bool {
        let mut state = self.0.lock();
        state.dismiss();
        // One running payload has no thread yet: the one that asks for it.
        let are_spare = state.handles.len() >= state.running;
        // The system keeps a thread's stack as long as the thread can be joined.
        state.sweep();
        are_spare
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.lock().cancelled
    }

    /// Takes no more payloads; those on a thread go on.
    pub(crate) fn end_when_empty(&self) {
        let mut state = self.0.lock();
        state.cancelled = true;
        state.dismiss();
    }

    /// Waits until all threads have ended, at most until `by`; whether they have.
    pub(crate) fn wait(&self, by: Instant) -> bool {
        let mut state = self.0.lock();
        while state.running > 0 {
            let left = by.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .0
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
            // Their payloads are over, but destructors of their locals may still run. Kept, as a later
            // `join` must not take them for gone.
            state.leaving.push(Arc::new(Joining::start(over)));
        }
        let leaving = state.leaving.clone();
        drop(state);
        ended && leaving.iter().all(|threads| threads.wait(by))
    }
}

impl Shared {
    /// The calling thread's payload is over. Waits for the next one, for a limited time, and returns it.
    fn next(&self, name: &str, wake_up: &Arc<WakeUp>) -> Option<Subroutine> {
        let mut state = self.lock();
        self.end_one(&mut state);
        if let Some(payload) = state.crews.get_mut(name).and_then(Crew::take_next) {
            return Some(payload);
        }
        loop {
            let crew = state.crews.entry(name.to_owned()).or_default();
            crew.rest(Arc::clone(wake_up));
            state = wake_up
                .heard
                .wait_timeout_while(state, KEPT, |state| !state.cancelled && !wake_up.is_over())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let is_called = wake_up.is_made();
            // Gone only if all idle threads were dismissed, and another thread was quicker.
            let crew = state.crews.get_mut(name)?;
            let payload = crew.wake(wake_up);
            if crew.is_empty() {
                state.crews.remove(name);
            }
            if payload.is_some() || !is_called {
                return payload;
            }
        }
    }

    fn end_one(&self, state: &mut State) {
        state.running -= 1;
        if state.running == 0 {
            self.ended.notify_all();
        }
    }
}

impl State {
    /// Ends all idle threads.
    fn dismiss(&mut self) {
        for wake_up in self.crews.values_mut().flat_map(Crew::dismiss) {
            wake_up.heard.notify_one();
        }
    }

    /// Lets go of the threads that have ended.
    fn sweep(&mut self) {
        self.handles.retain(|handle| !handle.is_finished());
    }

    /// Keeps `handle` for `wait`, and now and then lets go of threads that have ended.
    fn keep(&mut self, handle: JoinHandle<()>) {
        if self.handles.len() >= self.sweep_at {
            self.sweep();
            self.sweep_at = 2 * self.handles.len() + 16;
        }
        self.handles.push(handle);
    }
}

fn take(parcel: &Parcel) -> Option<Subroutine> {
    parcel.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Threads")
            .field("running", &state.running)
            .field("cancelled", &state.cancelled)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::mpsc::{Sender, channel};

    use foster_core::{BoxError, Flavour, Identifier, Key, Reporter, Runtime, Signals};

    use super::*;

    /// A flavour that the test looks into.
    #[derive(Clone, Debug)]
    struct Seen(Arc<Threads>);

    impl PartialEq for Seen {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    impl Key for Seen {
        type Payload = Subroutine;

        fn identifier(&self) -> Identifier {
            const { Identifier::new("seen") }
        }

        fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Subroutine>>, BoxError> {
            Ok(Arc::clone(&self.0) as _)
        }
    }

    /// Drops its sender as the thread ends.
    struct Leaves(#[expect(dead_code, reason = "its drop is what is heard of")] Sender<()>);

    thread_local! {
        static LEAVES: RefCell<Option<Leaves>> = const { RefCell::new(None) };
    }

    /// A long-lived process may have any number of names.
    #[test]
    fn nothing_is_kept_of_names_whose_threads_have_ended() {
        let seen = Seen(Arc::default());
        let runtime = Runtime::builder().signals(Signals::Leave).build();
        runtime.start().unwrap();
        let (left, has_left) = channel();
        for name in ["one", "other"] {
            let left = left.clone();
            let payload = move || LEAVES.set(Some(Leaves(left)));
            runtime.named(name).adopt(seen.clone(), payload).unwrap();
        }
        drop(left);
        let ended = has_left.recv_timeout(10 * KEPT);
        assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
        assert!(seen.0.0.lock().crews.is_empty());
        runtime.shutdown();
        runtime.wait().unwrap();
    }
}
