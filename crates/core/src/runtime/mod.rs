//! The runtime: one lifetime over all flavours, and the handle that users hold.
//!
//! A `builder` has the settings of a runtime, a `handle` is the user's view of it (`ending` for those who handle signals
//! themselves), and `core` has its parts. `launch` hands payloads in (`call`, `named`, `spawn`, `deadlock`), or lets them wait
//! for the start: `waiting`. `site` is where that is done, and `choice` finds the flavour. `probing` asks executors whether
//! they go on, and `changes` tells watchers what becomes of the runtime. The `runner` waits for the end and carries it out;
//! `signals` ask for it, and `wait` is for those who await it.

mod builder;
mod call;
mod changes;
pub(crate) mod choice;
pub(crate) mod core;
mod deadlock;
mod ending;
mod handle;
pub(crate) mod launch;
mod named;
mod probing;
mod runner;
mod signals;
pub(crate) mod site;
mod spawn;
mod wait;
mod waiting;

pub use self::builder::Builder;
pub use self::call::Call;
pub use self::handle::{Runtime, runtime};
pub use self::named::Named;
pub use self::probing::{Probing, Unanswered};
pub use self::wait::Wait;

pub(crate) use self::spawn::spawn;
