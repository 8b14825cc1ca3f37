//! One lifetime: its phase, its failures, and its holders.
//!
//! `phase` has the drawing, and `drain` that of what may come before the `stop`. `shared` is the state shared by everything that belongs to one runtime;
//! `holders` and `ledger` are counts in it. `failing` takes failures and has them told by
//! `telling`. `tokens` keeps the listeners for the end, and `watching` tells those who watch of each
//! `change`.
//! `aftermath` is what is put off until nothing is locked.

mod aftermath;
pub(crate) mod change;
mod drain;
mod failing;
pub(crate) mod gate;
mod group_part;
mod holders;
mod ledger;
mod part;
mod phase;
mod reason;
pub(crate) mod settings;
mod shared;
mod stop;
pub(crate) mod telling;
mod tokens;
mod watching;

pub(crate) use self::aftermath::{Aftermath, By};
pub(crate) use self::failing::Untold;
pub(crate) use self::group_part::GroupPart;
pub(crate) use self::part::Part;
pub(crate) use self::phase::Phase;
pub(crate) use self::reason::StopReason;
pub(crate) use self::shared::{Caller, Lifetime, Note, Services, ServicesReport, Watched};
