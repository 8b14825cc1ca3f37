//! The number by which a store tells the present holder of a lease from those before.

use std::fmt;
use std::time::Duration;

use foster_core::Group;

use crate::term::Term;

/// The turn that the calling code is part of: its number rises over all holders of the lease, for ever.
///
/// No lease can promise that there is never more than one who *believes* to hold it: a process may be paused between a look at its
/// lease and what it does next. What protects a store is that it keeps the greatest fence it has seen, and refuses
/// all that comes with a smaller one. In a database:
///
/// ```sql
/// UPDATE accounts SET balance = $1, fence = $2 WHERE id = $3 AND fence <= $2
/// ```
///
/// It is the same in all that the gated run does and hands in: its children, and the executes and calls of either, through their group or
/// through the runtime. What it adopts by the runtime is no child of anybody, and part of no turn.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    number: u64,
    term: u64,
}

impl Fence {
    pub(crate) fn of(term: &Term) -> Self {
        Self {
            number: term.fence,
            term: term.number,
        }
    }

    /// The fence of the turn that the calling payload is part of.
    ///
    /// # Panics
    ///
    /// If it is part of none.
    #[track_caller]
    pub fn current() -> Self {
        let here = "nothing that a lease gates runs here: take `Fence::current()` in what `only_one` serves, or use \
                    `Fence::try_current`";
        Self::try_current().expect(here)
    }

    /// As [`current`](Self::current), or `None` where nothing is gated.
    pub fn try_current() -> Option<Self> {
        Group::carried_here()
    }

    /// The number, greater than that of all turns before.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Whether the lease is still held, by the clock of this machine. It may have ended when this returns.
    pub fn is_held(self) -> bool {
        !self.left().is_zero()
    }

    /// For how long it is held if it is not renewed.
    pub fn left(self) -> Duration {
        Term::find(self.term).map_or(Duration::ZERO, |term| term.left())
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fence").field(&self.number).finish()
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.number, f)
    }
}
