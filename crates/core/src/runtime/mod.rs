//! The runtime: one lifetime over all flavours, and the handle that users hold.
//!
//! A `builder` sets a runtime up, a `handle` is what users hold, `core` what it is made of. `launch` hands payloads in
//! (`call`, `named`, `spawn`, `deadlock`), or lets them wait for the start: `waiting`. `choice` finds the flavour. The
//! `runner` waits for the end and brings it about, `signals` ask for it. `roll` is what the runtime knows of services.

mod builder;
mod call;
pub(crate) mod choice;
mod core;
mod deadlock;
mod handle;
mod launch;
mod named;
mod roll;
mod runner;
mod signals;
mod spawn;
mod waiting;

pub use self::builder::Builder;
pub use self::call::Call;
pub use self::handle::{Runtime, Wait, runtime};
pub use self::named::Named;

pub(crate) use self::core::Core;
pub(crate) use self::roll::Roll;
pub(crate) use self::spawn::spawn;
