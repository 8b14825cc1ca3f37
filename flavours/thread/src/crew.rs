//! The threads of one name: which of them wait, and what they are to run.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar};

use foster_core::Subroutine;

/// The threads of one name, as far as they have nothing to run, and the payloads that they come for.
///
/// Every payload in here has a thread that was called for it, so none waits for the end of another. A thread
/// that is done before that one comes takes the payload, and the one that comes is spare: the next payload
/// gets it without another call, which is a system call and the better part of what a thread costs.
#[derive(Default)]
pub(crate) struct Crew {
    /// In the order in which they were handed in.
    payloads: VecDeque<Subroutine>,
    /// Those that were not called, the one that has waited least last.
    idle: Vec<Arc<Call>>,
    /// How many were called for a payload that another one has taken.
    spare: usize,
}

/// How a thread that waits is called.
#[derive(Default)]
pub(crate) struct Call {
    /// Changed under the lock of the crew.
    is_made: AtomicBool,
    pub(crate) heard: Condvar,
}

impl Call {
    pub(crate) fn is_made(&self) -> bool {
        self.is_made.load(Relaxed)
    }
}

impl Crew {
    /// Takes `payload` in if there is a thread for it: one that is spare or one that waits. The latter is to hear of
    /// its call, which is returned.
    pub(crate) fn take_in(&mut self, payload: Subroutine) -> Result<Option<Arc<Call>>, Subroutine> {
        let call = match self.spare.checked_sub(1) {
            Some(spare) => {
                self.spare = spare;
                None
            }
            None => match self.idle.pop() {
                Some(call) => {
                    call.is_made.store(true, Relaxed);
                    Some(call)
                }
                None => return Err(payload),
            },
        };
        self.payloads.push_back(payload);
        Ok(call)
    }

    /// The next payload, for a thread that was not called for it.
    pub(crate) fn next(&mut self) -> Option<Subroutine> {
        let payload = self.payloads.pop_front()?;
        self.spare += 1;
        Some(payload)
    }

    /// A thread waits for `call`.
    pub(crate) fn rest(&mut self, call: Arc<Call>) {
        self.idle.push(call);
    }

    /// The thread that waited for `call` does so no longer. If it was called, returns the payload for it, unless
    /// another thread has that.
    pub(crate) fn wake(&mut self, call: &Arc<Call>) -> Option<Subroutine> {
        if !call.is_made.swap(false, Relaxed) {
            self.idle.retain(|idle| !Arc::ptr_eq(idle, call));
            return None;
        }
        let payload = self.payloads.pop_front();
        if payload.is_none() {
            self.spare -= 1;
        }
        payload
    }

    /// Whether no thread waits or was called.
    pub(crate) fn is_empty(&self) -> bool {
        self.idle.is_empty() && self.payloads.is_empty() && self.spare == 0
    }

    /// All threads that wait. They count as waiting no longer.
    pub(crate) fn dismiss(&mut self) -> impl Iterator<Item = Arc<Call>> {
        self.idle.drain(..)
    }
}
