//! One lifetime: the phase it is in, its failures, and who must be waited for.
//!
//! `phase` has the drawing, `shared` is what all that belongs to one runtime share, `holders` and `ledger` are numbers
//! in it. `failing` takes failures, and has them told: `telling`. `tokens` are who listens for the end.

mod failing;
mod holders;
mod ledger;
mod phase;
pub(crate) mod settings;
mod shared;
pub(crate) mod telling;
mod tokens;

pub(crate) use self::failing::Untold;
pub(crate) use self::phase::Phase;
pub(crate) use self::shared::{Caller, Lifetime, Note, Services, ServicesReport};
