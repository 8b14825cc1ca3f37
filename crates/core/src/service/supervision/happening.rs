//! What the supervision is told.

use super::*;

/// Which unit it is. Whoever comes later has a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Id {
    /// No other unit has it, ever.
    pub(crate) serial: u64,
    /// Its place in tables: a small number, which is another unit's when this one is over.
    pub(crate) place: u32,
}

impl Id {
    /// Its place as an index.
    pub(crate) fn index(self) -> usize {
        self.place as usize
    }
}

/// One run of a unit, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RunId {
    pub(crate) unit: Id,
    pub(crate) number: u64,
}

/// What happens. `F` is a failure, which is passed on and never looked at.
#[derive(Debug)]
pub(crate) enum Happening<F> {
    /// Services were handed in that may start, as far as it is up to the runtime.
    HandedIn(Vec<Newcomer>),
    /// The flavour for which [`Effect::StartFlavour`] asked is there.
    FlavourUp(usize),
    /// It could not be started.
    FlavourDown(usize, F),
    /// What [`Effect::Launch`] asked for is done: why the payload was refused, if it was. `None` inside says
    /// that it met the stop.
    Launched(RunId, Result<(), Option<F>>),
    /// A run had its first poll, or has its thread.
    Begun(RunId),
    /// A run says that it is ready.
    Notified(RunId),
    /// A run took a shutdown token.
    TookToken(RunId),
    /// A run panicked, was lost, or could not begin.
    Failed {
        run: RunId,
        failure: F,
        can_run: bool,
        /// Failures of its unit are that one's own.
        may_fail: bool,
    },
    /// A run came to its end by itself.
    Answered {
        run: RunId,
        /// With an error it is `Done` if no other run is to follow.
        exit: Option<Exit>,
        error: Option<F>,
        /// Failures of its unit are that one's own.
        may_fail: bool,
    },
    /// Nothing of a run is left. `can_run` says whether there is a value for another one.
    Gone { run: RunId, can_run: bool },
    /// A run that was cut short would not end: it blocks its thread.
    Blocks(RunId),
    /// Somebody wants a unit to stop or to restart.
    Asked(Id, Wish),
    /// The same, of several units, in their order.
    AskedTogether(Vec<Id>, Wish),
    /// Somebody wants units to be started, in their order.
    Wanted(Vec<Id>),
    /// Somebody wants a unit to stop at once, without its stop time.
    Cancelled(Id),
    /// A payload of a group has failed; `is_error` says that its code returned that.
    MemberFailed {
        group: Id,
        failure: F,
        is_error: bool,
    },
    /// Nobody hands anything into a group from outside any more: it is over when it is empty.
    Closed(Id),
    /// Somebody may hand into a closed group again, who has found it before it was over.
    Reopened(Id),
    /// No payload is alive in a group that is closed or stops.
    Drained(Id),
    /// The clock has moved.
    Due,
    /// The runtime stops, if that is not known. Its grace time is over at this moment.
    Stops(Moment),
    /// The grace time is over; whether a signal has cut it short.
    GraceOver { by_signal: bool },
}

/// What a user wants of a unit; `asked` decides what is done for it. Until its next start the unit remembers that it is to
/// stop or to restart, as that decides what a failure means and what follows a run. Each wish but `Restart` is an end for
/// good: one of another kind is remembered as `Stop`, and what is special about it by the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Restart,
    Stop,
}

/// One that a service comes after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) other: Id,
    pub(crate) was_ready: bool,
    /// The service cannot start without it.
    pub(crate) is_needed: bool,
}

/// A service or a group that was handed in.
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) id: Id,
    /// `None` if nothing was said.
    pub(crate) policy: Option<Box<Policy>>,
    /// Those that it comes after, all of them known.
    pub(crate) after: Vec<Link>,
    /// Those that it is a part of.
    pub(crate) part_of: Vec<Id>,
    /// Whether its runs are blocking code, which cannot be cancelled.
    pub(crate) is_blocking: bool,
    /// The number of its flavour, and whether that is there.
    pub(crate) flavour: usize,
    pub(crate) is_flavour_up: bool,
    /// Whether it was asked to stop before the start.
    pub(crate) is_unwanted: bool,
    /// It is a group, which begins at once.
    pub(crate) is_group: bool,
    /// The group that it is in; for a group also the unit whose present run made it.
    pub(crate) parent: Option<Id>,
}
