//! What the report counts: failures, and who may still bring one.

/// How many failures are kept; those after them are counted.
const FAILURE_LIMIT: usize = 64;

#[derive(Default)]
pub(super) struct Ledger {
    kept: usize,
    omitted: usize,
    /// How many blocking payloads have come to their end, and may be about to tell a failure.
    ending: usize,
    /// How much is being told, or about to be.
    telling: usize,
    is_closed: bool,
}

/// What becomes of a failure.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is in the report.
    Kept,
    /// It is counted there.
    Counted,
    /// The report is made.
    TooLate,
}

impl Ledger {
    /// Takes a failure in.
    pub(super) fn enter(&mut self) -> Entry {
        if self.is_closed {
            Entry::TooLate
        } else if self.kept < FAILURE_LIMIT {
            self.kept += 1;
            Entry::Kept
        } else {
            self.omitted += 1;
            Entry::Counted
        }
    }

    pub(super) fn begin_telling(&mut self) {
        self.telling += 1;
    }

    pub(super) fn end_telling(&mut self) {
        self.telling -= 1;
    }

    /// A blocking payload has come to its end; `false` if the report is made.
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

    /// Takes no more failures in, unless one may be about to come and the caller does not insist. The number of those
    /// that were not kept, once it is closed.
    pub(super) fn close(&mut self, insists: bool) -> Option<usize> {
        if self.ending + self.telling > 0 && !insists {
            return None;
        }
        self.is_closed = true;
        Some(self.omitted)
    }
}
