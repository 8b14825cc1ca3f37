//! Services: what a runtime starts, watches, starts again and stops in order.
//!
//! `definition` says what a service is, `settings`, `policy` and `restart` how it is
//! treated; `function` and `linked` make services of functions. `unit` is the handle, `state` and `watch` what can be
//! seen, `unit_core` what is behind them, with one run as `unit_core::attempt`, and `source` where the values of runs
//! come from. `roster` has all of them, with their names and their order. `supervision` decides what becomes of them, a
//! value without locks, clocks and threads; `supervisor` is the shell around it. `serve` hands in.
#![allow(
    private_interfaces,
    private_bounds,
    reason = "the traits of services are closed: nobody else can name or call what is private in them"
)]

mod build;
mod definition;
mod dependency;
mod function;
mod linked;
mod policy;
mod ready;
mod restart;
mod roster;
mod serve;
mod settings;
mod source;
mod state;
mod supervision;
mod supervisor;
mod unit;
mod unit_core;
mod watch;

pub use self::definition::{PayloadOf, Service};
pub use self::dependency::Dependency;
pub use self::function::{Described, FnService, service};
pub use self::linked::LinkedService;
pub use self::ready::Ready;
pub use self::restart::Restart;
pub use self::serve::UnitBuilder;
pub use self::settings::Settings;
pub use self::source::{Runs, Served};
pub use self::state::{UnitState, UnitStatus};
pub use self::unit::{StateFuture, Unit};
pub use self::watch::{UnitChange, UnitChanges};

#[cfg(fuzzing)]
pub(crate) use self::supervision::play_bytes;
