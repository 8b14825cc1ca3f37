//! The threads of one name: the idle ones, and their next payloads.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar};

/// The idle threads of one name, and the payloads that they were called for.
///
/// A thread was woken for every payload in here, so no payload waits for the end of another. If another
/// thread is done before the woken one comes, it takes the payload, and the woken thread is spare: the next
/// payload gets it without another wake-up, which is a system call and most of a thread's cost.
pub(crate) struct Crew<P> {
    /// In the order of their arrival.
    payloads: VecDeque<P>,
    /// Idle threads that were not woken; the last has waited least.
    idle: Vec<Arc<WakeUp>>,
    /// Threads woken for a payload that another thread has taken. Plus the number of payloads, this is the
    /// number of threads that are on their way.
    spare: usize,
}

/// Wakes an idle thread, or sends it away. Changed under the lock of the crew.
#[derive(Default)]
pub(crate) struct WakeUp {
    is_made: AtomicBool,
    is_dismissed: AtomicBool,
    pub(crate) heard: Condvar,
}

impl WakeUp {
    pub(crate) fn is_made(&self) -> bool {
        self.is_made.load(Relaxed)
    }

    /// Whether the wait is over.
    pub(crate) fn is_over(&self) -> bool {
        self.is_made() || self.is_dismissed.load(Relaxed)
    }
}

impl<P> Default for Crew<P> {
    fn default() -> Self {
        Self {
            payloads: VecDeque::new(),
            idle: Vec::new(),
            spare: 0,
        }
    }
}

impl<P> Crew<P> {
    /// Takes `payload` in if there is a thread for it, spare or idle. For an idle thread, returns its wake_up, to be
    /// notified.
    pub(crate) fn take_in(&mut self, payload: P) -> Result<Option<Arc<WakeUp>>, P> {
        let wake_up = match self.spare.checked_sub(1) {
            Some(spare) => {
                self.spare = spare;
                None
            }
            None => match self.idle.pop() {
                Some(wake_up) => {
                    wake_up.is_made.store(true, Relaxed);
                    Some(wake_up)
                }
                None => return Err(payload),
            },
        };
        self.payloads.push_back(payload);
        Ok(wake_up)
    }

    /// Takes the next payload, for a thread that was not called for it.
    pub(crate) fn take_next(&mut self) -> Option<P> {
        let payload = self.payloads.pop_front()?;
        self.spare += 1;
        Some(payload)
    }

    /// A thread begins to wait for `wake_up`.
    pub(crate) fn rest(&mut self, wake_up: Arc<WakeUp>) {
        self.idle.push(wake_up);
    }

    /// The thread stops waiting for `wake_up`. If it was woken, returns its payload, unless another thread has that.
    pub(crate) fn wake(&mut self, wake_up: &Arc<WakeUp>) -> Option<P> {
        if !wake_up.is_made.swap(false, Relaxed) {
            self.idle.retain(|idle| !Arc::ptr_eq(idle, wake_up));
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

    /// Sends all idle threads away and returns their calls, to be notified. They no longer count as idle.
    pub(crate) fn dismiss(&mut self) -> impl Iterator<Item = Arc<WakeUp>> {
        let dismissed = |wake_up: &Arc<WakeUp>| wake_up.is_dismissed.store(true, Relaxed);
        self.idle.drain(..).inspect(dismissed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resting(crew: &mut Crew<u32>) -> Arc<WakeUp> {
        let wake_up = Arc::new(WakeUp::default());
        crew.rest(Arc::clone(&wake_up));
        wake_up
    }

    fn is_called(called: Result<Option<Arc<WakeUp>>, u32>, wake_up: &Arc<WakeUp>) -> bool {
        let called = called.ok().flatten();
        called.is_some_and(|called| Arc::ptr_eq(&called, wake_up)) && wake_up.is_made()
    }

    /// A called thread whose payload another thread has taken.
    fn in_vain(crew: &mut Crew<u32>) -> Arc<WakeUp> {
        let wake_up = resting(crew);
        let called = crew.take_in(1);
        assert!(is_called(called, &wake_up));
        assert_eq!(crew.take_next(), Some(1));
        assert!(!crew.is_empty());
        wake_up
    }

    #[test]
    fn without_a_thread_a_payload_is_handed_back() {
        let mut crew = Crew::default();
        assert!(matches!(crew.take_in(1), Err(1)));
        assert!(crew.is_empty());
    }

    #[test]
    fn the_thread_that_has_waited_least_is_called_first() {
        let mut crew = Crew::default();
        let (first, last) = (resting(&mut crew), resting(&mut crew));
        assert!(is_called(crew.take_in(1), &last));
        assert!(is_called(crew.take_in(2), &first));
        assert!(crew.take_in(3).is_err());
        assert!(!crew.is_empty());
        // In the order of the payloads' arrival, whichever thread comes first.
        assert_eq!(crew.wake(&first), Some(1));
        assert!(!crew.is_empty());
        assert_eq!(crew.wake(&last), Some(2));
        assert!(crew.is_empty());
    }

    #[test]
    fn a_thread_whose_payload_another_one_took_is_there_for_the_next() {
        let mut crew = Crew::default();
        let wake_up = in_vain(&mut crew);
        assert!(matches!(crew.take_in(2), Ok(None)));
        // There is but one.
        assert!(crew.take_in(3).is_err());
        assert_eq!(crew.wake(&wake_up), Some(2));
        assert!(crew.is_empty());
    }

    #[test]
    fn a_thread_that_comes_in_vain_is_there_no_longer() {
        let mut crew = Crew::default();
        let wake_up = in_vain(&mut crew);
        assert_eq!(crew.take_next(), None);
        assert_eq!(crew.wake(&wake_up), None);
        assert!(!wake_up.is_made());
        assert!(crew.is_empty());
        assert!(crew.take_in(2).is_err());
    }

    #[test]
    fn a_thread_that_leaves_is_not_called() {
        let mut crew = Crew::<u32>::default();
        let (leaves, stays) = (resting(&mut crew), resting(&mut crew));
        assert_eq!(crew.wake(&leaves), None);
        assert!(!crew.is_empty());
        let dismissed: Vec<_> = crew.dismiss().collect();
        assert!(matches!(&dismissed[..], [one] if Arc::ptr_eq(one, &stays)));
        assert!(stays.is_over() && !stays.is_made() && !leaves.is_over());
        assert!(crew.is_empty());
    }
}
