//! The rows of the contract that a flavour can break.

/// A row of the contract, or a clause of [`Flavour`](foster_core::Flavour)'s documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    id: &'static str,
    text: &'static str,
}

impl Row {
    /// The id, such as `SPAWN-1` or `A2`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The demand on a flavour.
    pub fn text(&self) -> &'static str {
        self.text
    }
}

const fn row(id: &'static str, text: &'static str) -> Row {
    Row { id, text }
}

/// The rows of every case, as every case ends a runtime and reads its report.
pub(crate) const EVERYWHERE: &[&str] = &[
    "POLL-2", "A2", "POLL-3", "F2", "CANCEL-2", "S2", "CANCEL-5", "JOIN-2", "L5", "S3",
];

const ROWS: &[Row] = &[
    row(
        "POLL-1",
        "a payload that was woken is polled again, whoever woke it and whenever",
    ),
    row(
        "POLL-2",
        "polls and drops are inside the executor's context, and those of coroutines on one thread",
    ),
    row(
        "POLL-3",
        "no payload is dropped, forgotten or left before it is ready, and a flavour without one waits for more",
    ),
    row(
        "SPAWN-1",
        "a payload is accepted before `cancel`, and what is accepted starts, once",
    ),
    row(
        "SPAWN-2",
        "the caller of `spawn` is not blocked, and the payload does not run inside the call",
    ),
    row(
        "SPAWN-3",
        "payloads spawned from one thread start in that order",
    ),
    row(
        "SPAWN-4",
        "new payloads are taken in bounded batches, and all else goes on meanwhile",
    ),
    row(
        "BLOCK-1",
        "`block_on` returns once the payload's completion is reached, no earlier, and needs nothing more of the flavour",
    ),
    row(
        "BLOCK-2",
        "`block_on` runs a subroutine on the calling thread; any other payload is spawned and waited for",
    ),
    row("CANCEL-1", "calling `cancel` twice is calling it once"),
    row(
        "CANCEL-2",
        "payloads are not dropped for `cancel`: each is polled once more, and is gone then",
    ),
    row("CANCEL-3", "from `cancel` on every payload is rejected"),
    row(
        "CANCEL-4",
        "`cancel` returns at once, also while payloads are alive or block",
    ),
    row(
        "CANCEL-5",
        "the flavour's threads end as soon as nothing is left to run",
    ),
    row("JOIN-1", "`join` returns at its deadline at the latest"),
    row(
        "JOIN-2",
        "`join` returns true when no thread of the flavour runs any more, and only then",
    ),
    row(
        "PROBE-1",
        "a probe is answered on a thread of the executor, and not while all of them are held up",
    ),
    row("PROBE-2", "the caller of `probe` is not blocked"),
    row("L3", "payloads that waited for the start start in order"),
    row("L5", "when `run` returns the flavour's threads have ended"),
    row(
        "L7",
        "what was accepted before the stop gets its first poll",
    ),
    row(
        "L10",
        "runtimes live beside each other and one after the other",
    ),
    row(
        "A1",
        "adopt never waits, from any thread and inside any payload",
    ),
    row(
        "A2",
        "a payload is made, polled and dropped on its flavour's thread, inside its executor's context",
    ),
    row(
        "A3",
        "coroutines of a flavour never run in parallel; subroutines do, and parallels on several threads",
    ),
    row("A5", "a panic is a failure with its message"),
    row("A6", "every failure is told, once"),
    row(
        "A8",
        "one thread's adopts to one flavour start in that order",
    ),
    row("E1", "execute returns the payload's value"),
    row("E2", "a panic in an executed payload goes on in the caller"),
    row(
        "E3",
        "an executed subroutine runs on its caller's thread and ends when its closure does",
    ),
    row(
        "E4",
        "an execute that could never end is refused, and no other",
    ),
    row(
        "E5",
        "a caller of execute is let go when the runtime ends, even if the flavour is stuck",
    ),
    row("E6", "dropping a call cancels its coroutine"),
    row("S1", "payloads that hold a token are asked and waited for"),
    row(
        "S2",
        "a coroutine is dropped where it awaits when the runtime stops",
    ),
    row(
        "S3",
        "stopping takes at most grace and cancel time, and what blocks is named",
    ),
    row(
        "S5",
        "a destructor that panics stops no other from being run",
    ),
    row(
        "V3",
        "a service that is cancelled is dropped where it awaits",
    ),
    row(
        "V16",
        "a service that may fail has failed by what its run returned, and nothing else ends",
    ),
    row(
        "G1",
        "a group ends with all that is in it, while the flavour and all else go on",
    ),
    row(
        "G3",
        "a failure ends the group that may fail, and nothing else",
    ),
    row(
        "G4",
        "nothing is left of a group that is over, nor harms those after it",
    ),
    row(
        "G5",
        "a place in a group is free when its payload has ended, and goes to the next who waits",
    ),
    row(
        "I2",
        "a probe says whether the executor goes on, whatever it is that holds it up",
    ),
    row(
        "F2",
        "the flavour neither dies nor drops a payload that is unfinished and not cancelled",
    ),
    row(
        "F3",
        "timers, sockets and running payloads progress, also under a flood of adopts",
    ),
];

/// Lists the rows that the cases prove.
pub fn rows() -> &'static [Row] {
    ROWS
}

/// Lists the rows that every case proves at its end, besides the rows it names.
pub fn rows_proved_everywhere() -> &'static [&'static str] {
    EVERYWHERE
}

pub(crate) fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}
