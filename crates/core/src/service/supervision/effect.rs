//! What the supervision answers.

use super::*;

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect<F> {
    /// A unit's state is another: the token of one that is stopping says that the end is requested. Whoever asks sees
    /// it at once, as all up to `Over`.
    State(Id, UnitState),
    /// The unit starts again at this moment.
    Delayed(Id, Moment),
    /// A failure ends nothing else, as a restart follows, or the unit was asked to end or may fail: it is told, and kept if it is the
    /// first of its run.
    Absorb {
        unit: Id,
        fault: Fault<F>,
        is_first: bool,
    },
    /// The last failure of one is that of another as well, which has ended for it.
    Suffer {
        unit: Id,
        of: Id,
    },
    /// A failure is the runtime's, which stops for it.
    Record(Id, Fault<F>),
    /// The same, of a payload of a group.
    RecordMember(F),
    /// The present run is to be named in the report.
    Blame(Id, Blame),
    /// The same, of one whose failures end nothing else: it is told, and listed with what was left behind.
    Excuse(Id, Blame),
    /// A unit waited for another one that was not ready when the stop began.
    InVain(Id, Id),
    /// The runtime is to stop.
    StopRuntime,
    /// The runtime's stop waits for no service any more.
    StopOver,
    /// The place that a unit has in the limits of its group, if it is in one, is free: before it is seen to be over.
    FreePlace(Id),
    /// Nothing runs of the unit, or will by itself.
    Over(Id),
    /// The unit that was over and startable is started.
    Resume(Id),
    /// The unit never comes back, and with it goes the value that it may have.
    Forget(Id),
    /// It is to be told when no payload is alive in a group, which nothing may hold up but its children.
    Watch(Id),

    /// The flavour of a unit is to be started. From here on in order, one after the other, and not at once.
    StartFlavour(Id),
    Launch(RunId),
    /// Wakes the payload of a run, whose token says something new.
    Wake(RunId),
    /// Drops a run where it awaits, or unrun if it has not begun, blocking code too.
    Cancel(RunId),
    /// The same, of a run that is out of time. One that is being polled just then counts as one that blocks, and
    /// [that is told](Happening::Blocks): so this is for runs that have had their time.
    Cut(RunId),
    /// Drops a value that no run will need.
    Dispose(Id),

    /// Something is to be told.
    Tell(Id, Remark),
    /// Nobody waits any more for what has failed: that is told, and nothing comes of it.
    Unclaimed(F),
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault<F> {
    /// Its code did.
    Given(F),
    /// What was kept of the unit last.
    Kept,
    /// It would start more often than its limit lets it: because it `returned`, or for what was kept.
    GivenUp {
        starts: usize,
        window: Duration,
        returned: bool,
    },
    /// It ended without having said that it is ready.
    UnreadyAtItsEnd,
    /// It returned, although it must never end.
    Returned,
    /// It was not ready in time, and these wait for it.
    Late {
        within: Duration,
        notifies: bool,
        waiters: Vec<Id>,
    },
    /// It waited too long for these.
    WaitedTooLong { within: Duration, others: Vec<Id> },
    /// It waits for one that never gets ready.
    WaitsForEver { other: Id, was_stopped: bool },
    /// It would not end, so it cannot be started again.
    Stuck,
}

/// Why a run is named in the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blame {
    /// It had its turn, and overran it.
    Overran,
    /// It was not asked in time, as these used the time up.
    NotAsked { by: Vec<Id> },
    /// It had had a part of its time when a signal ended the grace time.
    CutShort { after: Duration, of: Duration },
    /// It goes on although a user has cancelled it.
    Cancelled,
}

/// What is told of a unit beside its failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Remark {
    /// It is started again after this time.
    Restarts(Duration),
    Overran,
    /// It was asked to stop and goes on.
    GoesOn,
    /// Its stop time and those of the units that it comes after exceed the grace time.
    TooLong {
        times: Duration,
        grace: Duration,
    },
}
