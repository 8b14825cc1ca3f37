//! A flavour without an executor, moved by hand: for documentation and tests.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Instant;

use crate::base::identifier::Identifier;
use crate::base::sync::{Arc, Mutex, MutexGuard, PoisonError};
use crate::contract::flavour::{Flavour, Rejected};
use crate::contract::key::Key;
use crate::contract::reporter::Reporter;
use crate::errors::refusal::BoxError;
use crate::payload::Coroutine;

/// A flavour that keeps its payloads in a queue and polls one of them at each
/// [`step`](Manual::step), on the thread that steps.
///
/// ```
/// use foster_core::{Manual, Runtime};
///
/// let manual = Manual::new();
/// let runtime = Runtime::builder().until_idle().build();
/// runtime.adopt(manual.clone(), || async { println!("polled") })?;
/// runtime.start()?;
/// while manual.step() {}
/// runtime.wait()?;
/// # Ok::<(), foster_core::RunError>(())
/// ```
///
/// All steps must come from one thread, as payloads are bound to the thread that polls them first.
#[derive(Clone)]
pub struct Manual {
    queue: Arc<ManualQueue>,
}

#[derive(Default)]
struct ManualQueue {
    state: Mutex<ManualState>,
}

#[derive(Default)]
struct ManualState {
    payloads: VecDeque<Coroutine>,
    cancelled: bool,
}

impl Manual {
    /// A flavour with an empty queue. Clones share it.
    #[expect(
        clippy::new_without_default,
        reason = "each is another flavour, none is the default"
    )]
    pub fn new() -> Self {
        Self {
            queue: Arc::default(),
        }
    }

    /// Polls the first payload of the queue once. If the payload is not over, it goes back to the
    /// end of the queue. Returns `false` if the queue was empty.
    pub fn step(&self) -> bool {
        // Polled without the lock: a payload may hand in others.
        let Some(mut payload) = self.queue.lock().payloads.pop_front() else {
            return false;
        };
        let mut context = Context::from_waker(Waker::noop());
        if Pin::new(&mut payload).poll(&mut context).is_pending() {
            self.queue.lock().payloads.push_back(payload);
        }
        true
    }

    /// The number of payloads in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.lock().payloads.len()
    }
}

impl ManualQueue {
    fn lock(&self) -> MutexGuard<'_, ManualState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for Manual {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.queue, &other.queue)
    }
}

impl fmt::Debug for Manual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.queue, f)
    }
}

impl fmt::Debug for ManualQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manual with {} payloads", self.lock().payloads.len())
    }
}

impl Key for Manual {
    type Payload = Coroutine;

    fn identifier(&self) -> Identifier {
        const { Identifier::new("foster::manual") }
    }

    fn start(&self, _: Reporter) -> Result<Arc<dyn Flavour<Payload = Coroutine>>, BoxError> {
        Ok(Arc::clone(&self.queue) as _)
    }
}

impl Flavour for ManualQueue {
    type Payload = Coroutine;

    fn spawn(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let mut state = self.lock();
        if state.cancelled {
            return Err(Rejected::new(payload));
        }
        state.payloads.push_back(payload);
        Ok(())
    }

    fn block_on(&self, payload: Coroutine) -> Result<(), Rejected<Coroutine>> {
        let completion = payload.completion();
        self.spawn(payload)?;
        completion.wait();
        Ok(())
    }

    fn cancel(&self) {
        self.lock().cancelled = true;
    }

    fn join(&self, _: Instant) -> bool {
        // It has no thread.
        true
    }
}
