//! One payload, from its closure to its result.
//!
//! `ticket` is what a payload is made with, `raw` the task that it is made into: a `header` (who it is, where it runs, how far
//! it has come: `state`), a `body` (the user's code, in a `stage`) and where its result goes (`join`). `runnable` is what
//! flavours hold, and lets the payload go on until it is over. `context` knows whose code a thread runs, `token` is a
//! payload's part in the end of its runtime.
//!
//! What is above knows the payload through this page alone, and is known to it through two traits: `schedule`, the
//! flavour that runs it, and `observer`, the service whose run it is.

mod body;
mod context;
mod header;
mod join;
mod observer;
mod raw;
mod runnable;
mod schedule;
mod stage;
// The models look at it alone.
#[cfg(all(test, foster_model))]
pub(crate) mod state;
#[cfg(not(all(test, foster_model)))]
mod state;
mod ticket;
mod token;

pub use self::ticket::Ticket;
pub use self::token::{Requested, Shutdown};

pub(crate) use self::context::{Dropping, current, drop_for, with_current};
pub(crate) use self::header::{Header, Identity, Place};
pub(crate) use self::join::{JoinState, Waiter};
pub(crate) use self::observer::Observer;
pub(crate) use self::raw::Task;
pub(crate) use self::runnable::{Runnable, advance, end, is_large};
pub(crate) use self::schedule::Schedule;
pub(crate) use self::state::{AfterPoll, Settled};
