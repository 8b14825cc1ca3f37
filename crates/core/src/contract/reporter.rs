//! How a flavour tells its runtime about itself.

use std::fmt;

use crate::base::identifier::Identifier;
use crate::base::sync::Weak;

/// A flavour's line to its runtime, by which it can say that it is lost.
#[derive(Clone)]
pub struct Reporter {
    identifier: Identifier,
    // Weak, as a flavour must not keep its runtime alive.
    to: Weak<dyn FlavourReports>,
}

impl Reporter {
    pub(crate) fn new(identifier: Identifier, to: Weak<dyn FlavourReports>) -> Self {
        Self { identifier, to }
    }

    /// The identifier under which the flavour was started, to name threads after.
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Says on how many threads the flavour runs payloads, which is one unless it says so. An execute
    /// that waits for a flavour is refused as a deadlock only if all of its threads are blocked.
    pub fn runs_on(&self, threads: usize) {
        if let Some(to) = self.to.upgrade() {
            to.runs_on(threads);
        }
    }

    /// Says that the flavour runs payloads on the calling thread, from which an execute on it would wait
    /// for itself. Otherwise that is known from a payload's first poll on. See also
    /// [`runs_where`](Self::runs_where).
    pub fn runs_here(&self) {
        if let Some(to) = self.to.upgrade() {
            to.runs_here();
        }
    }

    /// Gives an answer to whether the flavour runs payloads on the calling thread, for a flavour that cannot
    /// say so by [`runs_here`](Self::runs_here), as its threads are others' or change.
    ///
    /// `answer` is asked on every thread that is about to wait in an execute, on whatever flavour of the
    /// runtime, and what it says holds for that thread until it is asked there again. It must be quick, and
    /// neither wait nor panic. The first answer that is given stays.
    pub fn runs_where(&self, answer: impl Fn() -> bool + Send + Sync + 'static) {
        if let Some(to) = self.to.upgrade() {
            to.runs_where(Box::new(answer));
        }
    }

    /// How large the stacks of the flavour's threads are to be, in bytes, if the runtime's builder
    /// [says so](crate::Builder::stack_size).
    pub fn stack_size(&self) -> Option<usize> {
        self.to.upgrade()?.stack_size()
    }

    /// Says that the flavour died for `reason`: it will run nothing more.
    ///
    /// That is a failure, and so is every payload that was alive on the flavour; a caller that
    /// waited for one of them gets an error.
    pub fn lost(&self, reason: impl Into<String>) {
        if let Some(to) = self.to.upgrade() {
            to.lost(&reason.into());
        }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reporter").field(&self.identifier).finish()
    }
}

/// What a flavour may tell of itself, to whoever has started it.
pub(crate) trait FlavourReports: Send + Sync {
    /// On how many threads it runs payloads.
    fn runs_on(&self, threads: usize);

    /// That it runs payloads on the calling thread.
    fn runs_here(&self);

    /// How to find out whether it does.
    fn runs_where(&self, answer: Box<RunsHere>);

    /// How large the stacks of its threads are to be, in bytes.
    fn stack_size(&self) -> Option<usize>;

    /// That it died.
    fn lost(&self, reason: &str);
}

/// What a flavour answers when it is asked whether it runs payloads on the calling thread.
pub(crate) type RunsHere = dyn Fn() -> bool + Send + Sync;
