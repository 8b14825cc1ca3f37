//! The counts of the report: the failures, and the payloads that may still bring one.

use crate::errors::failure::Failure;

/// How many failures are kept. Later ones are only counted.
const FAILURE_LIMIT: usize = 64;

#[derive(Default)]
pub(super) struct Ledger {
    kept: usize,
    omitted: usize,
    /// How many blocking payloads have come to their end, and may be about to tell a failure.
    ending: usize,
    /// How many lines and failures are being told, or are about to be.
    telling: usize,
    is_closed: bool,
    /// The failure that began the stop, if one did.
    pub(super) cause: Option<Failure>,
}

/// What happens to a failure.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entered {
    /// It is in the report.
    Kept,
    /// It is only counted in the report.
    Counted,
    /// It comes too late: the report is closed.
    TooLate,
}

impl Ledger {
    /// Takes a failure in.
    pub(super) fn enter(&mut self) -> Entered {
        if self.is_closed {
            Entered::TooLate
        } else if self.kept < FAILURE_LIMIT {
            self.kept += 1;
            Entered::Kept
        } else {
            self.omitted += 1;
            Entered::Counted
        }
    }

    /// How many were taken in.
    pub(super) fn entered(&self) -> usize {
        self.kept + self.omitted
    }

    pub(super) fn begin_telling(&mut self) {
        self.telling += 1;
    }

    pub(super) fn end_telling(&mut self) {
        self.telling -= 1;
    }

    /// A blocking payload has come to its end; `false` if the report is closed.
    #[must_use]
    pub(super) fn begin_ending(&mut self) -> bool {
        if !self.is_closed {
            self.ending += 1;
        }
        !self.is_closed
    }

    pub(super) fn end_ending(&mut self) {
        self.ending -= 1;
    }

    /// Closes the report to further failures, unless one may be about to come and the caller does
    /// not insist. Returns the number of failures that were not kept, once it is closed.
    pub(super) fn close(&mut self, insists: bool) -> Option<usize> {
        if self.ending + self.telling > 0 && !insists {
            return None;
        }
        self.is_closed = true;
        Some(self.omitted)
    }
}

#[cfg(all(test, not(foster_model)))]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_kept_and_the_rest_counted() {
        let mut ledger = Ledger::default();
        for _ in 0..FAILURE_LIMIT {
            assert_eq!(ledger.enter(), Entered::Kept);
        }
        for _ in 0..3 {
            assert_eq!(ledger.enter(), Entered::Counted);
        }
        assert_eq!(ledger.close(false), Some(3));
        assert_eq!(ledger.enter(), Entered::TooLate);
        // It is no matter of how often it is closed.
        assert_eq!(ledger.close(false), Some(3));
    }

    /// Who is at its end, and what is being told, may bring one more.
    #[test]
    fn it_stays_open_while_a_failure_may_come() {
        type Change = fn(&mut Ledger);
        let begin_ending: Change = |ledger| assert!(ledger.begin_ending());
        let kinds: [(Change, Change); 2] = [
            (begin_ending, Ledger::end_ending),
            (Ledger::begin_telling, Ledger::end_telling),
        ];
        for (begin, end) in kinds {
            let mut ledger = Ledger::default();
            begin(&mut ledger);
            begin(&mut ledger);
            for _ in 0..2 {
                assert_eq!(ledger.close(false), None);
                assert_eq!(ledger.enter(), Entered::Kept);
                end(&mut ledger);
            }
            assert_eq!(ledger.close(false), Some(0));
        }
    }

    #[test]
    fn whoever_insists_closes_it() {
        let mut ledger = Ledger::default();
        assert!(ledger.begin_ending());
        ledger.begin_telling();
        assert_eq!(ledger.close(true), Some(0));
        assert_eq!(ledger.enter(), Entered::TooLate);
        // Not counted, so it does not say when it has ended.
        assert!(!ledger.begin_ending());
        ledger.end_ending();
        ledger.end_telling();
        assert_eq!((ledger.ending, ledger.telling), (0, 0));
    }
}
