//! The way from a flavour to its runtime.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::base::identifier::Identifier;
use crate::base::manual_time::{Follower, ManualTime};
use crate::base::sync::{Arc, Weak};
use crate::contract::waking::Waking;
use crate::errors::refusal::BoxError;

/// A flavour's line to its runtime, for facts about the flavour and for its loss.
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

    /// The identifier under which the flavour was started. Threads may be named after it.
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Reports on how many threads the flavour runs payloads. Without a report it is one.
    ///
    /// An execute that waits for the flavour is refused as a deadlock only if all of these threads
    /// are blocked.
    pub fn runs_on(&self, threads: usize) {
        if let Some(to) = self.to.upgrade() {
            to.runs_on(threads);
        }
    }

    /// Reports that the flavour runs payloads on the calling thread, where an execute on the
    /// flavour would wait for itself. Without a report this is known from a payload's first poll
    /// on. See also [`runs_where`](Self::runs_where).
    pub fn runs_here(&self) {
        if let Some(to) = self.to.upgrade() {
            to.runs_here();
        }
    }

    /// Sets a function that answers whether the flavour runs payloads on the calling thread. For a
    /// flavour that cannot use [`runs_here`](Self::runs_here), as its threads belong to others or
    /// change.
    ///
    /// `answer` is called on every thread that is about to wait in an execute, on any flavour of
    /// the runtime. Its result holds for that thread until it is called there again. It must be
    /// quick, and neither wait nor panic. The first function that is set stays.
    pub fn runs_where(&self, answer: impl Fn() -> bool + Send + Sync + 'static) {
        if let Some(to) = self.to.upgrade() {
            to.runs_where(Box::new(answer));
        }
    }

    /// The size of the stacks of the flavour's threads, in bytes, if the runtime's builder [sets
    /// it](crate::Builder::stack_size).
    pub fn stack_size(&self) -> Option<usize> {
        self.to.upgrade()?.stack_size()
    }

    /// The way to the runtime's clock, if the executor's own time is to follow that: see
    /// [`Clock::manual_with_executors`](crate::Clock::manual_with_executors). A flavour that cannot do so ignores it.
    pub fn leader(&self) -> Option<Leader> {
        let leads = self.to.upgrade()?.leader()?;
        Some(Leader(leads))
    }

    /// What the flavour is to note when one of its threads begins to work after a sleep, so that stalls are looked for. For a
    /// flavour that answers [probes](crate::Flavour::probe), and whose payloads no [`Intake`](crate::Intake) drives. `None`
    /// if the runtime is over.
    pub fn waking(&self) -> Option<Waking> {
        Some(self.to.upgrade()?.waking())
    }

    /// Who receives the reports.
    pub(crate) fn receiver(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(self.to.upgrade()?.as_any())
    }

    /// A thread of the flavour goes on with the start after [`Key::start`](crate::Key::start) has returned, and says how it
    /// comes out.
    pub(crate) fn begin(&self) -> Beginning {
        if let Some(to) = self.to.upgrade() {
            to.begins(false);
        }
        Beginning(Some(Weak::clone(&self.to)))
    }

    /// As [`begin`](Self::begin), of a thread that cannot fail to begin.
    pub(crate) fn begin_surely(&self) {
        if let Some(to) = self.to.upgrade() {
            to.begins(true);
        }
    }

    /// Reports that the flavour died for `reason` and will run nothing more.
    ///
    /// That is a failure, and so is every payload that was alive on the flavour. A caller that
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

/// A start that is not over yet. One that is dropped has failed.
pub(crate) struct Beginning(Option<Weak<dyn FlavourReports>>);

impl Beginning {
    /// The thread has begun, or has `failed` to.
    pub(crate) fn end(mut self, failed: Option<Unbegun>) {
        self.tell(failed);
    }

    fn tell(&mut self, failed: Option<Unbegun>) {
        if let Some(to) = self.0.take().and_then(|to| to.upgrade()) {
            to.has_begun(failed);
        }
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.tell(Some(Unbegun {
                error: "its thread ended before it had begun".into(),
                payloads: Box::new(()),
            }));
        }
    }
}

/// A flavour's thread that could not begin.
pub(crate) struct Unbegun {
    pub(crate) error: BoxError,
    /// The payloads that it was handed meanwhile. To be dropped as refused.
    pub(crate) payloads: Box<dyn Send>,
}

/// A manual clock that an executor's own time follows.
///
/// Moments are times since the clock was made.
#[derive(Clone)]
pub struct Leader(Arc<ManualTime>);

impl Leader {
    /// How late it is.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Has `follower` go along with every move of the clock, for as long as it exists.
    pub fn lead(&self, follower: Weak<dyn Follower>) {
        self.0.lead(follower);
    }

    /// The executor's time has come to `elapsed`, on its way to where the clock is going. The code that its timers wake
    /// sees that on the clock as well. Never moves the clock back.
    pub fn reach(&self, elapsed: Duration) {
        self.0.reach(elapsed);
    }

    /// Whether something falls due on the clock before `elapsed`: an executor on its way there stops where it has come to.
    pub fn is_due_before(&self, elapsed: Duration) -> bool {
        self.0.next_due_before(elapsed).is_some()
    }
}

impl fmt::Debug for Leader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Leader").field(&self.elapsed()).finish()
    }
}

/// The receiver of a flavour's reports about itself.
pub(crate) trait FlavourReports: Send + Sync {
    /// The number of threads on which the flavour runs payloads.
    fn runs_on(&self, threads: usize);

    /// The flavour runs payloads on the calling thread.
    fn runs_here(&self);

    /// The function that answers whether the flavour runs payloads on the calling thread.
    fn runs_where(&self, answer: Box<RunsHere>);

    /// The size of the stacks of the flavour's threads, in bytes, if it is set.
    fn stack_size(&self) -> Option<usize>;

    /// The clock that the executor's own time is to follow.
    fn leader(&self) -> Option<Arc<ManualTime>>;

    /// What is noted when its threads begin to work.
    fn waking(&self) -> Waking;

    /// A thread of the flavour goes on with the start, and says how it comes out unless it is `sure` to succeed.
    fn begins(&self, sure: bool);

    /// That thread has begun, or has failed to.
    fn has_begun(&self, failed: Option<Unbegun>);

    /// The flavour died.
    fn lost(&self, reason: &str);

    /// For the floors above, which know the type behind the trait.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// Answers whether the flavour runs payloads on the calling thread.
pub(crate) type RunsHere = dyn Fn() -> bool + Send + Sync;
