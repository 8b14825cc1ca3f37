//! The result of a case.

use std::error::Error;
use std::fmt;

/// The end of a case that found nothing wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The flavour passes.
    Kept,
    /// The case does not apply to this flavour; the text says why.
    DoesNotApply(&'static str),
}

/// A row of the contract that the flavour has broken.
///
/// `Display` and `Debug` print all of it: the row, and what was expected and seen.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation(Box<Details>);

/// The data of a violation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Details {
    pub(crate) case: &'static str,
    pub(crate) flavour: String,
    pub(crate) rows: &'static [&'static str],
    pub(crate) expected: String,
    pub(crate) seen: String,
    /// The reports of the case's runtimes, if they had ended.
    pub(crate) reports: Vec<String>,
}

impl From<Details> for Violation {
    fn from(details: Details) -> Self {
        Self(Box::new(details))
    }
}

impl Violation {
    /// Adds a runtime's report.
    pub(crate) fn with_report(mut self, report: impl fmt::Display) -> Self {
        self.0.reports.push(report.to_string());
        self
    }

    /// Returns the case that found it.
    pub fn case(&self) -> &'static str {
        self.0.case
    }

    /// Returns the ids of the broken rows, the closest first: clauses of
    /// [`Flavour`](foster_core::Flavour) and rows of the contract.
    pub fn rows(&self) -> &'static [&'static str] {
        self.0.rows
    }

    /// Returns what the case expected.
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// Returns what it saw.
    pub fn seen(&self) -> &str {
        &self.0.seen
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "flavour `{}` breaks {} (case `{}`)\n  expected: {}\n  seen:     {}",
            self.0.flavour,
            self.0.rows.join(", "),
            self.0.case,
            self.0.expected,
            self.0.seen,
        )?;
        for row in self.0.rows {
            if let Some(row) = crate::rows::find(row) {
                write!(f, "\n  {}: {}", row.id(), row.text())?;
            }
        }
        for report in &self.0.reports {
            write!(
                f,
                "\n  the runtime's own report: {}",
                report.replace('\n', "\n    ")
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Violation {}
