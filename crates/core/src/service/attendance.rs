//! Who sees to a unit. The supervisor does, but most services ask nothing of it while all goes well: they start
//! at once, and go on until they are asked to end. Such a unit is unattended: the supervisor has heard nothing
//! of it, and its run settles it when it ends, unless it is to be started again.
//!
//! ```text
//!                                 somebody asks for something or waits to be asked to end, a
//!                                 service comes after it, a time of its own runs out, or its
//!                                 run leaves something to do: `attend`, by the supervisor
//!   Unattended ──────────────────────────────────────────────────────────────► Attended
//!        │ its run ends: `end`
//!        ▼
//!      Over, OverReady (it was ready, if only for the moment of its end)
//! ```
//!
//! Both moves are made from Unattended alone, so either the supervisor finds the run alive, and is told of
//! its end, or it finds the unit over. A unit of any other kind is attended from the beginning. One that was
//! handed in before the start is Held until the supervisor launches its run, or sees to it.
//!
//! Nothing comes after one that is unattended, so its turn to end has come as soon as the runtime stops, and
//! that alone asks it: `UnitCore::stopped_since`. A run queue that polls it finds out by itself, in the sweep
//! that the stop begins with. The supervisor ends those that are polled by other means, as well as all of
//! them, one by one and the last that came first, if somebody looks on who is to be told; it sees to those
//! that have overrun a stop time of their own; and it waits until all are over.
//!
//! A start time-out is kept by looking, when the first of them is due, for those that are not ready yet: see
//! `starts`.

use crate::sync::atomic::{AtomicU8, Ordering::SeqCst};

const ATTENDED: u8 = 0;
const UNATTENDED: u8 = 1;
const OVER: u8 = 2;
const OVER_READY: u8 = 3;
const HELD: u8 = 4;

pub(super) struct Attendance(AtomicU8);

impl Attendance {
    /// `is_launched` says whether the first run is launched right away.
    pub(super) fn new(is_attended: bool, is_launched: bool) -> Self {
        Self(AtomicU8::new(match (is_attended, is_launched) {
            (true, _) => ATTENDED,
            (false, true) => UNATTENDED,
            (false, false) => HELD,
        }))
    }

    /// Whether the unit is alive and the supervisor does not see to it.
    pub(super) fn is_none(&self) -> bool {
        self.0.load(SeqCst) == UNATTENDED
    }

    /// Whether the supervisor sees to the unit, or did when it ended.
    pub(super) fn is_there(&self) -> bool {
        self.0.load(SeqCst) == ATTENDED
    }

    /// The supervisor sees to the unit from here on; whether it did not before, and the unit is alive.
    pub(super) fn attend(&self) -> bool {
        self.leave(UNATTENDED, ATTENDED)
    }

    /// Whether the unit waits to be launched, and the supervisor does not see to it.
    pub(super) fn is_held(&self) -> bool {
        self.0.load(SeqCst) == HELD
    }

    /// The first run of a unit that was held is about to be launched; `false` if the supervisor sees to it.
    pub(super) fn release(&self) -> bool {
        self.leave(HELD, UNATTENDED)
    }

    /// The supervisor sees to a unit that was held, from here on; `false` if it is none.
    pub(super) fn take_up(&self) -> bool {
        self.leave(HELD, ATTENDED)
    }

    /// The run of an unattended unit is over; `false` if the supervisor sees to the unit.
    pub(super) fn end(&self, is_ready: bool) -> bool {
        self.leave(UNATTENDED, if is_ready { OVER_READY } else { OVER })
    }

    fn leave(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, SeqCst, SeqCst).is_ok()
    }

    /// Whether the unit was ready at the end that it had unattended.
    pub(super) fn has_ended_ready(&self) -> bool {
        self.0.load(SeqCst) == OVER_READY
    }
}
