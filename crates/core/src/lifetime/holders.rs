//! The holders of the grace time: payloads with a token, and services. The stop waits for them.

use crossbeam_utils::CachePadded;

use crate::base::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// The number of holders, with [`GRACE_OVER`] as its top bit. One number for both, so that nobody
/// is counted as the grace time ends. On a cache line of its own, as every adopt reads the phase.
pub(super) struct Holders(CachePadded<AtomicUsize>);

/// Set in the number of holders once holders no longer matter.
const GRACE_OVER: usize = 1 << (usize::BITS - 1);

impl Holders {
    pub(super) fn none() -> Self {
        Self(CachePadded::new(AtomicUsize::new(0)))
    }

    /// Counts one more holder; `false` if the grace time is over.
    #[must_use]
    pub(super) fn hold(&self) -> bool {
        let count = |holders| (holders & GRACE_OVER == 0).then_some(holders + 1);
        self.0.fetch_update(SeqCst, SeqCst, count).is_ok()
    }

    /// A counted holder has ended.
    pub(super) fn release(&self) {
        self.0.fetch_sub(1, SeqCst);
    }

    pub(super) fn is_held(&self) -> bool {
        self.count() != 0
    }

    /// How many there are, also of those who overran the grace time.
    pub(super) fn count(&self) -> usize {
        self.0.load(SeqCst) & !GRACE_OVER
    }

    /// Ends the grace time if there are no holders. Returns whether it did.
    #[must_use]
    pub(super) fn end_grace_if_unheld(&self) -> bool {
        let ended = self.0.compare_exchange(0, GRACE_OVER, SeqCst, SeqCst);
        ended.is_ok()
    }

    /// Ends the grace time, whether there are holders or not.
    pub(super) fn end_grace(&self) {
        self.0.fetch_or(GRACE_OVER, SeqCst);
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn the_grace_time_ends_by_itself_when_nobody_is_left() {
        let holders = Holders::none();
        for _ in 0..2 {
            assert!(holders.hold());
        }
        for _ in 0..2 {
            assert!(holders.is_held());
            assert!(!holders.end_grace_if_unheld());
            holders.release();
        }
        assert!(!holders.is_held());
        assert!(holders.end_grace_if_unheld());
        assert!(!holders.hold(), "nobody comes in any more");
        assert!(!holders.is_held());
    }

    #[test]
    fn those_who_overran_the_grace_time_still_count() {
        let holders = Holders::none();
        assert!(holders.hold());
        holders.end_grace();
        assert!(!holders.hold());
        assert!(holders.is_held());
        holders.release();
        assert!(!holders.is_held());
    }
}
