//! What the calling thread is doing for Foster right now: whose code it runs, and why it drops.

use std::cell::Cell;
use std::time::Instant;

use crate::clock::Clock;
use crate::record::Record;
use crate::sync::Arc;
use crate::sync::{scoped_thread_local, thread_local};

scoped_thread_local!(static CURRENT: Arc<Record>);

thread_local! {
    static DROPPING: Cell<Dropping> = const { Cell::new(Dropping::ByFlavour) };
    static ROUND: Cell<Round> = const { Cell::new(Round::None) };
}

/// Runs `code` as the payload of `record`.
pub(crate) fn enter<R>(record: &Arc<Record>, code: impl FnOnce() -> R) -> R {
    CURRENT.set(record, code)
}

/// The record of the payload whose code runs on this thread.
pub(crate) fn current() -> Option<Arc<Record>> {
    with_current(|record| record.cloned())
}

/// Calls `code` with the record of the payload whose code runs on this thread.
pub(crate) fn with_current<R>(code: impl FnOnce(Option<&Arc<Record>>) -> R) -> R {
    match CURRENT.is_set() {
        true => CURRENT.with(|record| code(Some(record))),
        false => code(None),
    }
}

/// On whose behalf a payload is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dropping {
    /// Its flavour's: it must have cancelled or finished it.
    ByFlavour,
    /// Its adopter's, who is told that it was refused.
    Refused,
    /// The runtime's, which ends before it has begun.
    Unrun,
}

/// Drops `payload` and what is in it on behalf of `whom`.
pub(crate) fn drop_for<P>(whom: Dropping, payload: P) {
    struct Restore(Dropping);
    impl Drop for Restore {
        fn drop(&mut self) {
            DROPPING.with(|dropping| dropping.set(self.0));
        }
    }
    // Also restored if a destructor of the user's unwinds.
    let _restore = Restore(DROPPING.with(|dropping| dropping.replace(whom)));
    drop(payload);
}

/// On whose behalf the calling thread drops a payload.
pub(crate) fn dropping() -> Dropping {
    DROPPING.with(Cell::get)
}

/// How many polls of a run queue, one after another, may count as one moment.
const POLLS_IN_ROUND: usize = 16;

/// Some polls of a run queue, which count as one moment where that is near enough.
#[derive(Clone, Copy)]
enum Round {
    None,
    Begun,
    At(Instant),
}

/// The polls of a run queue on this thread, until this is dropped.
pub(crate) struct Polls(usize);

impl Polls {
    pub(crate) fn begin() -> Self {
        ROUND.with(|round| round.set(Round::Begun));
        Self(0)
    }

    /// Another poll comes.
    pub(crate) fn next(&mut self) {
        self.0 += 1;
        if self.0 % POLLS_IN_ROUND == 0 {
            ROUND.with(|round| round.set(Round::Begun));
        }
    }
}

impl Drop for Polls {
    fn drop(&mut self) {
        ROUND.with(|round| round.set(Round::None));
    }
}

/// The moment at which this was first asked in the present round of polls, or now where there is none. To read
/// the clock costs as much as five locks.
pub(crate) fn moment_of_round(clock: &Clock) -> Instant {
    ROUND.with(|round| match round.get() {
        Round::At(moment) if !clock.is_manual() => moment,
        Round::Begun if !clock.is_manual() => {
            let moment = clock.now();
            round.set(Round::At(moment));
            moment
        }
        _ => clock.now(),
    })
}
