//! One payload, from its closure to its result.
//!
//! A `ticket` and the user's code make a payload. Its task (`raw`) consists of a `header`
//! (identity, scheduler and `state`), a `body` (the user's code, in a `stage`) and a completer,
//! which passes the result on (`join`). Flavours hold the task as a `runnable`, which continues the
//! payload until it is over. `context` knows the payload whose code a thread runs. A `token` is a
//! payload's part in the end of its runtime. `console` shows it to tokio-console.
//!
//! The floors above use payloads through this module alone. The payload reaches them through two
//! traits: `schedule`, the scheduler that runs it, and `observer`, the service that it is a run of.

mod body;
mod clock;
#[cfg(feature = "console")]
mod console;
mod context;
mod header;
mod join;
mod observer;
mod on_request;
mod raw;
mod runnable;
mod schedule;
mod stage;
// The models use it directly.
#[cfg(all(test, foster_model))]
pub(crate) mod state;
#[cfg(not(all(test, foster_model)))]
mod state;
mod ticket;
mod token;
mod until;

pub use self::on_request::OnRequest;
pub use self::ticket::Ticket;
pub use self::token::{Requested, Shutdown};
pub use self::until::UntilRequested;

pub(crate) use self::context::{Dropping, current, drop_for, with_current};
pub(crate) use self::header::{Header, Identity, Label, Place};
pub(crate) use self::join::{JoinState, Waiter};
pub(crate) use self::observer::Observer;
pub(crate) use self::raw::Task;
pub(crate) use self::runnable::{Runnable, advance, end, is_large};
pub(crate) use self::schedule::Schedule;
pub(crate) use self::state::{AfterPoll, Settled, Wake};
