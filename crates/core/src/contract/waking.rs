//! That a flavour's threads begin to work after a sleep.

use std::fmt;

use crate::base::sync::atomic::{AtomicU8, Ordering::SeqCst};
use crate::base::sync::{Arc, Weak};

/// Nobody watches: the next note begins that.
const UNWATCHED: u8 = 0;
/// Somebody watches, and there was no note since the last look.
const QUIET: u8 = 1;
/// Somebody watches, and there was a note since the last look; or nobody ever will.
const NOTED: u8 = 2;

/// A flavour's note that its threads begin to work after a sleep: see [`Reporter::waking`](crate::Reporter::waking).
///
/// A flavour whose threads sleep is not looked at, so that nothing wakes up for it. Its first note after that begins the
/// watch for stalls. All further ones cost one look at a flag.
#[derive(Clone)]
pub struct Waking(Arc<Noted>);

struct Noted {
    state: AtomicU8,
    watcher: Weak<dyn Watcher>,
}

/// Who watches a flavour.
pub(crate) trait Watcher: Send + Sync {
    /// The flavour's threads work, and nobody watches.
    fn begin_watch(&self);
}

impl Waking {
    pub(crate) fn new(watcher: Weak<dyn Watcher>) -> Self {
        let state = AtomicU8::new(UNWATCHED);
        Self(Arc::new(Noted { state, watcher }))
    }

    /// A thread of the flavour begins to work, or is about to be woken for that.
    #[inline]
    pub fn note(&self) {
        if self.0.state.load(SeqCst) != NOTED {
            self.note_first();
        }
    }

    #[cold]
    fn note_first(&self) {
        if self.0.state.swap(NOTED, SeqCst) == UNWATCHED {
            if let Some(watcher) = self.0.watcher.upgrade() {
                watcher.begin_watch();
            }
        }
    }

    /// A look begins: notes from here on count.
    pub(crate) fn look(&self) {
        self.0.state.store(QUIET, SeqCst);
    }

    /// Nobody watches any more, unless there was a note since the look began. Whether that is so.
    pub(crate) fn rest(&self) -> bool {
        let rests = self
            .0
            .state
            .compare_exchange(QUIET, UNWATCHED, SeqCst, SeqCst);
        rests.is_ok()
    }
}

impl fmt::Debug for Waking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waking").finish_non_exhaustive()
    }
}
