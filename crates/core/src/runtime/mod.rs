//! The runtime: one lifetime over all flavours, and the handle that users hold.
//!
//! A `builder` has the settings of a runtime, a `handle` is the user's view of it, and `core` has
//! its parts. `launch` hands payloads in (`call`, `named`, `spawn`, `deadlock`), or lets them wait
//! for the start: `waiting`. `choice` finds the flavour. The `runner` waits for the end and carries
//! it out; `signals` ask for it.

mod builder;
mod call;
pub(crate) mod choice;
mod core;
mod deadlock;
mod handle;
mod launch;
mod named;
mod runner;
mod signals;
mod spawn;
mod waiting;

pub use self::builder::Builder;
pub use self::call::Call;
pub use self::handle::{Runtime, Wait, runtime};
pub use self::named::Named;

pub(crate) use self::spawn::spawn;
